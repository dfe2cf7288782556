//! `GET /api/credits`: what the account has this month, and where it is.

use crate::{PresentLedger, QueryState, present_ledger};
use axum::{
    Json,
    extract::{RawQuery, State},
};
use leafcutter_wire::{ApiError, Caller, ErrorBody, ValidationBody, WaitBody};
use serde::Serialize;
use utoipa::ToSchema;

/// The credits of a month: `granted = held + spent + available`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Credits {
    /// The month, `yyyy-mm`, UTC.
    #[schema(pattern = r"^\d{4}-\d{2}$")]
    period: String,
    /// What the month brings by itself.
    allowance: u64,
    /// The allowance and all top-ups.
    granted: u64,
    /// Set aside for items that have not ended.
    held: u64,
    /// Paid for items.
    spent: u64,
    /// Free.
    available: u64,
}

/// Get the balance
#[utoipa::path(
    get, path = "/api/credits", tag = "Account", operation_id = "getCredits",
    responses(
        (status = 200, description = "The balance", body = Credits),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key", body = ErrorBody),
        (status = 422, description = "`NOT_SUPPORTED`: a past moment was asked for with `at`", body = ValidationBody),
        (status = 429, description = "Too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`", body = WaitBody),
    ),
)]
pub(crate) async fn credits(
    State(state): State<QueryState>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Credits>, ApiError> {
    refuse_past(query.as_deref().unwrap_or_default())?;
    let now = state.clock.now();
    let PresentLedger { period, allowance, granted, held, spent, available } =
        present_ledger(&state.ledgers, &state.accounts, caller.account, now).await?;
    Ok(Json(Credits { period: period.to_string(), allowance, granted, held, spent, available }))
}

/// Today's balance would be a wrong answer to the question for a past one.
fn refuse_past(query: &str) -> Result<(), ApiError> {
    if !query.split('&').any(|pair| pair == "at" || pair.starts_with("at=")) {
        return Ok(());
    }
    Err(ApiError::Invalid {
        code: "NOT_SUPPORTED",
        message: "An option of this request is not available here.".to_owned(),
        errors: vec!["at: the balance at a past moment is not built yet".to_owned()],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_past_moment_is_refused_and_not_answered_with_today() {
        assert!(refuse_past("at=2020-01-01T00:00:00Z").is_err() && refuse_past("x=1&at=").is_err());
        assert_eq!(refuse_past("attempt=1"), Ok(()));
    }
}
