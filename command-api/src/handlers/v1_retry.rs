//! `POST /v1/batch-sessions/{batch_id}/retry`: the retry in the other wire format. An item is a session.

use super::{own_batch, retry::cookies_at_hand};
use crate::{Commands, submission::RetryOrder};
use axum::{
    Json,
    extract::{Path, State},
};
use leafcutter_domain::limits::ATTEMPTS_MAX;
use leafcutter_wire::{ApiError, Caller, OptionalJsonBody, V1ErrorBody};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How to retry.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct V1RetryRequest {
    /// Only `true` is possible.
    #[schema(default = true)]
    retry_failed_only: Option<bool>,
    /// Attempts for each failed session, whatever its failure; stops at the first success.
    #[schema(minimum = 1, maximum = 3, default = 1)]
    max_retries: Option<u8>,
}

/// The answer's envelope.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct V1Retried {
    /// The answer.
    data: V1RetriedData,
}

/// A retry that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct V1RetriedData {
    /// The batch.
    batch_id: Uuid,
    /// Always `processing`.
    #[schema(pattern = "^processing$")]
    status: &'static str,
    /// Sessions that run again.
    retried_sessions: usize,
    /// The same in words.
    message: String,
}

/// Run the failed sessions of a finished batch again.
#[utoipa::path(
    post, path = "/v1/batch-sessions/{batch_id}/retry", tag = "Batch sessions", operation_id = "retryBatchSession",
    params(("batch_id" = String, Path, format = Uuid, description = "The batch")),
    request_body = Option<V1RetryRequest>,
    responses(
        (status = 200, description = "Queued", body = V1Retried),
        (status = 400, description = "Nothing has failed, or a value is not valid", body = V1ErrorBody),
        (status = 401, description = "No or invalid API key", body = V1ErrorBody),
        (status = 402, description = "Not enough credits", body = V1ErrorBody),
        (status = 404, description = "No such batch", body = V1ErrorBody),
        (status = 409, description = "Not finished, cancelled, retried too often, or its cookies are gone", body = V1ErrorBody),
        (status = 413, description = "The body is too large", body = V1ErrorBody),
        (status = 429, description = "Too many requests", body = V1ErrorBody),
        (status = 503, description = "Busy; nothing was kept", body = V1ErrorBody),
        (status = 504, description = "Outcome unknown: look before you repeat", body = V1ErrorBody),
    ),
)]
pub(crate) async fn v1_retry(
    State(commands): State<Commands>,
    caller: Caller,
    Path(id): Path<String>,
    OptionalJsonBody(request): OptionalJsonBody<V1RetryRequest>,
) -> Result<Json<V1Retried>, ApiError> {
    let batch = own_batch(&commands, caller.account, &id).await?;
    let max_attempts = request.max_retries.unwrap_or(1);
    let mut faults = Vec::new();
    if request.retry_failed_only == Some(false) {
        faults.push("retry_failed_only: completed sessions are not run again; submit a new batch".to_owned());
    }
    if !(1..=ATTEMPTS_MAX).contains(&max_attempts) {
        faults.push(format!("max_retries: must be 1 to {ATTEMPTS_MAX}"));
    }
    if !faults.is_empty() {
        return Err(ApiError::validation(faults));
    }
    let has_cookies = cookies_at_hand(&commands, batch, None, false).await?;
    let order = RetryOrder {
        max_attempts,
        retry_any_failure: true,
        has_cookies,
        max_credits: None,
        idempotency: None,
        fingerprint: None,
    };
    let retried_sessions = commands.retry(caller.account, batch, &order).await?;
    let message = format!("{retried_sessions} failed sessions are queued again.");
    Ok(Json(V1Retried {
        data: V1RetriedData { batch_id: batch.0, status: "processing", retried_sessions, message },
    }))
}
