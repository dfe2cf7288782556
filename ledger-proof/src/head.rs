//! Heads: where an account's ledger ends at a moment, signed by the service. Whoever keeps one can show later that the
//! ledger was rewritten. What is signed, and with which key, is fixed for ever by this file.

use crate::bytes::{framed, from_hex, hex};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

/// What the signing key is derived for, so that it is of no use for anything else.
const KEY_CONTEXT: &str = "leafcutter 2026-11 ledger head signing key v1";
/// What is signed begins with this.
const SIGNED_AS: &str = "leafcutter ledger head v1";

/// The last event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadEntry {
    /// The stream.
    pub stream: String,
    /// Revision of the event.
    pub revision: u64,
    /// Its hash.
    pub hash: String,
}

/// Where an account's ledger ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The account.
    pub account: String,
    /// When, RFC 3339.
    pub at: String,
    /// The ends of its streams, oldest month first; see [`crate::covering`].
    pub entries: Vec<HeadEntry>,
    /// Ed25519 key of the service, hex.
    pub public_key: String,
    /// Ed25519 signature over all of the above but the key, hex.
    pub signature: String,
}

/// A head that proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The key or the signature is not written as one.
    #[error("the head of {at} holds no key and signature of Ed25519 in hexadecimal digits")]
    Malformed {
        /// Its time.
        at: String,
    },
    /// The signature is of something else.
    #[error("the head of {at} was changed: its signature is not of what it says")]
    NotSigned {
        /// Its time.
        at: String,
    },
    /// Its time is none.
    #[error("the head is of '{at}', which is no time")]
    NoTime {
        /// What it says.
        at: String,
    },
}

impl Head {
    /// Whether the owner of its public key has signed it. Whose key that is, is for the caller to know.
    ///
    /// # Errors
    /// It was not.
    pub fn verify(&self) -> Result<(), HeadError> {
        let malformed = || HeadError::Malformed { at: self.at.clone() };
        let key = from_hex::<32>(&self.public_key).ok_or_else(malformed)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| malformed())?;
        let signature = Signature::from_bytes(&from_hex(&self.signature).ok_or_else(malformed)?);
        key.verify_strict(&signed_bytes(&self.account, &self.at, &self.entries), &signature)
            .map_err(|_| HeadError::NotSigned { at: self.at.clone() })
    }
}

/// Signs heads with a key that is derived from the service key. Never printed; wiped when dropped.
pub struct HeadSigner(SigningKey);

impl std::fmt::Debug for HeadSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HeadSigner(hidden)")
    }
}

impl HeadSigner {
    /// The signer of a service with this key.
    #[must_use]
    pub fn from_service_key(service_key: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&blake3::derive_key(KEY_CONTEXT, service_key)))
    }

    /// The key that verifies, hex.
    #[must_use]
    pub fn public_key(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }

    /// Signs where an account's ledger ends.
    #[must_use]
    pub fn sign(&self, account: String, at: String, entries: Vec<HeadEntry>) -> Head {
        let signature = self.0.sign(&signed_bytes(&account, &at, &entries));
        let signature = hex(&signature.to_bytes());
        Head { account, at, entries, public_key: self.public_key(), signature }
    }
}

/// Each part preceded by its length as 8 bytes, little endian: what it is, the account, the time, and of each entry
/// stream, revision in decimal digits, and hash.
fn signed_bytes(account: &str, at: &str, entries: &[HeadEntry]) -> Vec<u8> {
    let revisions: Vec<String> = entries.iter().map(|entry| entry.revision.to_string()).collect();
    let mut parts = vec![SIGNED_AS, account, at];
    for (entry, revision) in entries.iter().zip(&revisions) {
        parts.extend([entry.stream.as_str(), revision, &entry.hash]);
    }
    let mut bytes = Vec::new();
    framed(parts.into_iter().map(str::as_bytes), |part| bytes.extend_from_slice(part));
    bytes
}
