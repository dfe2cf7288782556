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

/// Erase what the attempts so far have stored. None since the last time: nothing to record. A batch with open items is
/// refused, `NotFinished`.
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
    let is_due = |attempted| command.until.is_none_or(|until| attempted <= until);
    if !state.attempted_at.is_some_and(is_due) {
        return Ok(vec![]);
    }
    Ok(vec![ResultsErased { reason: command.reason, at: not_before_last(state, command.at) }.into()])
}
