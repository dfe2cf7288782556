//! The folded state of one stream, and how it is brought up to date: from memory, else from a snapshot, else from
//! the beginning, and then from what is new in the log.

use super::TransactError;
use crate::{Aggregate, EventStore, Metadata, Snapshot, StoredEvent, StreamName, decode};
use leafcutter_domain::{Decider, Moment};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Events between two snapshots of a stream.
const SNAPSHOT_EVERY_EVENTS: u64 = 500;
/// Events in one read.
const PAGE_EVENTS: usize = 500;

/// A stream folded up to a revision.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Folded<A: Aggregate> {
    /// What the aggregate remembers.
    pub state: <A as Decider>::State,
    /// Revision of the last event; `None` while there is none.
    pub revision: Option<u64>,
    /// Time in the last event's metadata.
    pub(crate) last_at: Option<Moment>,
    /// Hash in the last event's metadata; chained streams only.
    pub(crate) last_hash: Option<String>,
    #[serde(skip)]
    snapshot_at: u64,
}

/// Form of the snapshots written now. A change of any aggregate's state or `evolve` raises it.
const SNAPSHOT_FORM: u32 = 2;

/// A snapshot as it is written. The form and the stream are checked when it is read: a state of another version or
/// stream may parse and still be wrong.
#[derive(Serialize, Deserialize)]
struct Kept<S, F> {
    form: u32,
    stream: S,
    folded: F,
}

impl<A: Aggregate> Clone for Folded<A> {
    fn clone(&self) -> Self {
        let Self { state, revision, last_at, last_hash, snapshot_at } = self;
        Self {
            state: state.clone(),
            revision: *revision,
            last_at: *last_at,
            last_hash: last_hash.clone(),
            snapshot_at: *snapshot_at,
        }
    }
}

impl<A: Aggregate> Folded<A> {
    /// The state in a snapshot, if it is one of this stream in today's form. Else it is left aside: it is only a
    /// shortcut.
    fn from_snapshot(stream: &StreamName, snapshot: &Snapshot) -> Option<Self> {
        let kept: Kept<String, Self> = serde_json::from_slice(&snapshot.state).ok()?;
        let ours = kept.form == SNAPSHOT_FORM && kept.stream == stream.as_str();
        ours.then_some(Self { snapshot_at: snapshot.revision, ..kept.folded })
    }

    /// No events.
    pub(crate) fn empty() -> Self {
        Self { state: A::initial(), revision: None, last_at: None, last_hash: None, snapshot_at: 0 }
    }

    /// Hash of the last event in the chain, hex; `None` while there is none.
    #[must_use]
    pub fn head_hash(&self) -> Option<&str> {
        self.last_hash.as_deref()
    }

    /// The revision that the next event will have.
    pub(crate) fn next_revision(&self) -> u64 {
        self.revision.map_or(0, |revision| revision + 1)
    }

    /// Applies an event that is next in the stream.
    pub(crate) fn apply(mut self, event: &A::Event, metadata: &Metadata) -> Self {
        self.revision = Some(self.next_revision());
        self.state = A::evolve(self.state, event);
        self.last_at = Some(metadata.occurred_at);
        self.last_hash.clone_from(&metadata.hash);
        self
    }

    fn apply_stored(self, stored: &StoredEvent) -> Result<Self, TransactError<A::Rejection>> {
        let (event, metadata) =
            decode::<A::Event>(stored).map_err(|error| TransactError::StoredForm(Arc::new(error)))?;
        Ok(self.apply(&event, &metadata))
    }
}

/// Brings `known` up to date with the log.
pub(super) async fn refresh<A: Aggregate>(
    store: &dyn EventStore,
    stream: &StreamName,
    known: Option<Folded<A>>,
) -> Result<Folded<A>, TransactError<A::Rejection>> {
    let unavailable = |error| TransactError::Store(Arc::new(error));
    let mut folded = match known {
        Some(folded) => folded,
        None => {
            let snapshot = store.snapshot(stream).await.map_err(unavailable)?;
            snapshot
                .and_then(|snapshot| Folded::from_snapshot(stream, &snapshot))
                .unwrap_or_else(Folded::empty)
        }
    };
    loop {
        let page = store.read(stream, folded.next_revision(), PAGE_EVENTS).await.map_err(unavailable)?;
        let more = page.len() == PAGE_EVENTS;
        for stored in &page {
            folded = folded.apply_stored(stored)?;
        }
        if !more {
            return Ok(folded);
        }
    }
}

/// Saves a snapshot when the stream has grown enough since the last one. Failing is harmless.
pub(super) async fn save_if_due<A: Aggregate>(
    store: &dyn EventStore,
    stream: &StreamName,
    folded: &mut Folded<A>,
) {
    let Some(revision) = folded.revision else { return };
    if revision < folded.snapshot_at + SNAPSHOT_EVERY_EVENTS {
        return;
    }
    let kept = Kept { form: SNAPSHOT_FORM, stream: stream.as_str(), folded: &*folded };
    let Ok(state) = serde_json::to_vec(&kept) else { return };
    match store.save_snapshot(stream, Snapshot { revision, state }).await {
        Ok(()) => folded.snapshot_at = revision,
        Err(error) => {
            tracing::warn!(%stream, %error, "no snapshot was saved; the stream is folded from an older one")
        }
    }
}
