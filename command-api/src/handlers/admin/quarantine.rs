//! `POST /admin/quarantine/retry` and `/skip`: what becomes of a stream of which an event cannot be applied to the read
//! models. The decision is recorded; the projector carries it out, and so does every rebuild.

use crate::Commands;
use axum::{extract::State, http::StatusCode};
use leafcutter_domain::quarantine::{QuarantineCommand, RetryStream, SkipEvent};
use leafcutter_event_store::{OfReadModels, StreamName};
use leafcutter_wire::{ApiError, ErrorBody, JsonBody, ValidationBody, WaitBody};
use serde::Deserialize;
use utoipa::ToSchema;

/// Characters of a stream's name.
const STREAM_CHARS_MAX: usize = 200;
/// Characters of a reason.
const REASON_CHARS_MAX: usize = 500;
/// The largest place in a stream that any store has.
const REVISION_MAX: u64 = i64::MAX as u64;

/// A stream to try again.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Retry {
    /// Its name, as `leafcutter projections quarantine list` shows it.
    #[schema(max_length = 200, pattern = "^(batch|ledger)-.+$")]
    stream: String,
}

/// An event to do without.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Skip {
    /// The name of its stream.
    #[schema(max_length = 200, pattern = "^(batch|ledger)-.+$")]
    stream: String,
    /// Its place in the stream.
    #[schema(minimum = 1, maximum = 9_223_372_036_854_775_807_u64)]
    revision: u64,
    /// Why, for whoever reads the log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Try a stream again that waits in quarantine.
#[utoipa::path(
    post, path = "/admin/quarantine/retry", tag = "Admin", operation_id = "retryQuarantined",
    security(("admin_token" = [])),
    request_body = Retry,
    responses(
        (status = 204, description = "Recorded; a stream that does not wait is left alone"),
        (status = 400, description = "The body is not JSON", body = ErrorBody),
        (status = 401, description = "No or wrong admin token", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 422, description = "A field is not valid", body = ValidationBody),
        (status = 503, description = "`SERVICE_BUSY`; nothing was kept", body = WaitBody),
        (status = 504, description = "`OUTCOME_UNKNOWN`", body = ErrorBody),
    ),
)]
pub(crate) async fn retry(
    State(commands): State<Commands>,
    JsonBody(Retry { stream }): JsonBody<Retry>,
) -> Result<StatusCode, ApiError> {
    refuse(stream_fault(&stream))?;
    let at = commands.clock.steady_now()?;
    record(&commands, RetryStream { stream, at }).await
}

/// Have a stream in quarantine go on without the event that holds it.
#[utoipa::path(
    post, path = "/admin/quarantine/skip", tag = "Admin", operation_id = "skipQuarantined",
    security(("admin_token" = [])),
    request_body = Skip,
    responses(
        (status = 204, description = "Recorded; an event that holds no stream is left alone"),
        (status = 400, description = "The body is not JSON", body = ErrorBody),
        (status = 401, description = "No or wrong admin token", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 422, description = "A field is not valid", body = ValidationBody),
        (status = 503, description = "`SERVICE_BUSY`; nothing was kept", body = WaitBody),
        (status = 504, description = "`OUTCOME_UNKNOWN`", body = ErrorBody),
    ),
)]
pub(crate) async fn skip(
    State(commands): State<Commands>,
    JsonBody(Skip { stream, revision, reason }): JsonBody<Skip>,
) -> Result<StatusCode, ApiError> {
    let mut faults = stream_fault(&stream);
    if !(1..=REVISION_MAX).contains(&revision) {
        faults.push(
            "revision: must be at least 1; without its first event nothing of a stream has a meaning"
                .to_owned(),
        );
    }
    if !(1..=REASON_CHARS_MAX).contains(&reason.chars().count()) {
        faults.push(format!("reason: must have 1 to {REASON_CHARS_MAX} characters"));
    }
    refuse(faults)?;
    let at = commands.clock.steady_now()?;
    record(&commands, SkipEvent { stream, revision, reason, at }).await
}

fn stream_fault(stream: &str) -> Vec<String> {
    let name = StreamName::from(stream.to_owned());
    let ours = ["batch", "ledger"].contains(&name.category()) && !name.key().is_empty();
    if ours && stream.chars().count() <= STREAM_CHARS_MAX {
        return vec![];
    }
    vec!["stream: must be the name of a batch's or a ledger's stream, as 'leafcutter projections quarantine list' shows it".to_owned()]
}

fn refuse(faults: Vec<String>) -> Result<(), ApiError> {
    if faults.is_empty() { Ok(()) } else { Err(ApiError::validation(faults)) }
}

async fn record(commands: &Commands, command: impl Into<QuarantineCommand>) -> Result<StatusCode, ApiError> {
    commands.quarantine.transact(OfReadModels, command).await?;
    Ok(StatusCode::NO_CONTENT)
}
