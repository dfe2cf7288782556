//! Applying events to one version of the read models: what the tables hold is read, the change is decided in
//! `project`, and written with the checkpoint. Streams in quarantine are held here, and go on from here.

use crate::project::{Known, batch_of, is_ledger, passed, project};
use leafcutter_crash_points::reach;
use leafcutter_domain::{BatchId, quarantine::QuarantineEvent};
use leafcutter_event_store::{
    Aggregate, EventStore, Position, StoreError, StoredEvent, StoredFormError, StreamName, decode,
};
use leafcutter_read_models::{Changes, Quarantined, ReadModelError, ReadModels, Turn};
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

/// Events in one read of a stream that was in quarantine.
const STREAM_PAGE_EVENTS: usize = 500;

/// Why events were not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tables cannot be read or written.
    #[error(transparent)]
    ReadModels(#[from] ReadModelError),
    /// What an operator decided about a stream cannot be read.
    #[error(transparent)]
    StoredForm(#[from] StoredFormError),
}

/// Applies events, for as long as it has the turn to write.
pub(crate) struct Applier {
    store: Arc<dyn EventStore>,
    models: ReadModels,
    turn: Turn,
    waiting: HashSet<StreamName>,
    checkpoint: Position,
}

impl Applier {
    /// Begins where the tables stand. Tries the streams in quarantine again, since this program may read what an
    /// earlier one could not.
    pub(crate) async fn begin(
        store: Arc<dyn EventStore>,
        models: ReadModels,
        turn: Turn,
    ) -> Result<Self, ApplyError> {
        let checkpoint = models.checkpoint().await?;
        let quarantined = models.quarantined().await?;
        let waiting = quarantined.iter().map(|one| one.stream.clone()).collect();
        let mut applier = Self { store, models, turn, waiting, checkpoint };
        for Quarantined { stream, revision, .. } in quarantined {
            applier.release(&stream, revision, checkpoint).await?;
        }
        Ok(applier)
    }

    /// How far the log was applied.
    pub(crate) fn checkpoint(&self) -> Position {
        self.checkpoint
    }

    /// Applies events that follow the checkpoint, and moves it `to` where they end. What an operator has decided about
    /// a stream in between is carried out at its place.
    pub(crate) async fn apply(&mut self, events: &[StoredEvent], to: Position) -> Result<(), ApplyError> {
        let mut rest = events;
        while let Some(place) = rest.iter().position(is_decision) {
            let (before, decision) = (&rest[..place], &rest[place]);
            if let Some(last) = before.last() {
                self.write(before, last.position).await?;
            }
            // The checkpoint comes after it: carried out twice, it changes nothing more.
            self.carry_out(decision).await?;
            rest = &rest[place + 1..];
        }
        self.write(rest, to).await
    }

    /// # Errors
    /// The turn to write is lost.
    pub(crate) async fn check(&mut self) -> Result<(), ReadModelError> {
        self.turn.check().await
    }

    pub(crate) async fn give_back(self) {
        self.turn.give_back().await;
    }

    async fn write(&mut self, events: &[StoredEvent], to: Position) -> Result<(), ApplyError> {
        let changes = self.changes(events).await?;
        reach("project");
        self.turn.apply(&changes, self.checkpoint, to).await?;
        reach("checkpoint");
        self.checkpoint = to;
        Ok(())
    }

    /// What the events change; streams that must wait from now on are held.
    async fn changes(&mut self, events: &[StoredEvent]) -> Result<Changes, ApplyError> {
        let known = self.known(events.iter().map(|event| &event.stream)).await?;
        let changes = project(events, known, &self.waiting);
        for Quarantined { stream, revision, reason, .. } in &changes.quarantined {
            tracing::error!(%stream, revision, reason, "an event cannot be applied; its stream waits, others go on");
            self.waiting.insert(stream.clone());
        }
        Ok(changes)
    }

    /// What the tables hold of these streams.
    async fn known(&self, streams: impl Iterator<Item = &StreamName>) -> Result<Known, ReadModelError> {
        let (mut batches, mut ledgers) = (BTreeSet::new(), BTreeSet::new());
        for stream in streams {
            if let Some(batch) = batch_of(stream) {
                batches.insert(batch);
            } else if is_ledger(stream) {
                ledgers.insert(stream.clone());
            }
        }
        let mut known = Known::default();
        if !ledgers.is_empty() {
            let ledgers: Vec<StreamName> = ledgers.into_iter().collect();
            known.ledgers = self.models.ledgers(&ledgers).await?;
        }
        if !batches.is_empty() {
            let batches: Vec<BatchId> = batches.into_iter().collect();
            known.batches = self.models.batches(&batches).await?;
        }
        Ok(known)
    }

    /// A decision about a stream that does not wait (any more) changes nothing.
    async fn carry_out(&mut self, decision: &StoredEvent) -> Result<(), ApplyError> {
        let (event, _) = decode::<QuarantineEvent>(decision)?;
        let stream: StreamName = event.stream().to_owned().into();
        let waits = self.models.quarantined().await?.into_iter().find(|one| one.stream == stream);
        let Some(Quarantined { revision, .. }) = waits else { return Ok(()) };
        match event {
            QuarantineEvent::QuarantineRetried(_) => self.release(&stream, revision, decision.position).await,
            QuarantineEvent::EventSkipped(skipped) if skipped.revision == revision => {
                let known = self.known(std::iter::once(&stream)).await?;
                let changes = passed(&stream, revision, known);
                self.turn.apply(&changes, self.checkpoint, self.checkpoint).await?;
                self.release(&stream, revision + 1, decision.position).await
            }
            QuarantineEvent::EventSkipped(_) => Ok(()),
        }
    }

    /// Applies what a held stream has from `revision` on, up to this place in the log. Whatever cannot be applied holds
    /// it again.
    async fn release(&mut self, stream: &StreamName, revision: u64, to: Position) -> Result<(), ApplyError> {
        self.waiting.remove(stream);
        let mut next = revision;
        loop {
            let page = self.store.read(stream, next, STREAM_PAGE_EVENTS).await?;
            let read = page.len();
            let due: Vec<StoredEvent> = page.into_iter().filter(|event| event.position <= to).collect();
            let mut changes = self.changes(&due).await?;
            let ends = due.len() < STREAM_PAGE_EVENTS || read < STREAM_PAGE_EVENTS;
            let held = self.waiting.contains(stream);
            if ends && !held {
                tracing::info!(%stream, "the stream can be applied and waits no more");
                changes.released.push(stream.clone());
            }
            self.turn.apply(&changes, self.checkpoint, self.checkpoint).await?;
            next += due.len() as u64;
            if ends || held {
                return Ok(());
            }
        }
    }
}

/// Whether the event is what an operator decided about a stream in quarantine.
fn is_decision(event: &StoredEvent) -> bool {
    event.stream.category() == leafcutter_domain::quarantine::Quarantine::CATEGORY
}
