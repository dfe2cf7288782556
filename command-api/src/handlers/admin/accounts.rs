//! `POST /admin/accounts`: open an account with a first key.

use super::keys::new_key;
use crate::Commands;
use axum::{Json, extract::State, http::StatusCode};
use leafcutter_domain::{
    AccountId,
    account::{IssueKey, OpenAccount},
};
use leafcutter_wire::{ApiError, ErrorBody, JsonBody, ValidationBody, WaitBody};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An account to open.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewAccount {
    /// Its name, for people.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Credits that every month brings; the operator's default when left out.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_u64)]
    monthly_credits: Option<u64>,
}

/// An account that was opened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenedAccount {
    /// Its id.
    account_id: Uuid,
    /// Id of its first key, to revoke it by.
    key_id: Uuid,
    /// Its first key, shown this once.
    api_key: String,
}

/// Open an account.
#[utoipa::path(
    post, path = "/admin/accounts", tag = "Admin", operation_id = "openAccount",
    security(("admin_token" = [])),
    request_body = NewAccount,
    responses(
        (status = 201, description = "Opened", body = OpenedAccount),
        (status = 400, description = "The body is not JSON", body = ErrorBody),
        (status = 401, description = "No or wrong admin token", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 422, description = "A field is not valid", body = ValidationBody),
        (status = 503, description = "`SERVICE_BUSY`; nothing was kept", body = WaitBody),
        (status = 504, description = "`OUTCOME_UNKNOWN`", body = ErrorBody),
    ),
)]
pub(crate) async fn create(
    State(commands): State<Commands>,
    JsonBody(request): JsonBody<NewAccount>,
) -> Result<(StatusCode, Json<OpenedAccount>), ApiError> {
    let at = commands.clock.steady_now()?;
    let account = AccountId(Uuid::now_v7());
    let monthly_credits = request.monthly_credits.unwrap_or(commands.settings.default_credits);
    commands
        .accounts
        .transact(account, OpenAccount { account, name: request.name, monthly_credits, at })
        .await?;
    let (key, api_key, hash) = new_key()?;
    commands.accounts.transact(account, IssueKey { key, hash, at }).await?;
    Ok((StatusCode::CREATED, Json(OpenedAccount { account_id: account.0, key_id: key.0, api_key })))
}
