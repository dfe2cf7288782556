//! `GET /api/credits/history`: why each credit moved, what was left, and the events that tell it.

use super::{
    list::Pagination,
    words::{self, EntryKindWord},
};
use crate::{
    QueryState,
    causes::{CauseEvent, Causes},
    params::{Faults, LIMIT_DEFAULT, PAGE_DEFAULT, PAGE_MAX, Params},
    state::unavailable,
};
use axum::{Json, extract::State};
use leafcutter_domain::{BatchId, Moment};
use leafcutter_read_models::{EntryFilter, EntryKind, RecordedEntry};
use leafcutter_wire::{ApiError, Caller, ErrorBody, ValidationBody, WaitBody};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Entries on one page.
const LIMIT_MAX: u32 = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct HistoryParams {
    /// Entries of this time or later.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Entries of before this time.
    #[param(format = DateTime)]
    to: Option<String>,
    /// Entries about this batch.
    #[param(format = Uuid)]
    batch_id: Option<String>,
    /// Entries about this item of the batch, from 0; needs `batchId`.
    item: Option<u16>,
    /// Entries of these kinds, separated by commas.
    #[param(
        pattern = "^(opened|granted|reserved|charged|refunded|closed)(,(opened|granted|reserved|charged|refunded|closed)){0,5}$"
    )]
    kind: Option<String>,
    /// Page, from 1.
    #[param(minimum = 1, maximum = 2_147_483_647, default = 1)]
    page: Option<u32>,
    /// Entries on a page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

/// Some entries of the account's statement.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreditsHistory {
    /// The latest month first, in each month the last entry first.
    entries: Vec<CreditsEntry>,
    pagination: Pagination,
}

/// One movement of credits. In a month `balance` is the one before it plus `change`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreditsEntry {
    /// The month whose credits moved, `yyyy-mm`, UTC.
    #[schema(pattern = r"^\d{4}-\d{2}$")]
    period: String,
    kind: EntryKindWord,
    #[schema(value_type = String, format = DateTime)]
    at: Moment,
    /// Credits that moved.
    amount: u64,
    /// By how much the free credits grew; below 0 where they shrank.
    change: i64,
    /// Free credits after it.
    balance: u64,
    /// Credits set aside after it.
    held: u64,
    /// Credits paid in the month after it.
    spent: u64,
    #[schema(schema_with = words::reason, required)]
    reason: Option<&'static str>,
    #[schema(required)]
    batch_id: Option<Uuid>,
    /// The round of the batch for which credits were set aside: 1 for the submit, higher for retries.
    #[schema(required)]
    round: Option<u32>,
    /// What links what was set aside with what became of it.
    #[schema(required)]
    reservation_id: Option<Uuid>,
    /// The items that it is about.
    items: Vec<u16>,
    /// The attempt that was paid for.
    #[schema(required)]
    attempt: Option<u32>,
    event: LoggedEvent,
    /// The events of the batch that made the credits move: the submit or retry, each item's end, the cancel. Empty for
    /// what no batch caused, and for a round that never began.
    causes: Vec<CauseEvent>,
}

/// An event in the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LoggedEvent {
    id: Uuid,
    /// Its place in the log: opaque, the same for ever.
    position: String,
    r#type: &'static str,
    /// Its place in the month's ledger, from 0.
    revision: u64,
}

/// List credit movements
///
/// Every entry of the account's ledgers with the balance after it, its reason and the events behind it; the latest month
/// first, in each month the last entry first. Waits a moment until everything that was answered before is in the list.
#[utoipa::path(
    get, path = "/api/credits/history", tag = "Account", operation_id = "listCreditMovements",
    params(HistoryParams),
    responses(
        (status = 200, description = "A page of the statement", body = CreditsHistory),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key", body = ErrorBody),
        (status = 422, description = "`VALIDATION_FAILED`", body = ValidationBody),
        (status = 429, description = "Too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`: the statement is not current yet", body = WaitBody),
    ),
)]
pub(crate) async fn history(
    State(state): State<QueryState>,
    caller: Caller,
    Params(params): Params<HistoryParams>,
) -> Result<Json<CreditsHistory>, ApiError> {
    let mut faults = Faults::default();
    let page = faults.bounded("page", params.page, PAGE_DEFAULT, 1..=PAGE_MAX);
    let limit = faults.bounded("limit", params.limit, LIMIT_DEFAULT, 1..=LIMIT_MAX);
    let filter = filter(&params, &mut faults);
    faults.check()?;
    let tables = state.tables_current().await?;
    let found = tables.entries(caller.account, &filter, u64::from(page), limit).await;
    let found = found.map_err(unavailable)?;
    let causes = Causes::of(&state, found.entries.iter().map(|recorded| &recorded.entry)).await?;
    let entries = found.entries.into_iter().map(|recorded| entry(recorded, &causes)).collect();
    Ok(Json(CreditsHistory { entries, pagination: Pagination::of(page, limit, found.total) }))
}

fn filter(params: &HistoryParams, faults: &mut Faults) -> EntryFilter {
    let kinds = params.kind.iter().flat_map(|kinds| kinds.split(','));
    let kinds = kinds.filter_map(|kind| faults.parsed::<KindParam>("kind", Some(kind))).map(|kind| kind.0);
    let kinds: BTreeSet<EntryKind> = kinds.collect();
    let batch: Option<BatchId> = faults.parsed("batchId", params.batch_id.as_deref());
    if params.item.is_some() && params.batch_id.is_none() {
        faults.add("item: needs batchId");
    }
    EntryFilter {
        from: faults.parsed("from", params.from.as_deref()),
        to: faults.parsed("to", params.to.as_deref()),
        batch,
        item: params.item,
        kinds: kinds.into_iter().collect(),
    }
}

/// A kind by its word.
struct KindParam(EntryKind);

impl std::str::FromStr for KindParam {
    type Err = &'static str;
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let kind = EntryKind::ALL.into_iter().find(|kind| kind.as_str() == word);
        kind.map(Self)
            .ok_or("must be opened, granted, reserved, charged, refunded or closed, or some with commas")
    }
}

fn entry(recorded: RecordedEntry, causes: &Causes) -> CreditsEntry {
    let RecordedEntry { entry, event, position, .. } = recorded;
    let causes = causes.events(&entry);
    let event = LoggedEvent {
        id: event,
        position: position.to_string(),
        r#type: entry.kind.event_name(),
        revision: entry.revision,
    };
    CreditsEntry {
        period: entry.period.to_string(),
        kind: entry.kind.into(),
        at: entry.at,
        amount: entry.amount,
        change: entry.change,
        balance: entry.balance,
        held: entry.held,
        spent: entry.spent,
        reason: entry.reason.map(|reason| reason.as_str()),
        batch_id: entry.batch.map(|batch| batch.0),
        round: entry.round,
        reservation_id: entry.reservation.map(|reservation| reservation.0),
        items: entry.items,
        attempt: entry.attempt,
        event,
        causes,
    }
}
