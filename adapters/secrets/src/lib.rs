//! Cookies of open batches: kept where no disk sees them, erased when they are no longer needed. Never in an event,
//! a row, a file or a log line. The embedded adapter is the memory of the process; with several replicas it is the
//! memory of the broker.

mod in_memory;
mod nats;
mod seal;

pub use in_memory::InMemorySecrets;
pub use nats::{NatsSecrets, SECRETS_BYTES_MAX};

use async_trait::async_trait;
use leafcutter_dispatch::Cookies;
use leafcutter_domain::{BatchId, Moment};

/// Which cookies: those of a batch, as this request brought them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretName {
    /// The batch.
    pub batch: BatchId,
    /// Fingerprint of the request, when another request may claim the same batch id at the same time.
    pub request: Option<String>,
}

/// The cookies could not be kept or read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SecretsError {
    /// As many batches with cookies are open as fit.
    #[error("the cookies of {0} batches are held already, as many as fit; try again later")]
    Full(usize),
    /// The place does not answer; whether the cookies are there is not known.
    #[error("the place of the cookies does not answer: {0}; try again")]
    Unavailable(String),
}

/// A place for cookies.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// Keeps cookies until `forget_at` or `forget`; replaces those of the same name.
    ///
    /// # Errors
    /// There is no room, or the place does not answer.
    async fn keep(&self, name: SecretName, cookies: Cookies) -> Result<(), SecretsError>;

    /// The cookies; `None` when they are gone for good.
    ///
    /// # Errors
    /// The place does not answer.
    async fn find(&self, name: &SecretName) -> Result<Option<Cookies>, SecretsError>;

    /// Lets the cookies of a batch live until then; `None`: until told otherwise.
    ///
    /// # Errors
    /// The place does not answer; the caller asks again.
    async fn forget_at(&self, batch: BatchId, end: Option<Moment>) -> Result<(), SecretsError>;

    /// Erases the cookies of this name now.
    async fn forget(&self, name: &SecretName);

    /// Erases everything whose time has come.
    async fn erase_expired(&self, now: Moment);
}
