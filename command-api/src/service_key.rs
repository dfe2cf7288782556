//! The service's own secret key: makes lease tokens that a worker cannot guess, and hashes of requests that a
//! reader of the log cannot guess back.

use leafcutter_dispatch::LeaseToken;
use leafcutter_domain::{BatchId, ItemIndex};
use uuid::Uuid;

/// A key of 32 bytes. Never printed.
#[derive(Clone)]
pub struct ServiceKey([u8; 32]);

impl std::fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServiceKey(hidden)")
    }
}

impl ServiceKey {
    /// From its bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The lease token of a claim: the same claim gets the same token, also from another replica.
    pub(crate) fn lease(&self, batch: BatchId, item: ItemIndex, claim: Uuid) -> LeaseToken {
        LeaseToken(*self.hash("lease", format!("{batch}/{item}/{claim}").as_bytes()).as_bytes())
    }

    /// A hash of something a client sent, hex; `purpose` keeps hashes of different things apart.
    pub(crate) fn fingerprint(&self, purpose: &str, content: &[u8]) -> String {
        self.hash(purpose, content).to_hex().to_string()
    }

    fn hash(&self, purpose: &str, content: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&(purpose.len() as u64).to_le_bytes());
        hasher.update(purpose.as_bytes());
        hasher.update(content);
        hasher.finalize()
    }
}

/// What the log keeps of a lease token.
pub(crate) fn lease_hash(token: &LeaseToken) -> String {
    blake3::hash(&token.0).to_hex().to_string()
}
