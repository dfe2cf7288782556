//! What happens to a batch when it is asked something: submit, retry, cancel and the end of the whole.
//! Starting and ending single items is next door in `item.rs` and `outcome.rs`.

use super::{
    command::{AbandonRound, BatchCommand, CancelBatch, FailBatch, RequestRetry, SubmitBatch},
    erasing,
    event::{
        BatchCancelled, BatchEvent, BatchFailed, BatchSubmitted, ItemQueued, RetryRequested,
        SubmissionAbandoned,
    },
    item, outcome,
    rejection::BatchRejection,
    state::{BatchState, Phase},
};
use crate::{ItemIndex, Moment, limits::RETRY_ROUNDS_MAX};

pub(super) type Decision = Result<Vec<BatchEvent>, BatchRejection>;

pub(super) fn decide(state: &BatchState, command: &BatchCommand) -> Decision {
    match command {
        BatchCommand::SubmitBatch(command) => submit(state, command),
        BatchCommand::AbandonRound(command) => Ok(abandon(state, command)),
        BatchCommand::RequestRetry(command) => retry(state, command),
        BatchCommand::CancelBatch(command) => cancel(state, command),
        BatchCommand::FailBatch(command) => fail(state, command),
        BatchCommand::EraseResults(command) => erasing::erase(state, command),
        BatchCommand::StartItem(command) => item::start(state, command),
        BatchCommand::PutBackItem(command) => item::put_back(state, command),
        BatchCommand::ExpireLease(command) => item::expire(state, command),
        BatchCommand::FailPending(command) => item::fail_pending(state, command),
        BatchCommand::ReportCompleted(command) => outcome::completed(state, command),
        BatchCommand::ReportFailed(command) => outcome::failed(state, command),
    }
}

/// The time of a new event: never before the last one, whatever the clock says.
pub(super) fn not_before_last(state: &BatchState, at: Moment) -> Moment {
    state.last_at.map_or(at, |last| last.max(at))
}

fn submit(state: &BatchState, command: &SubmitBatch) -> Decision {
    if let Some(submission) = &state.submission {
        let same = submission.fingerprint.is_some() && submission.fingerprint == command.fingerprint;
        return if same { Ok(vec![]) } else { Err(BatchRejection::IdempotencyKeyReused) };
    }
    round_is_free(state, command.terms.round)?;
    let at = not_before_last(state, command.at);
    let submitted = BatchSubmitted {
        batch: command.batch,
        account: command.account,
        total: ItemIndex::try_from(command.urls.len()).unwrap_or(ItemIndex::MAX),
        options: command.options.clone(),
        has_cookies: command.has_cookies,
        channel: command.channel,
        metadata: command.metadata.clone(),
        price_list: command.price_list,
        terms: command.terms,
        fingerprint: command.fingerprint.clone(),
        at,
    };
    let queued = (0..).zip(&command.urls).map(|(item, url)| ItemQueued { item, url: url.clone(), at }.into());
    Ok(std::iter::once(submitted.into()).chain(queued).collect())
}

fn abandon(state: &BatchState, command: &AbandonRound) -> Vec<BatchEvent> {
    let settled = state.round(command.round).is_some() || state.abandoned.contains(&command.round);
    if settled {
        return vec![];
    }
    vec![SubmissionAbandoned { round: command.round, at: not_before_last(state, command.at) }.into()]
}

fn retry(state: &BatchState, command: &RequestRetry) -> Decision {
    let submission = state.submission.as_ref().ok_or(BatchRejection::Unknown)?;
    let repeated = state
        .rounds
        .iter()
        .skip(1)
        .find(|round| round.idempotency.is_some() && round.idempotency == command.idempotency);
    if let Some(round) = repeated {
        let same = round.fingerprint == command.fingerprint;
        return if same { Ok(vec![]) } else { Err(BatchRejection::IdempotencyKeyReused) };
    }
    may_retry(state)?;
    if submission.has_cookies && !command.has_cookies {
        return Err(BatchRejection::CookiesExpired);
    }
    round_is_free(state, command.terms.round)?;
    let requested = RetryRequested {
        items: state.failed_items(),
        terms: command.terms,
        has_cookies: command.has_cookies,
        idempotency: command.idempotency.clone(),
        fingerprint: command.fingerprint.clone(),
        at: not_before_last(state, command.at),
    };
    Ok(vec![requested.into()])
}

/// Whether the batch, as it stands, may be retried; asked before credits are set aside and again after.
fn may_retry(state: &BatchState) -> Result<(), BatchRejection> {
    match state.phase {
        Phase::New => return Err(BatchRejection::Unknown),
        Phase::Open => return Err(BatchRejection::NotFinished),
        Phase::Cancelled => return Err(BatchRejection::Cancelled),
        phase @ Phase::Failed(_) => return Err(BatchRejection::AlreadyTerminal(phase)),
        Phase::Completed => {}
    }
    if state.failed_items().is_empty() {
        return Err(BatchRejection::NoFailedItems);
    }
    if state.retries() >= RETRY_ROUNDS_MAX {
        return Err(BatchRejection::RetryLimit);
    }
    Ok(())
}

impl BatchState {
    /// Whether a retry would be taken, so that no credits are set aside for one that is not.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn may_retry(&self) -> Result<(), BatchRejection> {
        may_retry(self)
    }
}

fn round_is_free(state: &BatchState, round: u32) -> Result<(), BatchRejection> {
    let next = state.next_round();
    if state.abandoned.contains(&round) {
        return Err(BatchRejection::RoundAbandoned { round, next });
    }
    if round < next { Err(BatchRejection::RoundTaken { round, next }) } else { Ok(()) }
}

fn cancel(state: &BatchState, command: &CancelBatch) -> Decision {
    match state.phase {
        Phase::New => Err(BatchRejection::Unknown),
        Phase::Open => {
            let at = not_before_last(state, command.at);
            Ok(vec![BatchCancelled { items: state.pending_items(), at }.into()])
        }
        phase @ (Phase::Completed | Phase::Cancelled | Phase::Failed(_)) => {
            Err(BatchRejection::AlreadyTerminal(phase))
        }
    }
}

fn fail(state: &BatchState, command: &FailBatch) -> Decision {
    match state.phase {
        Phase::New => Err(BatchRejection::Unknown),
        Phase::Open => {
            let at = not_before_last(state, command.at);
            Ok(vec![BatchFailed { cause: command.cause, at }.into()])
        }
        Phase::Completed | Phase::Cancelled | Phase::Failed(_) => Ok(vec![]),
    }
}
