//! `GET /v1/batch-sessions`: the account's batches, newest first, filtered.

use super::words::StatusWord;
use crate::{
    QueryState,
    params::{Faults, LIMIT_DEFAULT, PAGE_DEFAULT, PAGE_MAX, Params, pages},
    state::unavailable,
};
use axum::{Json, extract::State};
use leafcutter_domain::Moment;
use leafcutter_read_models::{BatchFilter, BatchHeader};
use leafcutter_wire::{ApiError, Caller, V1ErrorBody};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Batches on one page.
const LIMIT_MAX: u32 = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SessionListParams {
    /// Batches that stand like this.
    #[param(inline)]
    status: Option<StatusWord>,
    /// Page, from 1.
    #[param(minimum = 1, maximum = 2_147_483_647, default = 1)]
    page: Option<u32>,
    /// Batches on a page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// Batches submitted after this time.
    #[param(format = DateTime)]
    created_after: Option<String>,
    /// Batches submitted before this time.
    #[param(format = DateTime)]
    created_before: Option<String>,
}

/// Some batches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionListAnswer {
    data: SessionList,
}

/// Some batches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionList {
    batches: Vec<SessionListEntry>,
    pagination: SessionPagination,
}

/// A batch without its sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionListEntry {
    batch_id: Uuid,
    status: StatusWord,
    total_requests: u16,
    completed_requests: u16,
    failed_requests: u16,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    actual_completion_time: Option<Moment>,
}

/// Where in the list this page is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionPagination {
    current_page: u32,
    total_pages: u64,
    total_records: u64,
    has_next: bool,
    has_prev: bool,
}

/// List batches of sessions
///
/// Answers for scrape batches, newest first.
#[utoipa::path(
    get, path = "/v1/batch-sessions", tag = "Batch sessions", operation_id = "listBatchSessions",
    params(SessionListParams),
    responses(
        (status = 200, description = "A page of the list", body = SessionListAnswer),
        (status = 400, description = "A parameter does not hold what it should", body = V1ErrorBody),
        (status = 401, description = "No API key, or an invalid one", body = V1ErrorBody),
        (status = 429, description = "Too many requests", body = V1ErrorBody),
        (status = 503, description = "The list is not current yet", body = V1ErrorBody),
    ),
)]
pub(crate) async fn list(
    State(state): State<QueryState>,
    caller: Caller,
    Params(params): Params<SessionListParams>,
) -> Result<Json<SessionListAnswer>, ApiError> {
    let mut faults = Faults::default();
    let page = faults.bounded("page", params.page, PAGE_DEFAULT, 1..=PAGE_MAX);
    let limit = faults.bounded("limit", params.limit, LIMIT_DEFAULT, 1..=LIMIT_MAX);
    let filter = BatchFilter {
        status: params.status.map(Into::into),
        created_after: faults.parsed("created_after", params.created_after.as_deref()),
        created_before: faults.parsed("created_before", params.created_before.as_deref()),
    };
    faults.check()?;
    let tables = state.tables_current().await?;
    let found = tables.list(caller.account, &filter, u64::from(page), limit).await.map_err(unavailable)?;
    let total_pages = pages(found.total, limit);
    let pagination = SessionPagination {
        current_page: page,
        total_pages,
        total_records: found.total,
        has_next: u64::from(page) < total_pages,
        has_prev: page > 1,
    };
    let batches = found.batches.iter().map(entry).collect();
    Ok(Json(SessionListAnswer { data: SessionList { batches, pagination } }))
}

fn entry(header: &BatchHeader) -> SessionListEntry {
    SessionListEntry {
        batch_id: header.batch.0,
        status: header.status.into(),
        total_requests: header.total,
        completed_requests: header.counts.completed,
        failed_requests: header.counts.failed,
        created_at: header.created_at,
        actual_completion_time: header.finished_at,
    }
}
