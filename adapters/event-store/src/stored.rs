//! The stored form of events: JSON data, metadata beside it, and a version. Stored bytes are written once and never
//! edited; golden files pin them per version, and `upcast` brings old ones up to date when they are read.

use crate::{
    StoredEvent, StreamName,
    upcast::{STEPS, upcast},
};
use leafcutter_domain::{DecodeError, DomainEvent, Moment};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The version that is written now. A new event or another form raises it once a release and adds a step to `upcast`:
/// a binary of before must say that it is too old, and not guess.
pub(crate) const VERSION: u32 = 2;
const _: () = assert!(STEPS.len() + 1 == VERSION as usize, "a step leads from each version to the next");

/// What is stored beside the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Version of the stored form.
    pub version: u32,
    /// When it happened; never earlier than the event before it in its stream.
    pub occurred_at: Moment,
    /// Hash of the event before it, hex; empty for the first. Chained streams only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<String>,
    /// Its own hash, hex. Chained streams only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// A stored event that this version cannot read.
#[derive(Debug, thiserror::Error)]
pub enum StoredFormError {
    /// Its metadata is not ours.
    #[error("event {revision} of {stream} has metadata that cannot be read")]
    Metadata {
        /// The stream.
        stream: StreamName,
        /// The place.
        revision: u64,
        /// What the JSON reader says.
        #[source]
        source: serde_json::Error,
    },
    /// It was written by a newer version.
    #[error("event {revision} of {stream} was written by a newer version ({version}); start that version")]
    Newer {
        /// The stream.
        stream: StreamName,
        /// The place.
        revision: u64,
        /// The version.
        version: u32,
    },
    /// Its data is not what its name promises.
    #[error("event {revision} of {stream} cannot be read")]
    Data {
        /// The stream.
        stream: StreamName,
        /// The place.
        revision: u64,
        /// Why.
        #[source]
        source: DecodeError,
    },
}

/// Reads an event, upcast to the present version, and its metadata.
///
/// # Errors
/// The event was written by a newer version or is damaged.
pub fn decode<E: DomainEvent>(event: &StoredEvent) -> Result<(E, Metadata), StoredFormError> {
    let stream = || event.stream.clone();
    let metadata: Metadata = serde_json::from_slice(&event.metadata)
        .map_err(|source| StoredFormError::Metadata { stream: stream(), revision: event.revision, source })?;
    if metadata.version > VERSION {
        let version = metadata.version;
        return Err(StoredFormError::Newer { stream: stream(), revision: event.revision, version });
    }
    let data = upcast(metadata.version, &event.name, &event.data, &STEPS);
    let decoded = E::decode(&event.name, &data).map_err(|source| StoredFormError::Data {
        stream: stream(),
        revision: event.revision,
        source,
    })?;
    Ok((decoded, metadata))
}

/// The id of an event, derived from its place and content: the same fact at the same place has the same id, so a
/// repeated append is recognised, and a replay makes the same ids.
#[must_use]
pub fn event_id(stream: &StreamName, revision: u64, name: &str, data: &[u8]) -> Uuid {
    leafcutter_ledger_proof::event_id(stream.as_str(), revision, name, data)
}
