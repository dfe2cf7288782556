//! The ledger's hash chain: each event's metadata holds a hash over the one before it and over its own stored
//! bytes, so that a change, removal, insertion or swap shows. What is hashed is fixed for ever by this file.

use leafcutter_domain::Moment;
use uuid::Uuid;

/// What one link covers.
#[derive(Debug, Clone, Copy)]
pub struct ChainLink<'a> {
    /// Hash of the event before, hex; empty for the first of a stream.
    pub prev: &'a str,
    /// Name of the stream.
    pub stream: &'a str,
    /// Place in the stream, from 0.
    pub revision: u64,
    /// Id of the event.
    pub id: Uuid,
    /// Name of the event.
    pub name: &'a str,
    /// Time in the metadata.
    pub occurred_at: Moment,
    /// The data, byte for byte as stored.
    pub data: &'a [u8],
}

/// BLAKE3 over each part, preceded by its length as 8 bytes, little endian; hex. Numbers and times are hashed in
/// their text form, the id in its hyphenated form.
#[must_use]
pub fn link_hash(link: &ChainLink<'_>) -> String {
    let mut hasher = blake3::Hasher::new();
    let parts: [&[u8]; 7] = [
        link.prev.as_bytes(),
        link.stream.as_bytes(),
        &link.revision.to_string().into_bytes(),
        &link.id.to_string().into_bytes(),
        link.name.as_bytes(),
        &link.occurred_at.to_string().into_bytes(),
        link.data,
    ];
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex().to_string()
}
