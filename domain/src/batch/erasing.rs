//! Erasing what attempts have stored: the command, the event and the rule. Objects are deleted elsewhere, because this
//! has happened.

use super::{
    decide::{Decision, not_before_last},
    rejection::BatchRejection,
    state::BatchState,
};
use crate::Moment;
use serde::{Deserialize, Serialize};

/// Why results were erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EraseReason {
    /// The operator asked for it.
    Operator,
    /// They were older than the operator keeps any.
    Age,
}

/// Results and pictures of every attempt before this are erased; what a retry makes after it stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultsErased {
    /// Why.
    pub reason: EraseReason,
    /// When.
    pub at: Moment,
}

/// Erase what the attempts so far have stored. A batch without any has nothing to erase; one with open items is refused,
/// `NotFinished`. What is erased already is erased again when no age is named and time has passed, since a worker that was
/// given up may have stored something meanwhile.
#[derive(Debug, Clone)]
pub struct EraseResults {
    /// Why.
    pub reason: EraseReason,
    /// Only if the last attempt began or ended no later than this; else there is nothing to record.
    pub until: Option<Moment>,
    /// Now.
    pub at: Moment,
}

pub(super) fn erase(state: &BatchState, command: &EraseResults) -> Decision {
    if state.submission.is_none() {
        return Err(BatchRejection::Unknown);
    }
    // A cancelled batch may still have items that run, which are about to store something.
    if state.has_open_items() {
        return Err(BatchRejection::NotFinished);
    }
    let is_due = match command.until {
        Some(until) => state.attempted_at.is_some_and(|attempted| attempted <= until),
        None => {
            let is_repeated = state.erased_at.is_some_and(|erased| erased >= command.at);
            let was_opened = state.items.iter().any(|item| item.attempt > 0);
            state.attempted_at.is_some() || (was_opened && !is_repeated)
        }
    };
    if !is_due {
        return Ok(vec![]);
    }
    Ok(vec![ResultsErased { reason: command.reason, at: not_before_last(state, command.at) }.into()])
}
