//! What a run of events changes in the read models: a pure function of the events and of what the tables hold. An
//! event that cannot be applied stops its own stream only.

use leafcutter_domain::{
    BatchId, DomainEvent, Usage as Measured,
    batch::BatchEvent,
    ledger::{Ledger, LedgerEvent},
};
use leafcutter_event_store::{Aggregate, LedgerId, StoredEvent, StreamName, decode};
use leafcutter_read_models::{
    BatchChange, BatchView, Changes, Gap, LedgerBalance, LedgerFault, Quarantined, RecordedEntry, Usage, fold,
};
use std::collections::{HashMap, HashSet};

/// What the tables hold of the streams at hand.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) batches: HashMap<BatchId, BatchView>,
    pub(crate) ledgers: HashMap<StreamName, LedgerBalance>,
}

/// Events of streams in `waiting` are passed over.
pub(crate) fn project(events: &[StoredEvent], known: Known, waiting: &HashSet<StreamName>) -> Changes {
    let mut run = Run { known, views: HashMap::new(), changes: Changes::default() };
    let mut stopped: HashSet<&StreamName> = waiting.iter().collect();
    for event in events {
        if stopped.contains(&event.stream) {
            continue;
        }
        if let Err(Poison { revision, reason }) = run.apply(event) {
            stopped.insert(&event.stream);
            let (stream, position) = (event.stream.clone(), event.position);
            run.changes.quarantined.push(Quarantined { stream, revision, position, reason });
        }
    }
    run.finish()
}

/// What passing over an event changes that an operator has given up: the stream counts as applied up to it.
pub(crate) fn passed(stream: &StreamName, revision: u64, known: Known) -> Changes {
    let mut changes = Changes::default();
    for (_, before) in known.batches {
        let mut after = before.clone();
        after.header.revision = revision;
        changes.batches.push(BatchChange { before: Some(before), after });
    }
    for (stream, books) in known.ledgers {
        changes.ledgers.insert(stream, LedgerBalance { revision, ..books });
    }
    changes.released.push(stream.clone());
    changes
}

pub(crate) fn batch_of(stream: &StreamName) -> Option<BatchId> {
    let ours = stream.category() == leafcutter_domain::batch::Batch::CATEGORY;
    if ours { stream.key().parse().ok() } else { None }
}

pub(crate) fn is_ledger(stream: &StreamName) -> bool {
    stream.category() == leafcutter_domain::ledger::Ledger::CATEGORY
}

/// Why a stream must wait.
struct Poison {
    /// The revision that has to be applied before the stream goes on.
    revision: u64,
    /// For an operator.
    reason: String,
}

impl Poison {
    fn at(revision: u64, error: &dyn std::error::Error) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            reason = format!("{reason}: {error}");
            source = error.source();
        }
        Self { revision, reason }
    }
}

impl From<Gap> for Poison {
    fn from(gap: Gap) -> Self {
        Self::at(gap.expected, &gap)
    }
}

impl From<LedgerFault> for Poison {
    fn from(fault: LedgerFault) -> Self {
        Self::at(fault.revision(), &fault)
    }
}

struct Run {
    known: Known,
    /// Batches of this run, as they are now.
    views: HashMap<BatchId, Option<BatchView>>,
    changes: Changes,
}

impl Run {
    fn apply(&mut self, event: &StoredEvent) -> Result<(), Poison> {
        if let Some(batch) = batch_of(&event.stream) {
            self.apply_to_batch(batch, event)
        } else if is_ledger(&event.stream) {
            self.apply_to_ledger(event)
        } else {
            Ok(())
        }
    }

    fn apply_to_batch(&mut self, batch: BatchId, stored: &StoredEvent) -> Result<(), Poison> {
        let (event, _) = decode::<BatchEvent>(stored).map_err(|error| Poison::at(stored.revision, &error))?;
        let view = self.views.entry(batch).or_insert_with(|| self.known.batches.get(&batch).cloned());
        let is_new = fold(view, &event, stored.revision)?;
        if let (true, Some(view), Some(usage)) = (is_new, view, used(&event)) {
            self.changes.add_usage(view.header.account, event.at(), usage);
        }
        Ok(())
    }

    fn apply_to_ledger(&mut self, stored: &StoredEvent) -> Result<(), Poison> {
        let (event, _) =
            decode::<LedgerEvent>(stored).map_err(|error| Poison::at(stored.revision, &error))?;
        let mut books = self.known.ledgers.get(&stored.stream).copied();
        let entry = LedgerBalance::enter(&mut books, &event, stored.revision)?;
        let (Some(entry), Some(books)) = (entry, books) else { return Ok(()) };
        let account = books.account;
        if Ledger::stream(LedgerId { account, period: books.period }) != stored.stream {
            let reason = format!("it opens the books of {account} for {} in another stream", books.period);
            return Err(Poison { revision: stored.revision, reason });
        }
        if let LedgerEvent::CreditsCharged(charged) = &event {
            let usage = Usage { credits: charged.amount, ..Usage::default() };
            self.changes.add_usage(account, charged.at, usage);
        }
        self.known.ledgers.insert(stored.stream.clone(), books);
        self.changes.ledgers.insert(stored.stream.clone(), books);
        let (event, position) = (stored.id, stored.position);
        self.changes.entries.push(RecordedEntry { account, entry, event, position });
        Ok(())
    }

    fn finish(mut self) -> Changes {
        for (batch, after) in self.views {
            let before = self.known.batches.remove(&batch);
            if let Some(after) = after.filter(|after| before.as_ref() != Some(after)) {
                self.changes.batches.push(BatchChange { before, after });
            }
        }
        self.changes
    }
}

/// What an ended item says of use. An item that ended without an attempt (its cookies were gone) used nothing.
fn used(event: &BatchEvent) -> Option<Usage> {
    let (attempt, measured): (u32, &Measured) = match event {
        BatchEvent::ItemCompleted(completed) => (completed.attempt, &completed.usage),
        BatchEvent::ItemFailed(failed) => (failed.attempt, &failed.usage),
        BatchEvent::BatchSubmitted(_)
        | BatchEvent::ItemQueued(_)
        | BatchEvent::ItemStarted(_)
        | BatchEvent::ItemRequeued(_)
        | BatchEvent::RetryRequested(_)
        | BatchEvent::BatchCancelled(_)
        | BatchEvent::BatchCompleted(_)
        | BatchEvent::BatchFailed(_)
        | BatchEvent::SubmissionAbandoned(_)
        | BatchEvent::ResultsErased(_) => return None,
    };
    // A lost worker reports no time, and must not make the average look fast.
    let latency_samples = u64::from(measured.duration_ms > 0);
    (attempt > 0).then_some(Usage {
        requests: 1,
        latency_ms: measured.duration_ms,
        latency_samples,
        credits: 0,
        tokens: measured.tokens(),
        captchas: measured.captchas.into(),
    })
}
