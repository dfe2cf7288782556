//! `POST /api/batch/scrape`: submit a batch.

use super::{cookies, idempotency::IdempotencyKey};
use crate::{
    Commands,
    submission::request::{Order, SubmitRequest},
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

/// The price of a batch that was not queued.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Price {
    /// Always `dryRun`.
    #[schema(pattern = "^dryRun$")]
    status: &'static str,
    /// Number of items.
    total: usize,
    /// The most that one item can cost.
    credits_per_item: u64,
    /// What would be set aside.
    credits_total: u64,
    /// Version of the price list.
    price_list: u32,
}

/// Submit a batch of up to 50 URLs.
///
/// Credits are set aside for every item; an item is charged when it completes and refunded when it fails or is
/// cancelled. With an `Idempotency-Key` a repeated request gets the first answer.
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
        (status = 422, description = "A field is not valid", body = ValidationBody),
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
    if let Some(refused_or_priced) = price(&commands, &order)? {
        return Ok(refused_or_priced);
    }
    if let Some(round) = commands.round_of_submit(batch, &order).await? {
        submit_with_cookies(&commands, caller.account, batch, round, &order).await?;
    }
    let location = format!("/api/batch/scrape/{batch}");
    let (total, schema_warnings) = (order.urls.len(), order.schema_warnings);
    let queued = Queued { status: "queued", batch_id: batch.0, total, schema_warnings };
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(queued)).into_response())
}

/// The answer of a dry run; refuses what costs more than the caller allows.
fn price(commands: &Commands, order: &Order) -> Result<Option<Response>, ApiError> {
    let credits_per_item = commands.price_per_item(&order.options);
    let total = order.urls.len();
    let credits_total = credits_per_item * total as u64;
    if let Some(max) = order.max_credits.filter(|max| *max < credits_total) {
        return Err(ApiError::Invalid {
            code: "COST_CEILING",
            message: format!(
                "The batch would set {credits_total} credits aside, more than the {max} allowed."
            ),
            errors: vec![format!("maxCredits: {max} is below {credits_total}")],
        });
    }
    let price_list = commands.settings.prices.version;
    let priced = Price { status: "dryRun", total, credits_per_item, credits_total, price_list };
    Ok(order.dry_run.then(|| Json(priced).into_response()))
}

/// Cookies are at hand before the first item can start, and are erased again when the batch is refused. Where the
/// request has a name, the same one may be under way on another replica and need them, so they are left to end by
/// themselves, and not kept twice.
async fn submit_with_cookies(
    commands: &Commands,
    account: AccountId,
    batch: BatchId,
    round: u32,
    order: &Order,
) -> Result<(), ApiError> {
    let Some(cookies) = &order.cookies else { return commands.submit(account, batch, round, order).await };
    let name = SecretName { batch, request: order.fingerprint.clone() };
    let named = name.request.is_some();
    if !named || !cookies::are_there(commands, &name).await? {
        cookies::keep(commands, &name, cookies.clone()).await?;
    }
    let submitted = commands.submit(account, batch, round, order).await;
    let surely_refused = !matches!(submitted, Ok(()) | Err(ApiError::OutcomeUnknown));
    if surely_refused && !named {
        commands.secrets.forget(&name).await;
    }
    submitted
}
