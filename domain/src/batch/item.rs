//! Items between the queue and a worker: start, put back, lease expiry, and the end of one that cannot run.

use super::{
    command::{ExpireLease, FailPending, PutBackItem, StartItem},
    decide::{Decision, not_before_last},
    event::{BatchEvent, ItemFailed, ItemRequeued, ItemStarted, RequeueCause},
    outcome::{Ending, end_attempt, reserved_per_item, with_completion},
    rejection::BatchRejection,
    state::{BatchState, Item, ItemStatus, Phase, Running},
};
use crate::{
    ErrorCode, ItemIndex, Moment, Usage,
    limits::{CLOCK_SKEW_MS_MAX, LOST_REQUEUES_MAX, PUT_BACKS_MAX},
};

pub(super) fn find(state: &BatchState, index: ItemIndex) -> Result<&Item, BatchRejection> {
    if state.submission.is_none() {
        return Err(BatchRejection::Unknown);
    }
    state.item(index).ok_or(BatchRejection::NoSuchItem)
}

/// The running attempt of this number, if it is the one that runs.
fn running(item: &Item, attempt: u32) -> Option<&Running> {
    match &item.status {
        ItemStatus::Running(running) if item.attempt == attempt => Some(running),
        ItemStatus::Running(_)
        | ItemStatus::Pending
        | ItemStatus::Completed
        | ItemStatus::Failed
        | ItemStatus::Cancelled => None,
    }
}

pub(super) fn start(state: &BatchState, command: &StartItem) -> Decision {
    let item = find(state, command.item)?;
    match &item.status {
        ItemStatus::Running(running) if running.claim == command.claim => return Ok(vec![]),
        ItemStatus::Pending => {}
        ItemStatus::Running(_) | ItemStatus::Completed | ItemStatus::Failed | ItemStatus::Cancelled => {
            return Err(BatchRejection::ItemNotPending);
        }
    }
    let at = not_before_last(state, command.at);
    let started = ItemStarted {
        item: command.item,
        round: item.round,
        attempt: item.attempt + 1,
        worker: command.worker,
        claim: command.claim,
        lease_hash: command.lease_hash.clone(),
        deadline: command.deadline.plus_millis(skew(command.at, at)),
        at,
    };
    Ok(vec![started.into()])
}

/// By how much the clock of another replica is ahead, so that a lease is as long as it was meant; bounded, so that a
/// clock that has jumped holds no item for ever.
fn skew(clock: Moment, written: Moment) -> i64 {
    written.millis().saturating_sub(clock.millis()).clamp(0, CLOCK_SKEW_MS_MAX)
}

pub(super) fn put_back(state: &BatchState, command: &PutBackItem) -> Decision {
    let item = find(state, command.item)?;
    if running(item, command.attempt).is_none() {
        return Ok(vec![]);
    }
    let again = item.put_backs < PUT_BACKS_MAX;
    let end = Lost { cause: RequeueCause::PutBack, again, credits: command.credits };
    Ok(lost(state, command.item, item, end, command.at))
}

pub(super) fn expire(state: &BatchState, command: &ExpireLease) -> Decision {
    let item = find(state, command.item)?;
    let Some(running) = running(item, command.attempt) else { return Ok(vec![]) };
    if command.at <= running.deadline {
        return Err(BatchRejection::LeaseAlive);
    }
    let again = item.lost < LOST_REQUEUES_MAX;
    let end = Lost { cause: RequeueCause::WorkerLost, again, credits: command.credits };
    Ok(lost(state, command.item, item, end, command.at))
}

/// What is to become of an attempt that ended without a report.
struct Lost {
    cause: RequeueCause,
    /// Whether the item may be queued again.
    again: bool,
    /// What it costs if it may not.
    credits: u64,
}

/// An attempt that ended without a report: again while it may be, else `WORKER_LOST`.
fn lost(
    state: &BatchState,
    index: ItemIndex,
    item: &Item,
    Lost { cause, again, credits }: Lost,
    at: Moment,
) -> Vec<BatchEvent> {
    let at = not_before_last(state, at);
    if again && state.phase == Phase::Open {
        let requeued = ItemRequeued { item: index, round: item.round, attempt: item.attempt, cause, at };
        return vec![requeued.into()];
    }
    let ending = Ending {
        code: ErrorCode::WorkerLost,
        message: "The worker that ran this page did not come back.",
        final_url: None,
        http_status: None,
        usage: Usage::default(),
        credits,
    };
    end_attempt(state, index, item, &ending, at)
}

pub(super) fn fail_pending(state: &BatchState, command: &FailPending) -> Decision {
    let item = find(state, command.item)?;
    if item.status != ItemStatus::Pending {
        return Ok(vec![]);
    }
    let at = not_before_last(state, command.at);
    let failed = ItemFailed {
        item: command.item,
        round: item.round,
        // None was made.
        attempt: 0,
        code: command.code,
        message: command.message.clone(),
        retryable: command.code.retryable(),
        final_url: None,
        http_status: None,
        usage: Usage::default(),
        credits: command.credits.min(reserved_per_item(state, item)),
        at,
    };
    Ok(with_completion(state, command.item, failed.into(), at))
}
