//! `GET /api/batch/scrape`: the account's batches, newest first.

use super::words::{ChannelWord, OutputWord, StatusWord};
use crate::{
    QueryState,
    params::{Faults, LIMIT_DEFAULT, PAGE_DEFAULT, PAGE_MAX, Params, pages},
    state::unavailable,
};
use axum::{Json, extract::State};
use leafcutter_domain::Moment;
use leafcutter_read_models::{BatchFilter, BatchHeader};
use leafcutter_wire::{ApiError, Caller, ErrorBody, ValidationBody, WaitBody};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Batches on one page.
const LIMIT_MAX: u32 = 50;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Page, from 1.
    #[param(minimum = 1, maximum = 2_147_483_647, default = 1)]
    page: Option<u32>,
    /// Batches on a page.
    #[param(minimum = 1, maximum = 50, default = 20)]
    limit: Option<u32>,
}

/// Some batches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchList {
    jobs: Vec<BatchEntry>,
    pagination: Pagination,
}

/// A batch without its items.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchEntry {
    uuid: Uuid,
    /// The same as `uuid`.
    batch_id: Uuid,
    status: StatusWord,
    total_urls: u16,
    /// The same as `totalUrls`.
    total: u16,
    completed_count: u16,
    failed_count: u16,
    output_format: OutputWord,
    scraping_channel: ChannelWord,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    finished_at: Option<Moment>,
}

/// Where in the list this page is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pagination {
    page: u32,
    limit: u32,
    /// Entries on all pages.
    total: u64,
    total_pages: u64,
}

impl Pagination {
    pub(super) fn of(page: u32, limit: u32, total: u64) -> Self {
        Self { page, limit, total, total_pages: pages(total, limit) }
    }
}

/// List batches
///
/// Newest first. Waits a moment until everything that was answered before is in the list.
#[utoipa::path(
    get, path = "/api/batch/scrape", tag = "Batches", operation_id = "listBatches",
    params(ListParams),
    responses(
        (status = 200, description = "A page of the list", body = BatchList),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key", body = ErrorBody),
        (status = 422, description = "`VALIDATION_FAILED`", body = ValidationBody),
        (status = 429, description = "Too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`: the list is not current yet", body = WaitBody),
    ),
)]
pub(crate) async fn list(
    State(state): State<QueryState>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<BatchList>, ApiError> {
    let mut faults = Faults::default();
    let page = faults.bounded("page", params.page, PAGE_DEFAULT, 1..=PAGE_MAX);
    let limit = faults.bounded("limit", params.limit, LIMIT_DEFAULT, 1..=LIMIT_MAX);
    faults.check()?;
    let tables = state.tables_current().await?;
    let filter = BatchFilter::default();
    let found = tables.list(caller.account, &filter, u64::from(page), limit).await.map_err(unavailable)?;
    let pagination = Pagination::of(page, limit, found.total);
    Ok(Json(BatchList { jobs: found.batches.iter().map(entry).collect(), pagination }))
}

fn entry(header: &BatchHeader) -> BatchEntry {
    BatchEntry {
        uuid: header.batch.0,
        batch_id: header.batch.0,
        status: header.status.into(),
        total_urls: header.total,
        total: header.total,
        completed_count: header.counts.completed,
        failed_count: header.counts.failed,
        output_format: header.output.into(),
        scraping_channel: header.channel.into(),
        created_at: header.created_at,
        finished_at: header.finished_at,
    }
}
