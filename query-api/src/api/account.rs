//! `GET /api/account`: the account's plan and credits, in the form that the official client reads.

use super::words;
use crate::{QueryState, present_ledger};
use axum::{Json, extract::State};
use leafcutter_domain::Moment;
use leafcutter_wire::{ApiError, Caller, ErrorBody, WaitBody};
use serde::Serialize;
use utoipa::ToSchema;

/// There are no plans to choose from: whoever runs the service sets the credits.
const PLAN: &str = "self-hosted";

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountAnswer {
    data: AccountData,
}

/// What an account may use.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountData {
    plan: Plan,
    credits: AccountCredits,
    proxy_bandwidth: ProxyBandwidth,
    #[schema(schema_with = no_subscription)]
    subscription: (),
}

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Plan {
    name: &'static str,
}

/// The credits of the month.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountCredits {
    /// Allowance and top-ups.
    limit: u64,
    /// Paid, and set aside for items that have not ended.
    used: u64,
    remaining: u64,
    #[schema(value_type = String, format = DateTime)]
    billing_cycle_start: Moment,
}

/// Proxy traffic is not sold by volume here, so all of it is 0.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProxyBandwidth {
    limit_mb: u64,
    used_mb: u64,
    remaining_mb: u64,
}

fn no_subscription() -> utoipa::openapi::schema::Object {
    words::null("Nothing is sold here")
}

/// Get the account
#[utoipa::path(
    get, path = "/api/account", tag = "Account", operation_id = "getAccount",
    responses(
        (status = 200, description = "The account", body = AccountAnswer),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key", body = ErrorBody),
        (status = 429, description = "Too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`", body = WaitBody),
    ),
)]
pub(crate) async fn account(
    State(state): State<QueryState>,
    caller: Caller,
) -> Result<Json<AccountAnswer>, ApiError> {
    let now = state.clock.now();
    let ledger = present_ledger(&state.ledgers, &state.accounts, caller.account, now).await?;
    let used = ledger.spent + ledger.held;
    let credits = AccountCredits {
        limit: ledger.granted,
        used,
        remaining: ledger.granted.saturating_sub(used),
        billing_cycle_start: ledger.period.start(),
    };
    let (plan, proxy_bandwidth) = (Plan { name: PLAN }, ProxyBandwidth::default());
    Ok(Json(AccountAnswer { data: AccountData { plan, credits, proxy_bandwidth, subscription: () } }))
}
