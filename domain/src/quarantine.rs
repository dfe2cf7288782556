//! What operators decide about streams of which an event cannot be applied to the read models: try again, or do
//! without the event. Nothing is decided about the event itself, which stays in the log. Which streams are held stands
//! in the read models and not here.

use crate::{Decider, Moment, batch::command::commands_macro as commands, event::events};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

events! {
    /// Everything that can be decided about streams in quarantine.
    QuarantineEvent { QuarantineRetried, EventSkipped }
}

impl QuarantineEvent {
    /// The stream that the decision is about.
    #[must_use]
    pub fn stream(&self) -> &str {
        match self {
            Self::QuarantineRetried(retried) => &retried.stream,
            Self::EventSkipped(skipped) => &skipped.stream,
        }
    }
}

/// A stream was to be tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuarantineRetried {
    /// The stream.
    pub stream: String,
    /// When.
    pub at: Moment,
}

/// A stream was to go on without one of its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventSkipped {
    /// The stream.
    pub stream: String,
    /// The event's place in it.
    pub revision: u64,
    /// Why the operator gave the event up.
    pub reason: String,
    /// When.
    pub at: Moment,
}

commands! {
    /// Everything that can be asked about streams in quarantine.
    QuarantineCommand { RetryStream, SkipEvent }
}

/// Try a stream again, as often as it is asked for.
#[derive(Debug, Clone)]
pub struct RetryStream {
    /// The stream.
    pub stream: String,
    /// Now.
    pub at: Moment,
}

/// Have a stream go on without an event. The same event again: nothing to record.
#[derive(Debug, Clone)]
pub struct SkipEvent {
    /// The stream.
    pub stream: String,
    /// The event's place in it.
    pub revision: u64,
    /// Why, in the operator's words.
    pub reason: String,
    /// Now.
    pub at: Moment,
}

/// Why a command was refused; nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuarantineRejection {
    /// Without its first event nothing of a stream means anything.
    #[error("the first event of a stream cannot be skipped: nothing after it would mean anything")]
    FirstEvent,
}

/// The decisions about streams in quarantine, in one stream; see [`QuarantineState`] for what it remembers.
#[derive(Debug)]
pub enum Quarantine {}

/// What the quarantine remembers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct QuarantineState {
    /// Events that were given up, by stream and place.
    pub skipped: BTreeSet<(String, u64)>,
}

impl Decider for Quarantine {
    type State = QuarantineState;
    type Command = QuarantineCommand;
    type Event = QuarantineEvent;
    type Rejection = QuarantineRejection;

    fn initial() -> QuarantineState {
        QuarantineState::default()
    }

    fn decide(
        state: &QuarantineState,
        command: &QuarantineCommand,
    ) -> Result<Vec<QuarantineEvent>, QuarantineRejection> {
        match command {
            QuarantineCommand::RetryStream(RetryStream { stream, at }) => {
                Ok(vec![QuarantineRetried { stream: stream.clone(), at: *at }.into()])
            }
            QuarantineCommand::SkipEvent(SkipEvent { revision: 0, .. }) => {
                Err(QuarantineRejection::FirstEvent)
            }
            QuarantineCommand::SkipEvent(SkipEvent { stream, revision, reason, at }) => {
                if state.skipped.contains(&(stream.clone(), *revision)) {
                    return Ok(vec![]);
                }
                let (stream, reason) = (stream.clone(), reason.clone());
                Ok(vec![EventSkipped { stream, revision: *revision, reason, at: *at }.into()])
            }
        }
    }

    fn evolve(mut state: QuarantineState, event: &QuarantineEvent) -> QuarantineState {
        if let QuarantineEvent::EventSkipped(skipped) = event {
            state.skipped.insert((skipped.stream.clone(), skipped.revision));
        }
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(revision: u64) -> QuarantineCommand {
        let (stream, reason) = ("batch-1".to_owned(), "a test".to_owned());
        SkipEvent { stream, revision, reason, at: Moment::from_millis(1) }.into()
    }

    #[test]
    fn an_event_is_skipped_once_and_a_first_event_never() {
        let state = Quarantine::initial();
        let skipped = Quarantine::decide(&state, &skip(3)).unwrap();
        assert_eq!((skipped.len(), skipped[0].stream()), (1, "batch-1"));
        let state = Quarantine::evolve(state, &skipped[0]);
        assert_eq!(Quarantine::decide(&state, &skip(3)), Ok(vec![]));
        assert_eq!(Quarantine::decide(&state, &skip(0)), Err(QuarantineRejection::FirstEvent));
    }

    #[test]
    fn a_stream_is_tried_again_as_often_as_it_is_asked_for() {
        let retry = || RetryStream { stream: "batch-1".to_owned(), at: Moment::from_millis(1) }.into();
        let events = Quarantine::decide(&Quarantine::initial(), &retry()).unwrap();
        let state = Quarantine::fold(&events);
        assert_eq!(Quarantine::decide(&state, &retry()).unwrap().len(), 1);
    }
}
