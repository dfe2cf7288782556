//! Batch append: many appends over one call, each answered under its own correlation id.

use super::{ANSWERS_WAITING_MAX, append, identifier, name};
use crate::log::{Expected, Log, Record, Refused};
use leafcutter_eventstoredb_protocol::{
    self as protocol, BadRequest, Empty, MaximumAppendSizeExceeded, StreamDeleted, Uuid,
    WrongExpectedVersion,
    streams::{
        BatchAppendReq, BatchAppendResp,
        batch_append_req::options::ExpectedStreamPosition as Asked,
        batch_append_resp::{self, ExpectedStreamPosition as Answered},
    },
    wrong_expected_version::{
        CurrentStreamRevisionOption as Current, ExpectedStreamPositionOption as Wanted,
    },
};
use prost::Message;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

/// Where the names of details are said to be.
const TYPE_URL: &str = "type.googleapis.com/event_store.client.";

/// What came so far of one append.
struct Part {
    stream: String,
    expected: Expected,
    records: Vec<Record>,
}

pub(super) fn begin(
    log: Arc<Log>,
    requests: Streaming<BatchAppendReq>,
) -> ReceiverStream<Result<BatchAppendResp, Status>> {
    let (answers, waiting) = mpsc::channel(ANSWERS_WAITING_MAX);
    tokio::spawn(async move {
        if let Err(status) = run(&log, requests, &answers).await {
            let _ = answers.send(Err(status)).await;
        }
    });
    ReceiverStream::new(waiting)
}

async fn run(
    log: &Log,
    mut requests: Streaming<BatchAppendReq>,
    answers: &mpsc::Sender<Result<BatchAppendResp, Status>>,
) -> Result<(), Status> {
    let mut parts: HashMap<String, Part> = HashMap::new();
    while let Some(request) = requests.message().await? {
        let id = request.correlation_id;
        let key = super::id_text(id.clone())?;
        if let Some(options) = request.options {
            let expected = expected(options.expected_stream_position)?;
            let stream = name(options.stream_identifier)?;
            parts.insert(key.clone(), Part { stream, expected, records: Vec::new() });
        }
        let part = parts.get_mut(&key).ok_or_else(|| Status::invalid_argument("no options came first"))?;
        for message in request.proposed_messages {
            part.records.push(append::record(message)?);
        }
        if request.is_final
            && let Some(part) = parts.remove(&key)
            && answers.send(Ok(finish(log, id, part))).await.is_err()
        {
            break;
        }
    }
    Ok(())
}

fn expected(asked: Option<Asked>) -> Result<Expected, Status> {
    match asked {
        Some(Asked::StreamPosition(revision)) => Ok(Expected::Revision(revision)),
        Some(Asked::NoStream(_)) => Ok(Expected::NoStream),
        Some(Asked::Any(_)) => Ok(Expected::Any),
        Some(Asked::StreamExists(_)) => Ok(Expected::StreamExists),
        None => Err(Status::invalid_argument("an append needs an expectation")),
    }
}

fn finish(log: &Log, correlation_id: Option<Uuid>, part: Part) -> BatchAppendResp {
    let Part { stream, expected, records } = part;
    let result = match log.append(&stream, expected, records) {
        Ok(written) => batch_append_resp::Result::Success(append::success(written)),
        Err(refused) => batch_append_resp::Result::Error(error(&stream, expected, &refused)),
    };
    let answered = match expected {
        Expected::Revision(revision) => Answered::StreamPosition(revision),
        Expected::NoStream => Answered::NoStream(Empty {}),
        Expected::Any => Answered::Any(Empty {}),
        Expected::StreamExists => Answered::StreamExists(Empty {}),
    };
    BatchAppendResp {
        correlation_id,
        stream_identifier: Some(identifier(&stream)),
        expected_stream_position: Some(answered),
        result: Some(result),
    }
}

fn error(stream: &str, expected: Expected, refused: &Refused) -> protocol::Status {
    match refused {
        Refused::Conflict { actual } => status(
            Code::AlreadyExists,
            "WrongExpectedVersion",
            "WrongExpectedVersion",
            &conflict(expected, *actual),
        ),
        Refused::Deleted => {
            let details = StreamDeleted { stream_identifier: Some(identifier(stream)) };
            status(Code::NotFound, "StreamDeleted", "StreamDeleted", &details)
        }
        Refused::TooLarge { max } => {
            let details = MaximumAppendSizeExceeded { max_append_size: *max };
            status(Code::InvalidArgument, "MaximumAppendSizeExceeded", "MaximumAppendSizeExceeded", &details)
        }
        Refused::Broken(reason) => {
            let details = BadRequest { message: reason.clone() };
            status(Code::InvalidArgument, "BadRequest", "BadRequest", &details)
        }
    }
}

fn status(code: Code, message: &str, kind: &str, details: &impl Message) -> protocol::Status {
    let details = prost_types::Any { type_url: format!("{TYPE_URL}{kind}"), value: details.encode_to_vec() };
    protocol::Status { code: code as i32, message: message.to_owned(), details: Some(details) }
}

fn conflict(expected: Expected, actual: Option<u64>) -> WrongExpectedVersion {
    let wanted = match expected {
        Expected::Revision(revision) => Wanted::ExpectedStreamPosition(revision),
        Expected::NoStream => Wanted::ExpectedNoStream(Empty {}),
        Expected::Any => Wanted::ExpectedAny(Empty {}),
        Expected::StreamExists => Wanted::ExpectedStreamExists(Empty {}),
    };
    let current = actual.map_or(Current::CurrentNoStream(Empty {}), Current::CurrentStreamRevision);
    WrongExpectedVersion {
        current_stream_revision_option: Some(current),
        expected_stream_position_option: Some(wanted),
    }
}
