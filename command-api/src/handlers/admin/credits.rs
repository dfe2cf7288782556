//! `POST /admin/accounts/{id}/credits`: top an account up.

use crate::Commands;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use leafcutter_domain::{
    AccountId, GrantId,
    ledger::{Funds, Grant},
    limits::{CREDITS_MAX, TOP_UP_MONTHS},
};
use leafcutter_wire::{ApiError, ErrorBody, JsonBody, ValidationBody, WaitBody};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Credits to add.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct TopUp {
    /// How many.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_u64)]
    amount: u64,
}

/// Credits that were added.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToppedUp {
    /// Id of the grant.
    grant_id: Uuid,
    /// How many.
    amount: u64,
    /// The last month in which they may be spent, `yyyy-mm`.
    #[schema(pattern = "^[0-9]{4}-[0-9]{2}$")]
    expires_after: String,
}

/// Add top-up credits, which last 12 months beyond the present one.
#[utoipa::path(
    post, path = "/admin/accounts/{id}/credits", tag = "Admin", operation_id = "topUp",
    security(("admin_token" = [])),
    params(("id" = String, Path, format = Uuid, description = "The account")),
    request_body = TopUp,
    responses(
        (status = 201, description = "Added", body = ToppedUp),
        (status = 400, description = "The body is not JSON", body = ErrorBody),
        (status = 401, description = "No or wrong admin token", body = ErrorBody),
        (status = 404, description = "No such account", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 422, description = "A field is not valid", body = ValidationBody),
        (status = 503, description = "`SERVICE_BUSY`; nothing was kept", body = WaitBody),
        (status = 504, description = "`OUTCOME_UNKNOWN`", body = ErrorBody),
    ),
)]
pub(crate) async fn top_up(
    State(commands): State<Commands>,
    Path(id): Path<String>,
    JsonBody(request): JsonBody<TopUp>,
) -> Result<(StatusCode, Json<ToppedUp>), ApiError> {
    let account: AccountId = id.parse().map_err(|_| ApiError::NotFound("There is no such account."))?;
    if !(1..=CREDITS_MAX).contains(&request.amount) {
        return Err(ApiError::validation(vec![format!("amount: must be 1 to {CREDITS_MAX}")]));
    }
    let at = commands.clock.steady_now()?;
    let ledger = commands.open_ledger(account, at).await?;
    let last = ledger.period.plus_months(TOP_UP_MONTHS);
    let grant = GrantId(Uuid::now_v7());
    let funds = Funds::of(last, request.amount);
    commands.grant(account, ledger.period, Grant { grant, funds, released_by: None, at }).await?;
    let topped_up = ToppedUp { grant_id: grant.0, amount: request.amount, expires_after: last.to_string() };
    Ok((StatusCode::CREATED, Json(topped_up)))
}
