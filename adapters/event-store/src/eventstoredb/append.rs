//! Appending: one call for all events, at an expected revision. A conflict is an answer, never an error.

use super::{
    events::{self, identifier, proposed},
    failure::Failure,
    link::Link,
};
use crate::{Expected, NewEvent, Position};
use leafcutter_eventstoredb_protocol::{
    Empty,
    streams::{
        AppendReq, AppendResp, StreamOptions,
        append_req::Content,
        append_resp,
        append_success::{CurrentRevisionOption, PositionOption},
        stream_options::ExpectedStreamRevision,
    },
};

/// What is appended, and where.
pub(super) struct Append<'a> {
    pub(super) stream: &'a str,
    /// Without one, whatever is there.
    pub(super) expected: Option<Expected>,
    pub(super) events: Vec<NewEvent>,
    pub(super) content_type: &'static str,
}

/// How an append ended.
pub(super) enum Outcome {
    Kept {
        revision: u64,
        /// Some servers do not say where, for a repeat.
        position: Option<Position>,
    },
    Conflict,
}

pub(super) async fn append(link: &Link, append: Append<'_>) -> Result<Outcome, Failure> {
    let expected = match append.expected {
        Some(Expected::NoStream) => ExpectedStreamRevision::NoStream(Empty {}),
        Some(Expected::Revision(revision)) => ExpectedStreamRevision::Revision(revision),
        None => ExpectedStreamRevision::Any(Empty {}),
    };
    let options = StreamOptions {
        stream_identifier: Some(identifier(append.stream)),
        expected_stream_revision: Some(expected),
    };
    let message = |content| AppendReq { content: Some(content) };
    let mut messages = vec![message(Content::Options(options))];
    let proposed = append.events.into_iter().map(|event| proposed(event, append.content_type));
    messages.extend(proposed.map(Content::ProposedMessage).map(message));
    let answer = link
        .call(|mut client| {
            let messages = tokio_stream::iter(messages.clone());
            async move { Ok(client.append(messages).await?.into_inner()) }
        })
        .await?;
    outcome(answer)
}

fn outcome(answer: AppendResp) -> Result<Outcome, Failure> {
    let kept = match answer.result {
        Some(append_resp::Result::Success(kept)) => kept,
        Some(append_resp::Result::WrongExpectedVersion(_)) => return Ok(Outcome::Conflict),
        None => return Err(Failure::malformed("an append has no result")),
    };
    let Some(CurrentRevisionOption::CurrentRevision(revision)) = kept.current_revision_option else {
        return Err(Failure::malformed("an append has no revision"));
    };
    let position = match kept.position_option {
        Some(PositionOption::Position(at)) => Some(events::position(at)),
        Some(PositionOption::NoPosition(_)) | None => None,
    };
    Ok(Outcome::Kept { revision, position })
}
