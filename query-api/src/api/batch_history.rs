//! `GET /api/batch/scrape/{batchId}/history`: the audit trail of a batch, every event of it, also as a table.

use crate::{
    QueryState,
    download::{cell, cell_of_all, headers, write_csv, write_json},
    params::{BatchPath, Params},
    state::{NO_SUCH_BATCH, unreadable},
    trail::{BatchHistoryEvent, Trail},
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use leafcutter_domain::{
    AccountId, BatchId,
    batch::{Batch, BatchEvent},
};
use leafcutter_event_store::{Aggregate, decode};
use leafcutter_wire::{ApiError, Caller, ErrorBody, ValidationBody, WaitBody};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HistoryFormat {
    /// One object.
    #[default]
    Json,
    /// A line of JSON for each event.
    Jsonl,
    /// A table with a row for each event; items are separated by spaces.
    Csv,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BatchHistoryParams {
    /// `json` (the default), or one event a line: `jsonl` or `csv`.
    #[param(inline)]
    format: Option<HistoryFormat>,
}

/// Everything that happened to a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchHistory {
    batch_id: Uuid,
    /// In the order in which they happened.
    events: Vec<BatchHistoryEvent>,
}

/// Get the history of a batch
///
/// Every event of the batch: when, which item and attempt, by which worker, through which proxy, how long, why. All of
/// them, in one answer: a batch has at most 50 items, 21 rounds and 26 starts of an item in a round, which is about
/// 55,000 events; most have a few for each item.
#[utoipa::path(
    get, path = "/api/batch/scrape/{batchId}/history", tag = "Batches", operation_id = "getBatchHistory",
    params(("batchId" = Uuid, Path, description = "The batch"), BatchHistoryParams),
    responses(
        (
            status = 200, description = "The events",
            content((BatchHistory = "application/json"), (String = "application/jsonl"), (String = "text/csv")),
        ),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key", body = ErrorBody),
        (status = 404, description = "No such batch", body = ErrorBody),
        (status = 422, description = "`VALIDATION_FAILED`: `format` is none of these", body = ValidationBody),
        (status = 429, description = "Too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`", body = WaitBody),
    ),
)]
pub(crate) async fn history(
    State(state): State<QueryState>,
    caller: Caller,
    BatchPath(batch): BatchPath,
    Params(params): Params<BatchHistoryParams>,
) -> Result<Response, ApiError> {
    let events = told(&state, caller.account, batch).await?;
    let mut text = Vec::new();
    let headers = match params.format.unwrap_or_default() {
        HistoryFormat::Json => return Ok(Json(BatchHistory { batch_id: batch.0, events }).into_response()),
        HistoryFormat::Jsonl => {
            events.iter().for_each(|event| write_json(&mut text, event));
            headers("application/jsonl", &format!("batch-{batch}.jsonl"))
        }
        HistoryFormat::Csv => {
            write_csv(&mut text, &COLUMNS);
            events.iter().for_each(|event| write_csv(&mut text, &cells(batch, event)));
            headers("text/csv", &format!("batch-{batch}.csv"))
        }
    };
    Ok((headers, text).into_response())
}

/// The trail of a batch, if it is this account's; another account's is as good as none.
async fn told(
    state: &QueryState,
    account: AccountId,
    batch: BatchId,
) -> Result<Vec<BatchHistoryEvent>, ApiError> {
    let (mut trail, mut is_ours) = (Trail::default(), false);
    let (mut told, mut pages) = (Vec::new(), state.pages(Batch::stream(batch), 0));
    while let Some(page) = pages.next().await? {
        for stored in &page {
            let (event, _) = decode::<BatchEvent>(stored).map_err(unreadable)?;
            if let BatchEvent::BatchSubmitted(submitted) = &event {
                is_ours = submitted.account == account;
            }
            told.push(trail.tell(stored, &event));
        }
        if !is_ours {
            return Err(NO_SUCH_BATCH);
        }
    }
    Ok(told)
}

/// The columns of the table; in `cells` in the same order.
const COLUMNS: [&str; 19] = [
    "batchId",
    "revision",
    "position",
    "id",
    "type",
    "at",
    "items",
    "url",
    "round",
    "attempt",
    "worker",
    "proxyCountry",
    "durationMs",
    "httpStatus",
    "code",
    "reason",
    "credits",
    "tokens",
    "captchas",
];

fn cells(batch: BatchId, event: &BatchHistoryEvent) -> [String; 19] {
    [
        batch.to_string(),
        event.revision.to_string(),
        event.position.clone(),
        event.id.to_string(),
        event.r#type.clone(),
        event.at.to_string(),
        cell_of_all(&event.items),
        cell(event.url.as_ref()),
        cell(event.round.as_ref()),
        cell(event.attempt.as_ref()),
        cell(event.worker.as_ref()),
        cell(event.proxy_country.as_ref()),
        cell(event.duration_ms.as_ref()),
        cell(event.http_status.as_ref()),
        cell(event.code.as_ref()),
        cell(event.reason.as_ref()),
        cell(event.credits.as_ref()),
        cell(event.tokens.as_ref()),
        cell(event.captchas.as_ref()),
    ]
}
