//! Everything that a handler can answer besides success, free of any wire format. `http_error.rs` gives each its
//! status and body; `refusals.rs` makes them from the refusals of the rules.

/// An answer other than success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The body is not JSON.
    #[error("The body is not valid JSON: {0}.")]
    NotJson(String),
    /// The request makes no sense here, for the reason that the code names.
    #[error("{message}")]
    BadRequest {
        /// Stable code.
        code: &'static str,
        /// What to do about it.
        message: String,
    },
    /// No key came with the request.
    #[error("An API key is required: send it as 'x-api-key' or 'Authorization: Bearer'.")]
    KeyMissing,
    /// The key is unknown or was revoked.
    #[error("Invalid or expired API key.")]
    KeyInvalid,
    /// The admin token is missing, wrong, or not set at all.
    #[error("{0}")]
    AdminRefused(&'static str),
    /// Not enough credits are free.
    #[error("Monthly credit limit reached: {needed} credits are needed and {available} are available.")]
    CreditLimit {
        /// Credits asked for.
        needed: u64,
        /// Credits free.
        available: u64,
    },
    /// Not there, or another account's.
    #[error("{0}")]
    NotFound(&'static str),
    /// The path knows other methods.
    #[error("This path does not take this method.")]
    MethodNotAllowed,
    /// The state forbids it.
    #[error("{message}")]
    Conflict {
        /// Stable code.
        code: &'static str,
        /// What to do about it.
        message: String,
    },
    /// The body is larger than is read.
    #[error("The body is larger than {max} bytes.")]
    TooLarge {
        /// The bound.
        max: usize,
    },
    /// Fields do not hold what they should.
    #[error("{message}")]
    Invalid {
        /// Stable code.
        code: &'static str,
        /// The gist.
        message: String,
        /// One sentence for each fault, naming the field.
        errors: Vec<String>,
    },
    /// As many batches are unfinished as may be.
    #[error("{open} batches are unfinished, as many as may be; wait for one to finish or cancel one.")]
    TooManyPending {
        /// Unfinished batches.
        open: usize,
    },
    /// More requests than the key may make.
    #[error("Too many requests; try again in {retry_after_s} s.")]
    RateLimited {
        /// Seconds until the window ends.
        retry_after_s: u64,
    },
    /// A store, the clock or a reader cannot serve this now. Nothing was kept.
    #[error("The service is busy: {0} Try again shortly.")]
    Busy(&'static str),
    /// It is not known whether the command was kept.
    #[error("It is not known whether the request was carried out. Ask for the state before you repeat it.")]
    OutcomeUnknown,
    /// A fault of Leafcutter, logged where it was found.
    #[error("An internal error occurred; the operator's log says more.")]
    Internal,
}

impl ApiError {
    /// A validation error with the usual code.
    #[must_use]
    pub fn validation(errors: Vec<String>) -> Self {
        Self::Invalid { code: "VALIDATION_FAILED", message: "The request is not valid.".to_owned(), errors }
    }
}
