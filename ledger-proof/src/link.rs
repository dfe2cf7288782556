//! One link of the ledger's hash chain: each entry's metadata holds a hash over the one before it and over its own
//! stored bytes, so that a change, removal, insertion or swap shows. What is hashed is fixed for ever by this file.

use crate::bytes::framed;
use uuid::Uuid;

/// What one link covers. Every text is taken as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct ChainLink<'a> {
    /// Hash of the event before, hex; empty for the first of a stream.
    pub prev: &'a str,
    /// Name of the stream.
    pub stream: &'a str,
    /// Place in the stream, from 0.
    pub revision: u64,
    /// Id of the event, hyphenated.
    pub id: &'a str,
    /// Name of the event.
    pub name: &'a str,
    /// Time in the metadata.
    pub occurred_at: &'a str,
    /// The data, byte for byte as stored.
    pub data: &'a [u8],
}

/// BLAKE3 over each part, preceded by its length as 8 bytes, little endian; hex. The revision is hashed as decimal
/// digits.
#[must_use]
pub fn link_hash(link: &ChainLink<'_>) -> String {
    let mut hasher = blake3::Hasher::new();
    let revision = link.revision.to_string();
    let parts: [&[u8]; 7] = [
        link.prev.as_bytes(),
        link.stream.as_bytes(),
        revision.as_bytes(),
        link.id.as_bytes(),
        link.name.as_bytes(),
        link.occurred_at.as_bytes(),
        link.data,
    ];
    framed(parts, |bytes| {
        hasher.update(bytes);
    });
    hasher.finalize().to_hex().to_string()
}

/// The id of an event, derived from its place and content: the same fact at the same place has the same id.
#[must_use]
pub fn event_id(stream: &str, revision: u64, name: &str, data: &[u8]) -> Uuid {
    let content = blake3::hash(data).to_hex();
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{stream}/{revision}/{name}/{content}").as_bytes())
}
