//! One submission of URLs, from submit to its last outcome: what may happen to it and to each of its items.
//! Money is not here: `ledger` moves credits; a batch only names its reservations and says what each item cost.

pub(crate) mod command;
mod decide;
mod erasing;
mod event;
mod evolve;
mod item;
mod outcome;
mod rejection;
mod state;

#[cfg(test)]
mod tests;

pub use command::{
    AbandonRound, BatchCommand, CancelBatch, ExpireLease, FailBatch, FailPending, PutBackItem,
    ReportCompleted, ReportFailed, RequestRetry, StartItem, SubmitBatch,
};
pub use erasing::{EraseReason, EraseResults, ResultsErased};
pub use event::{
    BatchCancelled, BatchCompleted, BatchEvent, BatchFailed, BatchFailure, BatchSubmitted, Channel,
    Extractor, ItemCompleted, ItemFailed, ItemQueued, ItemRequeued, ItemStarted, RequeueCause,
    RetryRequested, RoundTerms, StoredObject, SubmissionAbandoned,
};
pub use rejection::BatchRejection;
pub use state::{BatchState, Item, ItemStatus, Phase, Round, RoundOutcome, Running, Submission};

use crate::Decider;

/// The batch aggregate; see [`BatchState`] for what it remembers.
#[derive(Debug)]
pub enum Batch {}

impl Decider for Batch {
    type State = BatchState;
    type Command = BatchCommand;
    type Event = BatchEvent;
    type Rejection = BatchRejection;

    fn initial() -> BatchState {
        BatchState::default()
    }

    fn decide(state: &BatchState, command: &BatchCommand) -> Result<Vec<BatchEvent>, BatchRejection> {
        decide::decide(state, command)
    }

    fn evolve(state: BatchState, event: &BatchEvent) -> BatchState {
        evolve::evolve(state, event)
    }
}
