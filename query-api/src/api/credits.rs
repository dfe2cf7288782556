//! `GET /api/credits`: what the account has this month, and where it is.

use crate::{PresentLedger, QueryState, present_ledger};
use axum::{Json, extract::State};
use leafcutter_wire::{ApiError, Caller, ErrorBody, WaitBody};
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
        (status = 429, description = "Too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`", body = WaitBody),
    ),
)]
pub(crate) async fn credits(
    State(state): State<QueryState>,
    caller: Caller,
) -> Result<Json<Credits>, ApiError> {
    let now = state.clock.now();
    let PresentLedger { period, allowance, granted, held, spent, available } =
        present_ledger(&state.ledgers, &state.accounts, caller.account, now).await?;
    Ok(Json(Credits { period: period.to_string(), allowance, granted, held, spent, available }))
}
