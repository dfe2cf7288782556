//! Why a call came to nothing, and above all whether the server may have carried it out. When in doubt it may.

use super::connection_string::HostPort;
use crate::StoreError;
use leafcutter_domain::limits::APPEND_BYTES_MAX;
use std::{error::Error, time::Duration};
use tonic::{Code, ConnectError, Status};

/// What is behind a [`StoreError`], to be read by whoever runs the service.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    #[error("EventStoreDB cannot be reached at {address}: check that it runs and that its address is right")]
    Unreachable {
        address: HostPort,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("EventStoreDB was not reached: {0}")]
    NotReached(String),
    #[error("EventStoreDB does not know the user or the password: check them in the connection string")]
    WrongCredentials,
    #[error(
        "EventStoreDB forbids this to the user of the connection string: it needs to read $all and to write"
    )]
    Denied,
    #[error("the stream was deleted by hand and cannot be used any more")]
    StreamDeleted,
    #[error("EventStoreDB did not answer within {0:?}")]
    Unanswered(Duration),
    #[error("EventStoreDB answered in a way that cannot be read: {0}")]
    Malformed(&'static str),
    #[error("the leader of the EventStoreDB cluster cannot be found")]
    NoLeader,
    #[error("EventStoreDB answered {code:?}: {message}", code = .0.code(), message = .0.message())]
    Status(#[source] Status),
    #[error("EventStoreDB ended a subscription")]
    Ended,
    #[error("a subscription has been silent while the log went on")]
    Silent,
}

/// A call that came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server has surely not carried it out.
    NotDone(Cause),
    /// The same, because the connection was not there; another one may do.
    NotSent(Cause),
    /// Another node leads.
    NotLeader(HostPort),
    /// The server takes less in one append.
    TooLarge { max: Option<usize> },
    /// It may have been carried out, and the connection may be dead.
    Unknown(Cause),
}

impl Failure {
    pub(super) fn malformed(what: &'static str) -> Self {
        Self::Unknown(Cause::Malformed(what))
    }

    /// Of a call, whether it was for reading or for writing.
    pub(super) fn into_unavailable(self) -> StoreError {
        match self {
            Self::NotDone(cause) | Self::NotSent(cause) | Self::Unknown(cause) => {
                StoreError::Unavailable(Box::new(cause))
            }
            Self::NotLeader(_) => StoreError::Unavailable(Box::new(Cause::NoLeader)),
            Self::TooLarge { .. } => {
                StoreError::Unavailable(Box::new(Cause::Malformed("a read is not too large")))
            }
        }
    }

    /// Of an append of so many bytes.
    pub(super) fn into_append_error(self, bytes: usize) -> StoreError {
        match self {
            Self::Unknown(cause) => StoreError::OutcomeUnknown(Box::new(cause)),
            Self::TooLarge { max } => StoreError::TooLarge { bytes, max: max.unwrap_or(APPEND_BYTES_MAX) },
            failure => failure.into_unavailable(),
        }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        // Only what this side makes itself has a source: the connection failed, before or during the call.
        if let Some(source) = status.source() {
            let sent = !is_connect_error(source);
            let cause = Cause::Status(status);
            return if sent { Self::Unknown(cause) } else { Self::NotSent(cause) };
        }
        let exception = trailer(&status, "exception").unwrap_or_default();
        match (status.code(), exception) {
            (Code::NotFound, "not-leader") => match leader(&status) {
                Some(leader) => Self::NotLeader(leader),
                None => Self::NotDone(Cause::NoLeader),
            },
            (
                Code::InvalidArgument,
                "maximum-append-size-exceeded" | "maximum-append-event-size-exceeded",
            ) => {
                let max = ["maximum-append-size", "maximum-append-event-size"]
                    .into_iter()
                    .find_map(|key| trailer(&status, key)?.parse().ok());
                Self::TooLarge { max }
            }
            (Code::FailedPrecondition, "stream-deleted") => Self::NotDone(Cause::StreamDeleted),
            (Code::Unauthenticated, _) => Self::NotDone(Cause::WrongCredentials),
            (Code::PermissionDenied, _) => Self::NotDone(Cause::Denied),
            (Code::InvalidArgument | Code::Unimplemented, _) => Self::NotDone(Cause::Status(status)),
            // With these words the server itself says that it has not begun; a proxy uses others.
            (Code::Unavailable, _) if status.message().starts_with("Server Is ") => {
                Self::NotDone(Cause::Status(status))
            }
            _ => Self::Unknown(Cause::Status(status)),
        }
    }
}

fn trailer<'a>(status: &'a Status, key: &str) -> Option<&'a str> {
    status.metadata().get(key)?.to_str().ok()
}

fn leader(status: &Status) -> Option<HostPort> {
    let host = trailer(status, "leader-endpoint-host")?.to_owned();
    let port = trailer(status, "leader-endpoint-port")?.parse().ok()?;
    Some(HostPort { host, port })
}

fn is_connect_error(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<ConnectError>() {
            return true;
        }
        next = error.source();
    }
    false
}
