//! `GET /api/credits`: what the account has this month, or had at a past moment, and where it is.

use crate::{
    PresentLedger, QueryState,
    params::{Faults, Params},
    past_ledger::past_ledger,
    present_ledger,
};
use axum::{Json, extract::State};
use leafcutter_domain::Moment;
use leafcutter_ledger_proof::{Head, HeadEntry};
use leafcutter_wire::{ApiError, Caller, ErrorBody, ValidationBody, WaitBody};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The credits of a month: `granted = held + spent + available`, but for top-ups that ended before it began.
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
    head: LedgerHead,
}

/// Where the account's ledger ends, signed: keep it, and `leafcutter audit` proves later that no entry that it covers
/// was touched. `docs/ledger.md` says how it is made and checked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LedgerHead {
    #[schema(format = Uuid)]
    account: String,
    #[schema(format = DateTime)]
    at: String,
    /// Oldest month first; none before the first month has begun.
    entries: Vec<LedgerHeadEntry>,
    /// Ed25519 key of the service, the same for every answer.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    public_key: String,
    /// Ed25519 signature over account, time and entries.
    #[schema(pattern = "^[0-9a-f]{128}$")]
    signature: String,
}

/// The last event of a month.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LedgerHeadEntry {
    #[schema(pattern = r"^ledger-[0-9a-f-]{36}-\d{4}-\d{2}$")]
    stream: String,
    revision: u64,
    /// Its hash in the chain.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    hash: String,
}

impl From<Head> for LedgerHead {
    fn from(head: Head) -> Self {
        let Head { account, at, entries, public_key, signature } = head;
        let entry = |HeadEntry { stream, revision, hash }| LedgerHeadEntry { stream, revision, hash };
        let entries = entries.into_iter().map(entry).collect();
        Self { account, at, entries, public_key, signature }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CreditsParams {
    /// A past moment; without it, now.
    #[param(format = DateTime)]
    at: Option<String>,
}

/// Get the balance
///
/// With `at`, the balance as it was at a past moment, everything of that moment included, by replay of the log. The
/// head is that of now all the same.
#[utoipa::path(
    get, path = "/api/credits", tag = "Account", operation_id = "getCredits",
    params(CreditsParams),
    responses(
        (status = 200, description = "The balance", body = Credits),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key", body = ErrorBody),
        (status = 422, description = "`VALIDATION_FAILED`: `at` is no time, in the future, or before the account was opened", body = ValidationBody),
        (status = 429, description = "Too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`", body = WaitBody),
    ),
)]
pub(crate) async fn credits(
    State(state): State<QueryState>,
    caller: Caller,
    Params(params): Params<CreditsParams>,
) -> Result<Json<Credits>, ApiError> {
    let mut faults = Faults::default();
    let at: Option<Moment> = faults.parsed("at", params.at.as_deref());
    faults.check()?;
    let ledger = match at {
        Some(at) => past_ledger(&state, caller.account, at).await?,
        None => present_ledger(&state.ledgers, &state.accounts, caller.account, state.clock.now()).await?,
    };
    let PresentLedger { period, allowance, granted, held, spent, available } = ledger;
    // After the balance, so that it covers every entry in it.
    let head = state.ledger_head(caller.account).await?.into();
    Ok(Json(Credits { period: period.to_string(), allowance, granted, held, spent, available, head }))
}
