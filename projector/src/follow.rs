//! Following the log: one page of events becomes one transaction with its checkpoint. Whatever fails is begun again
//! from the stored checkpoint, later and later up to a bound, for as long as the service runs.

use crate::{
    Settings,
    project::{Known, project},
};
use leafcutter_crash_points::reach;
use leafcutter_domain::BatchId;
use leafcutter_event_store::{Aggregate, EventStore, Position, StoreError, StoredEvent, StreamName};
use leafcutter_read_models::{Changes, Quarantined, ReadModelError, ReadModels};
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The first wait after a failure; doubles with each further one.
const BACKOFF_FIRST_MS: u64 = 100;
/// The longest wait after a failure.
const BACKOFF_MAX_MS: u64 = 5_000;
/// Events in one read of a stream that was in quarantine.
const STREAM_PAGE_EVENTS: usize = 500;

/// Why a page was not applied.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    ReadModels(#[from] ReadModelError),
}

pub(crate) async fn run(
    store: Arc<dyn EventStore>,
    models: ReadModels,
    settings: Settings,
    stop: CancellationToken,
    caught: watch::Sender<bool>,
) {
    let mut follower = Follower { store, models, settings, caught, goal: None, applied: false };
    let mut backoff_ms = BACKOFF_FIRST_MS;
    loop {
        let Err(error) = follower.follow(&stop).await else { return };
        if std::mem::take(&mut follower.applied) {
            backoff_ms = BACKOFF_FIRST_MS;
        }
        tracing::error!(%error, backoff_ms, "the read models stand still; trying again");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(backoff_ms)) => {}
        }
        backoff_ms = (backoff_ms * 2).min(BACKOFF_MAX_MS);
    }
}

struct Follower {
    store: Arc<dyn EventStore>,
    models: ReadModels,
    settings: Settings,
    caught: watch::Sender<bool>,
    /// The head that the log had at the start.
    goal: Option<Position>,
    /// Whether anything was applied since the last failure.
    applied: bool,
}

impl Follower {
    /// Ends well when told to stop, or when paused.
    async fn follow(&mut self, stop: &CancellationToken) -> Result<(), FollowError> {
        let goal = match self.goal {
            Some(goal) => goal,
            None => *self.goal.insert(self.store.head().await?),
        };
        let mut from = self.models.checkpoint().await?;
        let mut waiting = self.release_quarantined(from).await?;
        let mut subscription = self.store.subscribe(from, None);
        loop {
            if from >= goal {
                self.caught.send_replace(true);
                if self.settings.paused {
                    return Ok(());
                }
            }
            let page = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                page = subscription.next() => page?,
            };
            let changes = self.changes(&page.events, &mut waiting).await?;
            reach("project");
            self.models.apply(&changes, from, page.up_to).await?;
            reach("checkpoint");
            self.applied = true;
            from = page.up_to;
        }
    }

    /// What the events change; streams that must wait from now on are added to `waiting`.
    async fn changes(
        &self,
        events: &[StoredEvent],
        waiting: &mut HashSet<StreamName>,
    ) -> Result<Changes, FollowError> {
        let known = self.known(events).await?;
        let changes = project(events, known, waiting);
        for Quarantined { stream, revision, reason, .. } in &changes.quarantined {
            tracing::error!(%stream, revision, reason, "an event cannot be applied; its stream waits, others go on");
            waiting.insert(stream.clone());
        }
        Ok(changes)
    }

    /// What the tables hold of the streams that the events are in.
    async fn known(&self, events: &[StoredEvent]) -> Result<Known, FollowError> {
        let mut batches = BTreeSet::new();
        let mut known = Known::default();
        for stream in events.iter().map(|event| &event.stream) {
            if let Some(batch) = batch_of(stream) {
                batches.insert(batch);
            } else if is_ledger(stream)
                && !known.ledgers.contains_key(stream)
                && let Some(ledger) = self.models.ledger(stream).await?
            {
                known.ledgers.insert(stream.clone(), ledger);
            }
        }
        if !batches.is_empty() {
            let batches: Vec<BatchId> = batches.into_iter().collect();
            known.batches = self.models.batches(&batches).await?;
        }
        Ok(known)
    }

    /// Tries the streams in quarantine again, since this version may read what an earlier one could not. Answers
    /// those that still wait.
    async fn release_quarantined(&self, checkpoint: Position) -> Result<HashSet<StreamName>, FollowError> {
        let mut waiting = HashSet::new();
        for Quarantined { stream, revision, .. } in self.models.quarantined().await? {
            let mut next = revision;
            loop {
                let events = self.store.read(&stream, next, STREAM_PAGE_EVENTS).await?;
                let mut changes = self.changes(&events, &mut waiting).await?;
                let more = events.len() == STREAM_PAGE_EVENTS && !waiting.contains(&stream);
                if !more && !waiting.contains(&stream) {
                    tracing::info!(%stream, "the stream can be applied and waits no more");
                    changes.released.push(stream.clone());
                }
                self.models.apply(&changes, checkpoint, checkpoint).await?;
                next += events.len() as u64;
                if !more {
                    break;
                }
            }
        }
        Ok(waiting)
    }
}

pub(crate) fn batch_of(stream: &StreamName) -> Option<BatchId> {
    let ours = stream.category() == leafcutter_domain::batch::Batch::CATEGORY;
    if ours { stream.key().parse().ok() } else { None }
}

pub(crate) fn is_ledger(stream: &StreamName) -> bool {
    stream.category() == leafcutter_domain::ledger::Ledger::CATEGORY
}
