//! Refusals as the server words them: a status, and trailers that say which.

use crate::log::{Expected, Refused};
use tonic::{Code, Status, metadata::MetadataMap};

fn status(code: Code, message: String, trailers: &[(&'static str, String)]) -> Status {
    let mut metadata = MetadataMap::new();
    for (key, value) in trailers {
        if let Ok(value) = value.parse() {
            metadata.insert(*key, value);
        }
    }
    Status::with_metadata(code, message, metadata)
}

pub(crate) fn not_leader(host: &str, port: u16) -> Status {
    let trailers = [
        ("exception", "not-leader".to_owned()),
        ("leader-endpoint-host", host.to_owned()),
        ("leader-endpoint-port", port.to_string()),
    ];
    status(Code::NotFound, "Leader info available".to_owned(), &trailers)
}

pub(crate) fn denied() -> Status {
    status(Code::PermissionDenied, "Access Denied".to_owned(), &[("exception", "access-denied".to_owned())])
}

pub(crate) fn stream_deleted(stream: &str) -> Status {
    let trailers = [("exception", "stream-deleted".to_owned()), ("stream-name", stream.to_owned())];
    status(Code::FailedPrecondition, format!("Event stream '{stream}' is deleted."), &trailers)
}

pub(crate) fn missing_metadata() -> Status {
    let trailers = [
        ("exception", "missing-required-metadata-property".to_owned()),
        ("required-metadata-properties", "type,content-type".to_owned()),
    ];
    status(Code::InvalidArgument, "Required Metadata Property is Missing".to_owned(), &trailers)
}

fn delete_conflict(stream: &str, expected: Expected, actual: Option<u64>) -> Status {
    let wanted = number(expected);
    let actual = actual.map_or(-1, |actual| i64::try_from(actual).unwrap_or(i64::MAX));
    let trailers = [
        ("exception", "wrong-expected-version".to_owned()),
        ("stream-name", stream.to_owned()),
        ("expected-version", wanted.to_string()),
        ("actual-version", actual.to_string()),
    ];
    let message = format!(
        "Delete failed due to WrongExpectedVersion. Stream: {stream}, Expected version: {wanted}, \
         Actual version: {actual}"
    );
    status(Code::FailedPrecondition, message, &trailers)
}

fn number(expected: Expected) -> i64 {
    match expected {
        Expected::Revision(revision) => i64::try_from(revision).unwrap_or(i64::MAX),
        Expected::NoStream => -1,
        Expected::Any => -2,
        Expected::StreamExists => -4,
    }
}

/// A refused append or delete; a conflict of an append is an answer, not a refusal.
pub(crate) fn refused(stream: &str, expected: Expected, refused: &Refused) -> Status {
    match refused {
        Refused::Conflict { actual } => delete_conflict(stream, expected, *actual),
        Refused::Deleted => stream_deleted(stream),
        Refused::TooLarge { max } => {
            let trailers = [
                ("exception", "maximum-append-size-exceeded".to_owned()),
                ("maximum-append-size", max.to_string()),
            ];
            status(Code::InvalidArgument, format!("Maximum Append Size of {max} Exceeded."), &trailers)
        }
        Refused::Broken(reason) => Status::internal(reason.clone()),
    }
}
