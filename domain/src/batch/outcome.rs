//! How an attempt ends: a result, a failure that waits for another try, or a failure for good; and the end of
//! the batch with its last open item, in the same append.

use super::{
    command::{ReportCompleted, ReportFailed},
    decide::{Decision, not_before_last},
    event::{BatchCompleted, BatchEvent, ItemCompleted, ItemFailed, ItemRequeued, RequeueCause},
    item::find,
    rejection::BatchRejection,
    state::{BatchState, Item, ItemStatus, Phase},
};
use crate::{
    ErrorCode, ItemIndex, Moment, Usage,
    limits::{LOST_REQUEUES_MAX, MESSAGE_CHARS_MAX},
};

/// Whether a report with this lease is new, a repeat of one that was recorded, or too late.
enum Standing {
    New,
    Repeated,
}

fn standing(item: &Item, lease_hash: &str, at: Moment) -> Result<Standing, BatchRejection> {
    match &item.status {
        ItemStatus::Running(running) if running.lease_hash == lease_hash => {
            if at <= running.deadline {
                Ok(Standing::New)
            } else {
                Err(BatchRejection::LeaseEnded)
            }
        }
        ItemStatus::Running(_)
        | ItemStatus::Pending
        | ItemStatus::Completed
        | ItemStatus::Failed
        | ItemStatus::Cancelled => {
            let repeated = item.last_lease.as_deref() == Some(lease_hash);
            if repeated { Ok(Standing::Repeated) } else { Err(BatchRejection::LeaseEnded) }
        }
    }
}

pub(super) fn completed(state: &BatchState, command: &ReportCompleted) -> Decision {
    let item = find(state, command.item)?;
    if let Standing::Repeated = standing(item, &command.lease_hash, command.at)? {
        return Ok(vec![]);
    }
    let at = not_before_last(state, command.at);
    let reserved = reserved_per_item(state, item);
    let completed = ItemCompleted {
        item: command.item,
        round: item.round,
        attempt: item.attempt,
        result: command.result.clone(),
        screenshot: command.screenshot.clone(),
        final_url: command.final_url.clone(),
        http_status: command.http_status,
        extractor: command.extractor,
        usage: command.usage,
        credits: command.credits.min(reserved),
        at,
    };
    Ok(with_completion(state, command.item, completed.into(), at))
}

pub(super) fn failed(state: &BatchState, command: &ReportFailed) -> Decision {
    let item = find(state, command.item)?;
    if let Standing::Repeated = standing(item, &command.lease_hash, command.at)? {
        return Ok(vec![]);
    }
    let at = not_before_last(state, command.at);
    if let Some(cause) = requeue_cause(state, item, command.code) {
        let requeued =
            ItemRequeued { item: command.item, round: item.round, attempt: item.attempt, cause, at };
        return Ok(vec![requeued.into()]);
    }
    let ending = Ending {
        code: command.code,
        message: &command.message,
        final_url: command.final_url.clone(),
        http_status: command.http_status,
        usage: command.usage,
        credits: command.credits,
    };
    Ok(end_attempt(state, command.item, item, &ending, at))
}

/// What its round has set aside for the item: the most that it can cost.
pub(super) fn reserved_per_item(state: &BatchState, item: &Item) -> u64 {
    state.round(item.round).map_or(0, |round| round.terms.per_item)
}

/// Whether the item waits for another try, and why. A crashed browser is no fault of the page and costs no attempt.
fn requeue_cause(state: &BatchState, item: &Item, code: ErrorCode) -> Option<RequeueCause> {
    if state.phase != Phase::Open {
        return None;
    }
    if code == ErrorCode::BrowserCrashed {
        return (item.lost < LOST_REQUEUES_MAX).then_some(RequeueCause::AttemptFailed(code));
    }
    let any_failure = state.round(item.round).is_some_and(|round| round.terms.retry_any_failure);
    let left = item.tries + 1 < state.max_attempts(item.round);
    (left && (any_failure || code.retryable())).then_some(RequeueCause::AttemptFailed(code))
}

/// A failure for good.
pub(super) struct Ending<'a> {
    pub(super) code: ErrorCode,
    pub(super) message: &'a str,
    pub(super) final_url: Option<String>,
    pub(super) http_status: Option<u16>,
    pub(super) usage: Usage,
    pub(super) credits: u64,
}

pub(super) fn end_attempt(
    state: &BatchState,
    index: ItemIndex,
    item: &Item,
    ending: &Ending<'_>,
    at: Moment,
) -> Vec<BatchEvent> {
    let reserved = reserved_per_item(state, item);
    let failed = ItemFailed {
        item: index,
        round: item.round,
        attempt: item.attempt,
        code: ending.code,
        message: ending.message.chars().take(MESSAGE_CHARS_MAX).collect(),
        retryable: ending.code.retryable(),
        final_url: ending.final_url.clone(),
        http_status: ending.http_status,
        usage: ending.usage,
        credits: ending.credits.min(reserved),
        at,
    };
    with_completion(state, index, failed.into(), at)
}

/// The outcome of an item, and the end of the batch when it was the last open one.
pub(super) fn with_completion(
    state: &BatchState,
    index: ItemIndex,
    outcome: BatchEvent,
    at: Moment,
) -> Vec<BatchEvent> {
    let open = |status: &ItemStatus| matches!(status, ItemStatus::Pending | ItemStatus::Running(_));
    let others_open = state.indexes(open).any(|other| other != index);
    if others_open || state.phase != Phase::Open {
        return vec![outcome];
    }
    vec![outcome, BatchCompleted { at }.into()]
}
