//! From the refusals of the rules and the faults of the log to an `ApiError`. No `_` arms: a new refusal must be
//! given its answer here.

use crate::{ApiError, ClockJumped};
use leafcutter_domain::{
    account::AccountRejection,
    batch::{BatchRejection, Phase},
    ledger::LedgerRejection,
    price_lists::PriceListRejection,
    quarantine::QuarantineRejection,
};
use leafcutter_event_store::{StoreError, TransactError};

impl From<BatchRejection> for ApiError {
    fn from(rejection: BatchRejection) -> Self {
        let conflict = |code, message: &str| Self::Conflict { code, message: message.to_owned() };
        match rejection {
            BatchRejection::Unknown | BatchRejection::NoSuchItem => Self::NotFound("There is no such batch."),
            BatchRejection::IdempotencyKeyReused => key_reused(),
            BatchRejection::AlreadyTerminal(phase) => conflict(
                "ALREADY_TERMINAL",
                &format!("Cannot cancel a batch that is already {}.", word(phase)),
            ),
            BatchRejection::NotFinished => {
                conflict("BATCH_NOT_FINISHED", "The batch has not finished. Wait for it, or cancel it.")
            }
            BatchRejection::Cancelled => {
                conflict("BATCH_CANCELLED", "The batch was cancelled. Submit a new one.")
            }
            BatchRejection::NoFailedItems => {
                Self::BadRequest { code: "NO_FAILED_ITEMS", message: "No failed items to retry.".to_owned() }
            }
            BatchRejection::RetryLimit => {
                conflict("RETRY_LIMIT", "The batch was retried as often as it may be. Submit a new one.")
            }
            BatchRejection::CookiesExpired => {
                conflict("COOKIES_EXPIRED", "The cookies of this batch are gone. Send them with the retry.")
            }
            // Handlers answer these themselves, by another round or another claim; here they mean bad luck.
            BatchRejection::RoundAbandoned { .. }
            | BatchRejection::RoundTaken { .. }
            | BatchRejection::ItemNotPending
            | BatchRejection::LeaseEnded
            | BatchRejection::LeaseAlive => Self::Busy("another request was faster."),
        }
    }
}

impl From<QuarantineRejection> for ApiError {
    fn from(rejection: QuarantineRejection) -> Self {
        match rejection {
            QuarantineRejection::FirstEvent => Self::validation(vec![format!("revision: {rejection}")]),
        }
    }
}

fn key_reused() -> ApiError {
    ApiError::Invalid {
        code: "IDEMPOTENCY_KEY_REUSED",
        message: "This Idempotency-Key was used with another request. Use a new key for a new request."
            .to_owned(),
        errors: vec!["Idempotency-Key: was used with another request".to_owned()],
    }
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::New | Phase::Open => "running",
        Phase::Completed => "completed",
        Phase::Cancelled => "cancelled",
        Phase::Failed(_) => "failed",
    }
}

impl From<LedgerRejection> for ApiError {
    fn from(rejection: LedgerRejection) -> Self {
        match rejection {
            LedgerRejection::InsufficientCredits { needed, available } => {
                Self::CreditLimit { needed, available }
            }
            LedgerRejection::TooManyOpen { open } => Self::TooManyPending { open },
            LedgerRejection::ReservationMismatch => key_reused(),
            // The same request may have been cut off between its credits and its batch before prices changed. Those
            // credits come back soon, and then it begins anew.
            LedgerRejection::ReservationPriced { .. } => {
                Self::Busy("an earlier request of this key, at other prices, is being cleared away.")
            }
            LedgerRejection::AmountOutOfBounds => Self::validation(vec![format!("credits: {rejection}")]),
            LedgerRejection::NotOpen
            | LedgerRejection::Closed
            | LedgerRejection::ReservationClosed
            | LedgerRejection::ReservationUnknown => Self::Busy("the month is turning."),
        }
    }
}

impl From<AccountRejection> for ApiError {
    fn from(rejection: AccountRejection) -> Self {
        match rejection {
            AccountRejection::Unknown => Self::NotFound("There is no such account."),
            AccountRejection::KeyUnknown => Self::NotFound("There is no such key."),
            AccountRejection::AlreadyOpen => {
                Self::Conflict { code: "ACCOUNT_EXISTS", message: "This account exists already.".to_owned() }
            }
            AccountRejection::NameOutOfBounds => Self::validation(vec![format!("name: {rejection}")]),
            AccountRejection::AllowanceOutOfBounds => {
                Self::validation(vec![format!("monthlyCredits: {rejection}")])
            }
        }
    }
}

impl From<PriceListRejection> for ApiError {
    fn from(rejection: PriceListRejection) -> Self {
        match rejection {
            // Lists are published at start, where the operator reads what is wrong, and by no request.
            PriceListRejection::Unusable(_) | PriceListRejection::VersionTaken { .. } => Self::Internal,
        }
    }
}

impl<R> From<TransactError<R>> for ApiError
where
    R: Into<ApiError> + std::fmt::Debug + std::fmt::Display,
{
    fn from(error: TransactError<R>) -> Self {
        match error {
            TransactError::Rejected(rejection) => rejection.into(),
            TransactError::Store(error) => Self::from(error.as_ref()),
            TransactError::OutcomeUnknown => Self::OutcomeUnknown,
            TransactError::Contention => Self::Busy("too many writers at once."),
            TransactError::StoredForm(error) => {
                tracing::error!(%error, "an event cannot be read");
                Self::Internal
            }
        }
    }
}

impl From<&StoreError> for ApiError {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Busy("another request was faster."),
            StoreError::TooLarge { max, .. } => Self::TooLarge { max: *max },
            StoreError::Unavailable(source) => {
                tracing::error!(%error, %source, "the event store is not available");
                Self::Busy("the event store is not available.")
            }
            StoreError::OutcomeUnknown(_) => Self::OutcomeUnknown,
        }
    }
}

impl From<ClockJumped> for ApiError {
    fn from(_: ClockJumped) -> Self {
        Self::Busy("the machine's clock has jumped.")
    }
}
