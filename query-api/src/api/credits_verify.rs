//! `GET /api/credits/verify`: the account's ledger recomputed from the log, and compared with the read models.

use super::credits::LedgerHead;
use crate::{
    QueryState,
    ledger_check::{LedgerCheck, Step},
    ledger_log::LedgerLog,
    state::store_unavailable,
    statement_check::StatementCheck,
};
use axum::{Json, extract::State};
use leafcutter_domain::AccountId;
use leafcutter_ledger_proof::{Fault, FaultKind, Walked, covering};
use leafcutter_wire::{ApiError, Caller, ErrorBody, WaitBody};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What became of recomputing a ledger.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreditsVerified {
    /// Whether the log holds what was written, as far as the chain tells; see `docs/ledger.md` for what it does not.
    valid: bool,
    /// Months that have begun.
    months: usize,
    /// Entries that are right, up to the first fault.
    entries: u64,
    /// Where the recomputed ledger ends; null when there is a fault.
    #[schema(required)]
    head: Option<LedgerHead>,
    /// The first fault, if there is one.
    #[schema(required)]
    fault: Option<LedgerFault>,
    read_model: ReadModelVerified,
}

/// The first place at which the ledger is not what was written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LedgerFault {
    stream: String,
    /// The entry that is wrong, or the first that is missing.
    revision: u64,
    kind: LedgerFaultKind,
    /// The same in a sentence.
    what: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LedgerFaultKind {
    Changed,
    Removed,
    Inserted,
    Reordered,
    Unreadable,
    Unbalanced,
}

/// The statement of `GET /api/credits/history`, held against the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadModelVerified {
    agrees: bool,
    /// The first difference, or why it is not known.
    #[schema(required)]
    difference: Option<String>,
}

impl From<Fault> for LedgerFault {
    fn from(Fault { stream, revision, kind, what }: Fault) -> Self {
        let kind = match kind {
            FaultKind::Changed => LedgerFaultKind::Changed,
            FaultKind::Removed => LedgerFaultKind::Removed,
            FaultKind::Inserted => LedgerFaultKind::Inserted,
            FaultKind::Reordered => LedgerFaultKind::Reordered,
            FaultKind::Unreadable => LedgerFaultKind::Unreadable,
            FaultKind::Unbalanced => LedgerFaultKind::Unbalanced,
        };
        Self { stream, revision, kind, what }
    }
}

/// Verify the ledger
///
/// Reads every entry of the account's ledgers from the log, recomputes the hash chain across months and the sums after
/// each entry, and compares the read models with them. A fault that is found is an answer, not an error. Takes as long as
/// there are entries.
#[utoipa::path(
    get, path = "/api/credits/verify", tag = "Account", operation_id = "verifyCredits",
    responses(
        (status = 200, description = "What was found", body = CreditsVerified),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key", body = ErrorBody),
        (status = 429, description = "Too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`", body = WaitBody),
    ),
)]
pub(crate) async fn verify(
    State(state): State<QueryState>,
    caller: Caller,
) -> Result<Json<CreditsVerified>, ApiError> {
    let mut statement = StatementCheck::begin(&state, caller.account).await?;
    let Walked { entries, tails, fault, .. } = recompute(&state, caller.account, &mut statement).await?;
    let difference = statement.finish(fault.is_none()).await?;
    let head = fault.is_none().then(|| state.signed(caller.account, covering(&tails)).into());
    if let Some(fault) = &fault {
        tracing::error!(account = %caller.account, %fault, "a ledger is not what was written");
    }
    Ok(Json(CreditsVerified {
        valid: fault.is_none(),
        months: tails.len(),
        entries,
        head,
        fault: fault.map(LedgerFault::from),
        read_model: ReadModelVerified { agrees: difference.is_none(), difference },
    }))
}

async fn recompute(
    state: &QueryState,
    account: AccountId,
    statement: &mut StatementCheck,
) -> Result<Walked, ApiError> {
    let streams = state.ledger_streams(account).await?;
    let mut log = LedgerLog::new(Arc::clone(&state.store), streams);
    let mut check = LedgerCheck::default();
    while let Some(page) = log.page().await.map_err(store_unavailable)? {
        for stored in &page {
            match check.step(stored) {
                Step::Entry(entry) => statement.step(*entry).await?,
                Step::Doubt => {}
                Step::Fault => return Ok(check.finish()),
            }
        }
    }
    Ok(check.finish())
}
