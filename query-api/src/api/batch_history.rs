//! `GET /api/batch/scrape/{batchId}/history`: the audit trail of a batch, every event of it, also as a table.

use crate::{
    QueryState,
    params::{BatchPath, Params},
    state::{NO_SUCH_BATCH, unreadable},
    trail::{BatchHistoryEvent, Trail},
};
use axum::{
    Json,
    extract::State,
    http::header,
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
    let table = |kind: &str, name: &str, text: Vec<u8>| {
        let attachment = format!("attachment; filename=\"batch-{batch}.{name}\"");
        let headers = [
            (header::CONTENT_TYPE, kind.to_owned()),
            (header::CONTENT_DISPOSITION, attachment),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        ];
        (headers, text).into_response()
    };
    Ok(match params.format.unwrap_or_default() {
        HistoryFormat::Json => Json(BatchHistory { batch_id: batch.0, events }).into_response(),
        HistoryFormat::Jsonl => table("application/jsonl", "jsonl", lines(&events)?.into_bytes()),
        HistoryFormat::Csv => table("text/csv", "csv", rows(batch, &events)?),
    })
}

/// The trail of a batch, if it is this account's; another account's is as good as none.
async fn told(
    state: &QueryState,
    account: AccountId,
    batch: BatchId,
) -> Result<Vec<BatchHistoryEvent>, ApiError> {
    let (mut trail, mut owner) = (Trail::default(), None);
    let mut told = Vec::new();
    for stored in state.events(&Batch::stream(batch)).await? {
        let (event, _) = decode::<BatchEvent>(&stored).map_err(unreadable)?;
        if let BatchEvent::BatchSubmitted(submitted) = &event {
            owner = Some(submitted.account);
        }
        told.push(trail.tell(&stored, &event));
    }
    if owner == Some(account) { Ok(told) } else { Err(NO_SUCH_BATCH) }
}

fn lines(events: &[BatchHistoryEvent]) -> Result<String, ApiError> {
    let mut text = String::new();
    for event in events {
        text += &serde_json::to_string(event).map_err(unreadable)?;
        text.push('\n');
    }
    Ok(text)
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
    fn text<T: ToString>(value: Option<&T>) -> String {
        value.map_or_else(String::new, ToString::to_string)
    }
    let items: Vec<String> = event.items.iter().map(ToString::to_string).collect();
    [
        batch.to_string(),
        event.revision.to_string(),
        event.position.clone(),
        event.id.to_string(),
        event.r#type.clone(),
        event.at.to_string(),
        items.join(" "),
        text(event.url.as_ref()),
        text(event.round.as_ref()),
        text(event.attempt.as_ref()),
        text(event.worker.as_ref()),
        text(event.proxy_country.as_ref()),
        text(event.duration_ms.as_ref()),
        text(event.http_status.as_ref()),
        text(event.code.as_ref()),
        text(event.reason.as_ref()),
        text(event.credits.as_ref()),
        text(event.tokens.as_ref()),
        text(event.captchas.as_ref()),
    ]
}

/// RFC 4180. No cell is a formula to a spreadsheet: all are our own words, numbers and http addresses.
fn rows(batch: BatchId, events: &[BatchHistoryEvent]) -> Result<Vec<u8>, ApiError> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    table.write_record(COLUMNS).map_err(unreadable)?;
    for event in events {
        table.write_record(cells(batch, event)).map_err(unreadable)?;
    }
    table.into_inner().map_err(|error| unreadable(error.into_error()))
}
