//! `GET /api/batch/scrape/{batchId}`: where a batch and each of its items stand.

use super::{
    etag, results,
    words::{self, ExtractorWord, StatusWord},
};
use crate::{
    QueryState,
    params::{BatchPath, Params},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use leafcutter_domain::{Moment, item_uuid};
use leafcutter_read_models::{BatchView, ItemView};
use leafcutter_wire::{ApiError, Caller, ErrorBody, ValidationBody, WaitBody};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What to put into the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Include {
    /// Everything but the results.
    Summary,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatusParams {
    /// `summary` leaves the results out.
    #[param(inline)]
    include: Option<Include>,
}

/// What `etag.rs` reads of the headers.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only describes the header in the document")]
struct StatusHeaders {
    /// The `ETag` of the answer at hand.
    #[param(rename = "If-None-Match", nullable = false)]
    if_none_match: Option<String>,
}

/// A batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchStatus {
    batch_id: Uuid,
    status: StatusWord,
    total_urls: u16,
    /// The same as `totalUrls`.
    total: u16,
    completed_count: u16,
    failed_count: u16,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    finished_at: Option<Moment>,
    #[schema(schema_with = words::metadata, required)]
    metadata: Option<serde_json::Value>,
    /// In submit order.
    items: Vec<BatchItem>,
}

/// One page of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchItem {
    uuid: Uuid,
    /// Position in the batch, from 0.
    index: u16,
    url: String,
    job_id: String,
    status: StatusWord,
    #[schema(schema_with = words::result, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    /// Why it failed, for a reader.
    #[schema(required)]
    error: Option<String>,
    #[schema(schema_with = words::error_code, required)]
    error_code: Option<&'static str>,
    /// Whether another attempt may end otherwise: `true` for what may pass by itself (time-outs, network faults, HTTP
    /// error statuses, block pages, crashed browsers, lost workers), `false` where the request or the page would have
    /// to change. It decides which failures `maxAttempts` repeats; a retry of the batch runs every failed item,
    /// whatever this says. Null unless failed.
    #[schema(required)]
    retryable: Option<bool>,
    /// Starts so far.
    attempts: u32,
    /// What the item has cost so far, over all rounds: 0 until it has ended, and when it failed 0 too, unless the operator
    /// has set a price for its failure.
    credits_used: u64,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    started_at: Option<Moment>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    finished_at: Option<Moment>,
    /// When its result and picture were erased, by the operator or because they were old; `result` is null since then.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    erased_at: Option<Moment>,
    /// Where its owner gets the picture.
    #[schema(required)]
    screenshot_url: Option<String>,
    #[schema(required)]
    extractor: Option<ExtractorWord>,
    /// Where the page led.
    #[schema(required)]
    final_url: Option<String>,
    /// The page's own status.
    #[schema(required)]
    http_status: Option<u16>,
}

/// Get a batch
///
/// Shows what every command that was answered before has done. `ETag` and `If-None-Match` make an unchanged poll cheap.
#[utoipa::path(
    get, path = "/api/batch/scrape/{batchId}", tag = "Batches", operation_id = "getBatch",
    params(
        ("batchId" = Uuid, Path, description = "The batch"),
        StatusParams,
        StatusHeaders,
    ),
    responses(
        (status = 200, description = "The batch", body = BatchStatus,
            headers(("etag" = String, description = "Names this answer"))),
        (status = 304, description = "The answer at hand is still right"),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key", body = ErrorBody),
        (status = 404, description = "No such batch", body = ErrorBody),
        (status = 422, description = "`VALIDATION_FAILED`", body = ValidationBody),
        (status = 429, description = "Too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`", body = WaitBody),
    ),
)]
pub(crate) async fn status(
    State(state): State<QueryState>,
    caller: Caller,
    BatchPath(batch): BatchPath,
    Params(params): Params<StatusParams>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let summary = params.include == Some(Include::Summary);
    let view = state.batch(caller.account, batch).await?;
    let tag = etag::tag(batch, view.header.revision, summary);
    let mut response = if etag::is_known(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let results = results_of(&state, &view, summary).await?;
        Json(answer(view, results, &base_url(&state, &uri, &headers))).into_response()
    };
    etag::set(response.headers_mut(), &tag);
    Ok(response)
}

async fn results_of(
    state: &QueryState,
    view: &BatchView,
    summary: bool,
) -> Result<Vec<Option<Box<RawValue>>>, ApiError> {
    if summary {
        return Ok(view.items.iter().map(|_| None).collect());
    }
    let bytes_max = state.settings.result_bytes_max;
    let results = results::read(&state.objects, &view.items, view.header.output, bytes_max).await?;
    Ok(results.into_iter().map(Some).collect())
}

/// Where clients reach the service, without a slash at the end.
fn base_url(state: &QueryState, uri: &Uri, headers: &HeaderMap) -> String {
    if let Some(url) = &state.settings.public_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
    format!("http://{}", host.unwrap_or("localhost"))
}

fn answer(view: BatchView, results: Vec<Option<Box<RawValue>>>, base_url: &str) -> BatchStatus {
    let BatchView { header, items } = view;
    let items = items.into_iter().zip(results);
    BatchStatus {
        batch_id: header.batch.0,
        status: header.status.into(),
        total_urls: header.total,
        total: header.total,
        completed_count: header.counts.completed,
        failed_count: header.counts.failed,
        created_at: header.created_at,
        finished_at: header.finished_at,
        metadata: header.metadata,
        items: items.map(|(item, result)| item_answer(header.batch, item, result, base_url)).collect(),
    }
}

fn item_answer(
    batch: leafcutter_domain::BatchId,
    item: ItemView,
    result: Option<Box<RawValue>>,
    base_url: &str,
) -> BatchItem {
    let index = item.index;
    let screenshot = || format!("{base_url}/api/batch/scrape/{batch}/items/{index}/screenshot");
    let (error_code, retryable) = (item.error.as_ref().map(|error| error.code.as_str()), item.error.as_ref());
    BatchItem {
        uuid: item_uuid(batch, index),
        index,
        url: item.url,
        job_id: format!("{batch}-{index}"),
        status: item.status.into(),
        result,
        error_code,
        retryable: retryable.map(|error| error.retryable),
        error: item.error.map(|error| error.message),
        attempts: item.attempts,
        credits_used: item.credits,
        started_at: item.started_at,
        finished_at: item.finished_at,
        erased_at: item.erased_at,
        screenshot_url: item.screenshot_key.map(|_| screenshot()),
        extractor: item.extractor.map(Into::into),
        final_url: item.final_url,
        http_status: item.http_status,
    }
}
