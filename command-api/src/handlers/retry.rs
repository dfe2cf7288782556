//! `POST /api/batch/scrape/{batchId}/retry`: run the failed items again.

use super::{cookies, idempotency::IdempotencyKey, own_batch, price::Price};
use crate::{
    Commands,
    submission::{RetryOrder, request::cookie_fault},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use leafcutter_dispatch::Cookies;
use leafcutter_domain::{
    BatchId,
    limits::{ATTEMPTS_MAX, CREDITS_MAX},
};
use leafcutter_secrets::SecretName;
use leafcutter_wire::{ApiError, Caller, ErrorBody, OptionalJsonBody, ValidationBody, WaitBody};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How to retry; every field, and the body itself, is optional.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RetryRequest {
    /// Raw `Cookie` header, when those of the submit are gone.
    #[schema(max_length = 16384, pattern = "^[ -~]*$")]
    cookies: Option<String>,
    /// Attempts for each item: 1 to 3.
    #[schema(minimum = 1, maximum = 3)]
    max_attempts: Option<u8>,
    /// Refuse (422 `COST_CEILING`) when more credits than this would be set aside.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_u64)]
    max_credits: Option<u64>,
    /// Answer with the price and queue nothing.
    dry_run: bool,
}

/// A retry that was taken.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Requeued {
    /// Always `queued`.
    #[schema(pattern = "^queued$")]
    status: &'static str,
    /// Items that run again.
    retried_count: usize,
}

/// Run the failed items of a finished batch again.
///
/// Fresh credits are set aside for them; completed items are not touched. At most 20 times for one batch.
#[utoipa::path(
    post, path = "/api/batch/scrape/{batchId}/retry", tag = "Batches", operation_id = "retryBatch",
    params(
        ("batchId" = String, Path, format = Uuid, description = "The batch"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names this request, so that a repeat retries nothing new.", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
    ),
    request_body = Option<RetryRequest>,
    responses(
        (status = 202, description = "Queued", body = Requeued),
        (status = 200, description = "Price of a dry run; nothing was queued", body = Price),
        (status = 400, description = "`NO_FAILED_ITEMS`, or the body is not JSON", body = ErrorBody),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key, or `CREDIT_LIMIT_REACHED`", body = ErrorBody),
        (status = 404, description = "No such batch", body = ErrorBody),
        (status = 409, description = "`BATCH_NOT_FINISHED`, `BATCH_CANCELLED`, `ALREADY_TERMINAL`, `COOKIES_EXPIRED` or `RETRY_LIMIT`", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 422, description = "A field is not valid, or `COST_CEILING`", body = ValidationBody),
        (status = 429, description = "`TOO_MANY_PENDING_JOBS`, or too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`; nothing was kept", body = WaitBody),
        (status = 504, description = "`OUTCOME_UNKNOWN`: look before you repeat", body = ErrorBody),
    ),
)]
pub(crate) async fn retry(
    State(commands): State<Commands>,
    caller: Caller,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    OptionalJsonBody(request): OptionalJsonBody<RetryRequest>,
) -> Result<Response, ApiError> {
    let batch = own_batch(&commands, caller.account, &id).await?;
    check(&request)?;
    let content = content(&request);
    let fingerprint = |content: &str| commands.service_key.fingerprint("retry", content.as_bytes());
    let keep = !request.dry_run;
    let order = RetryOrder {
        max_attempts: request.max_attempts.unwrap_or(1),
        retry_any_failure: false,
        has_cookies: cookies_at_hand(&commands, batch, request.cookies, keep).await?,
        max_credits: request.max_credits,
        idempotency: key.as_deref().map(fingerprint),
        fingerprint: key.as_ref().map(|_| fingerprint(&content)),
    };
    if request.dry_run {
        let quote = commands.quote_retry(batch, &order).await?;
        return Ok(Json(Price::from(quote)).into_response());
    }
    let retried_count = commands.retry(caller.account, batch, &order).await?;
    Ok((StatusCode::ACCEPTED, Json(Requeued { status: "queued", retried_count })).into_response())
}

/// What makes a retry another one than that of the same key.
fn content(request: &RetryRequest) -> String {
    let max_attempts = request.max_attempts.unwrap_or(1);
    let cookies = request.cookies.as_deref().unwrap_or_default();
    // A retry without a ceiling reads as it did before there were any, so that keys of then are still recognised.
    match request.max_credits {
        Some(max_credits) => format!("at most {max_credits}: {max_attempts}/{cookies}"),
        None => format!("{max_attempts}/{cookies}"),
    }
}

fn check(request: &RetryRequest) -> Result<(), ApiError> {
    let mut faults: Vec<String> = request.cookies.as_deref().and_then(cookie_fault).into_iter().collect();
    if request.max_attempts.is_some_and(|attempts| !(1..=ATTEMPTS_MAX).contains(&attempts)) {
        faults.push(format!("maxAttempts: must be 1 to {ATTEMPTS_MAX}"));
    }
    if request.max_credits.is_some_and(|credits| credits > CREDITS_MAX) {
        faults.push(format!("maxCredits: must be at most {CREDITS_MAX}"));
    }
    if faults.is_empty() { Ok(()) } else { Err(ApiError::validation(faults)) }
}

/// Takes the cookies that came along, in place of those of the submit, if they are to be kept; says whether any are at
/// hand.
pub(super) async fn cookies_at_hand(
    commands: &Commands,
    batch: BatchId,
    brought: Option<String>,
    keep: bool,
) -> Result<bool, ApiError> {
    let needed = commands
        .batches
        .inspect(batch, |folded| {
            let submission = folded.state.submission.as_ref().filter(|submission| submission.has_cookies)?;
            let open = folded.state.may_retry().is_ok();
            Some((SecretName { batch, request: submission.fingerprint.clone() }, open))
        })
        .await?;
    let Some((name, may_retry)) = needed else { return Ok(false) };
    if let Some(brought) = brought.filter(|brought| !brought.is_empty() && may_retry) {
        if !keep {
            return Ok(true);
        }
        cookies::keep(commands, &name, Cookies::new(brought)).await?;
    }
    cookies::are_there(commands, &name).await
}
