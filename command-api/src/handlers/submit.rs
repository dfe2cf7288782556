//! `POST /api/batch/scrape`: submit a batch.

use super::{cookies, idempotency::IdempotencyKey, price::Price};
use crate::{
    Commands,
    submission::{
        Quote,
        request::{Order, SubmitRequest},
    },
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use leafcutter_domain::{AccountId, BatchId};
use leafcutter_secrets::SecretName;
use leafcutter_wire::{ApiError, Caller, ErrorBody, JsonBody, ValidationBody, WaitBody};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A batch that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Queued {
    /// Always `queued`.
    #[schema(pattern = "^queued$")]
    status: &'static str,
    /// Its id.
    #[serde(rename = "batchId")]
    batch_id: Uuid,
    /// Number of items.
    total: usize,
    /// What the schema asks for and will not get.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    schema_warnings: Vec<String>,
}

/// Submit a batch of up to 50 URLs.
///
/// Credits are set aside for every item: the most that it can cost. An item is charged for what it used when it
/// completes, for the price of its failure (nothing, where the operator has set none) when it fails; the rest, and
/// all of it when the item is cancelled, is given back. With an `Idempotency-Key` a repeated request gets the first answer.
#[utoipa::path(
    post, path = "/api/batch/scrape", tag = "Batches", operation_id = "submitBatch",
    params(("Idempotency-Key" = Option<String>, Header, description = "Names this request, so that a repeat submits nothing new.", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    request_body = SubmitRequest,
    responses(
        (status = 202, description = "Queued", body = Queued, headers(("Location" = String, description = "Path of the batch"))),
        (status = 200, description = "Price of a dry run; nothing was queued", body = Price),
        (status = 400, description = "The body is not JSON", body = ErrorBody),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key, or `CREDIT_LIMIT_REACHED`", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 422, description = "A field is not valid, or `COST_CEILING`", body = ValidationBody),
        (status = 429, description = "`TOO_MANY_PENDING_JOBS`, or too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`; nothing was kept", body = WaitBody),
        (status = 504, description = "`OUTCOME_UNKNOWN`: look before you repeat", body = ErrorBody),
    ),
)]
pub(crate) async fn submit(
    State(commands): State<Commands>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(body): JsonBody<Value>,
) -> Result<Response, ApiError> {
    let canonical = body.to_string();
    let request: SubmitRequest = leafcutter_wire::read_fields(body)?;
    let mut order = request.check(&commands)?;
    let batch = match &key {
        Some(key) => {
            order.fingerprint = Some(commands.service_key.fingerprint("submit", canonical.as_bytes()));
            BatchId::from_idempotency_key(caller.account, key)
        }
        None => BatchId(Uuid::now_v7()),
    };
    let quote = commands.quote(&order.options, order.urls.len());
    if order.dry_run {
        quote.within(order.max_credits)?;
        return Ok(Json(Price::from(quote)).into_response());
    }
    // A repeat of what was taken gets its first answer, also when prices have changed since.
    if let Some(round) = commands.round_of_submit(batch, &order).await? {
        quote.within(order.max_credits)?;
        submit_with_cookies(&commands, caller.account, (batch, round), &order, quote).await?;
    }
    let location = format!("/api/batch/scrape/{batch}");
    let (total, schema_warnings) = (order.urls.len(), order.schema_warnings);
    let queued = Queued { status: "queued", batch_id: batch.0, total, schema_warnings };
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(queued)).into_response())
}

/// Cookies are at hand before the first item can start, and are erased again when the batch is refused. Where the
/// request has a name, the same one may be under way on another replica and need them, so they are left to end by
/// themselves, and not kept twice.
async fn submit_with_cookies(
    commands: &Commands,
    account: AccountId,
    (batch, round): (BatchId, u32),
    order: &Order,
    quote: Quote,
) -> Result<(), ApiError> {
    let Some(cookies) = &order.cookies else {
        return commands.submit(account, (batch, round), order, quote).await;
    };
    let name = SecretName { batch, request: order.fingerprint.clone() };
    let named = name.request.is_some();
    if !named || !cookies::are_there(commands, &name).await? {
        cookies::keep(commands, &name, cookies.clone()).await?;
    }
    let submitted = commands.submit(account, (batch, round), order, quote).await;
    let surely_refused = !matches!(submitted, Ok(()) | Err(ApiError::OutcomeUnknown));
    if surely_refused && !named {
        commands.secrets.forget(&name).await;
    }
    submitted
}
