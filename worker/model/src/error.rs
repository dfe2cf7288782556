//! Why a model gave no result. Messages name statuses and places, never what the endpoint or the page said: an
//! endpoint may repeat the key, and a page may say anything.

use thiserror::Error;

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ModelError {
    /// The endpoint cannot be reached or is not well. The same question may be answered later.
    #[error("the model's endpoint {0}; try again later")]
    Unavailable(String),
    /// The endpoint does not take this question from this service, and will not later.
    #[error("the model's endpoint {0}")]
    Refused(String),
    /// The model answered, but not with a result.
    #[error("the model gave no result: it {0}")]
    NoAnswer(&'static str),
    /// The answer breaks the schema, also after it was repaired. One message per place.
    #[error("the model's answer does not fit the schema, make these fields optional or correct them: {}", .0.join("; "))]
    SchemaMismatch(Vec<String>),
    /// The schema cannot be used.
    #[error("the schema cannot be used: {0}")]
    BadSchema(String),
}
