//! Events as they travel: ours into messages, and messages back into events.

use super::failure::Failure;
use crate::{NewEvent, Position, StoredEvent, StreamName};
use leafcutter_eventstoredb_protocol::{
    AllStreamPosition, StreamIdentifier, Uuid as WireUuid,
    streams::{
        ProposedMessage,
        read_resp::{ReadEvent, read_event},
    },
    uuid::Value,
};
use std::collections::HashMap;
use uuid::Uuid;

pub(super) const JSON: &str = "application/json";
pub(super) const BYTES: &str = "application/octet-stream";

pub(super) fn identifier(stream: &str) -> StreamIdentifier {
    StreamIdentifier { stream_name: stream.as_bytes().to_vec() }
}

pub(super) fn proposed(event: NewEvent, content_type: &str) -> ProposedMessage {
    ProposedMessage {
        id: Some(WireUuid { value: Some(Value::String(event.id.to_string())) }),
        metadata: HashMap::from([
            ("type".to_owned(), event.name.to_owned()),
            ("content-type".to_owned(), content_type.to_owned()),
        ]),
        custom_metadata: event.metadata,
        data: event.data,
    }
}

pub(super) fn position(at: AllStreamPosition) -> Position {
    Position::pair(at.commit_position, at.prepare_position)
}

/// The event in a message, whoever wrote it.
pub(super) fn stored(message: ReadEvent) -> Result<StoredEvent, Failure> {
    let mut event = message.event.ok_or(Failure::malformed("an event is empty"))?;
    let commit = match message.position {
        Some(read_event::Position::CommitPosition(commit)) => commit,
        Some(read_event::Position::NoPosition(_)) | None => event.commit_position,
    };
    let name = event.stream_identifier.unwrap_or_default().stream_name;
    let name = String::from_utf8(name).map_err(|_| Failure::malformed("a stream's name is no text"))?;
    Ok(StoredEvent {
        position: Position::pair(commit, event.prepare_position),
        stream: StreamName::from(name),
        revision: event.stream_revision,
        id: id(event.id).ok_or(Failure::malformed("an event has no id"))?,
        name: event.metadata.remove("type").ok_or(Failure::malformed("an event has no type"))?,
        data: event.data,
        metadata: event.custom_metadata,
    })
}

fn id(id: Option<WireUuid>) -> Option<Uuid> {
    match id?.value? {
        Value::String(text) => Uuid::parse_str(&text).ok(),
        Value::Structured(halves) => Some(Uuid::from_u64_pair(
            halves.most_significant_bits.cast_unsigned(),
            halves.least_significant_bits.cast_unsigned(),
        )),
    }
}
