//! Append: all events of one call, or none, with the faults that were ordered.

use super::{id_text, name, place};
use crate::{
    faults::Fault,
    log::{Expected, Record, Refused, Written, now_ticks},
    node::Node,
    refusal,
};
use leafcutter_eventstoredb_protocol::{
    Empty,
    streams::{
        AppendReq, AppendResp, AppendSuccess, ProposedMessage, StreamOptions, append_req,
        append_resp::{self, Conflict, conflict},
        append_success::{CurrentRevisionOption, PositionOption},
        stream_options::ExpectedStreamRevision,
    },
};
use tonic::{Code, Status, Streaming};

pub(super) async fn append(node: &Node, mut messages: Streaming<AppendReq>) -> Result<AppendResp, Status> {
    let mut target = None;
    let mut records = Vec::new();
    while let Some(message) = messages.message().await? {
        match message.content {
            Some(append_req::Content::Options(options)) => target = Some(options),
            Some(append_req::Content::ProposedMessage(event)) => records.push(record(event)?),
            None => return Err(Status::invalid_argument("an empty message")),
        }
    }
    let options = target.ok_or_else(|| Status::invalid_argument("an append needs options"))?;
    let (stream, expected) = target_of(options)?;
    let fault = node.next_fault();
    match &fault {
        Some(Fault::NotLeader { host, port }) => return Err(refusal::not_leader(host, *port)),
        Some(Fault::Refuse(code, message)) => return Err(Status::new(*code, message)),
        Some(Fault::Drop) => return Err(broken_connection(node).await),
        Some(Fault::LoseAnswer | Fault::DelayAnswer(_)) | None => {}
    }
    let answer = answer(&stream, expected, node.log.append(&stream, expected, records));
    match fault {
        Some(Fault::LoseAnswer) => return Err(broken_connection(node).await),
        Some(Fault::DelayAnswer(delay)) => {
            let _ = tokio::time::timeout(delay, std::future::pending::<()>()).await;
        }
        Some(Fault::Drop | Fault::NotLeader { .. } | Fault::Refuse(..)) | None => {}
    }
    answer
}

/// Breaks the connection that this call came on, so that its answer goes nowhere.
async fn broken_connection(node: &Node) -> Status {
    node.cut_connections();
    std::future::pending().await
}

pub(super) fn target_of(options: StreamOptions) -> Result<(String, Expected), Status> {
    let expected = match options.expected_stream_revision {
        Some(ExpectedStreamRevision::Revision(revision)) => Expected::Revision(revision),
        Some(ExpectedStreamRevision::NoStream(_)) => Expected::NoStream,
        Some(ExpectedStreamRevision::Any(_)) => Expected::Any,
        Some(ExpectedStreamRevision::StreamExists(_)) => Expected::StreamExists,
        None => return Err(Status::invalid_argument("an append needs an expectation")),
    };
    Ok((name(options.stream_identifier)?, expected))
}

pub(super) fn record(mut event: ProposedMessage) -> Result<Record, Status> {
    let kind = event.metadata.remove("type").ok_or_else(refusal::missing_metadata)?;
    let content_type = event.metadata.remove("content-type").ok_or_else(refusal::missing_metadata)?;
    Ok(Record {
        id: id_text(event.id)?,
        kind,
        content_type,
        data: event.data,
        metadata: event.custom_metadata,
        created_ticks: now_ticks(),
        ..Record::default()
    })
}

pub(super) fn success(written: Written) -> AppendSuccess {
    let current = match written.revision {
        Some(revision) => CurrentRevisionOption::CurrentRevision(revision),
        None => CurrentRevisionOption::NoStream(Empty {}),
    };
    let position = match written.place {
        Some(written) => PositionOption::Position(place(written)),
        None => PositionOption::NoPosition(Empty {}),
    };
    AppendSuccess { current_revision_option: Some(current), position_option: Some(position) }
}

fn answer(stream: &str, expected: Expected, done: Result<Written, Refused>) -> Result<AppendResp, Status> {
    let result = match done {
        Ok(written) => append_resp::Result::Success(success(written)),
        Err(Refused::Conflict { actual }) => {
            append_resp::Result::WrongExpectedVersion(conflict(expected, actual))
        }
        Err(Refused::Broken(reason)) => return Err(Status::new(Code::Unknown, reason)),
        Err(refused) => return Err(refusal::refused(stream, expected, &refused)),
    };
    Ok(AppendResp { result: Some(result) })
}

fn conflict(expected: Expected, actual: Option<u64>) -> Conflict {
    let current = match actual {
        Some(revision) => conflict::CurrentRevisionOption::CurrentRevision(revision),
        None => conflict::CurrentRevisionOption::CurrentNoStream(Empty {}),
    };
    let expected = match expected {
        Expected::Revision(revision) => conflict::ExpectedRevisionOption::ExpectedRevision(revision),
        Expected::NoStream => conflict::ExpectedRevisionOption::ExpectedNoStream(Empty {}),
        Expected::Any => conflict::ExpectedRevisionOption::ExpectedAny(Empty {}),
        Expected::StreamExists => conflict::ExpectedRevisionOption::ExpectedStreamExists(Empty {}),
    };
    Conflict { current_revision_option: Some(current), expected_revision_option: Some(expected) }
}
