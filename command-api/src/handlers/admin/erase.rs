//! `POST /admin/erase`: erase results and screenshots, of a batch or of a whole account.

use crate::{
    Commands,
    erasing::{Erased, LedgerPlace, Named},
};
use axum::{Json, extract::State};
use leafcutter_domain::{AccountId, BatchId};
use leafcutter_wire::{ApiError, ErrorBody, JsonBody, ValidationBody, WaitBody};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What to erase: either one batch, or everything of an account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Erase {
    /// The batch.
    batch_id: Option<Uuid>,
    /// The account.
    account_id: Option<Uuid>,
    /// `next` of the answer before; with `accountId` only.
    #[schema(max_length = 64, pattern = "^[0-9]{4}-(0[1-9]|1[0-2])/[0-9]{1,18}$")]
    after: Option<String>,
}

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErasedBatches {
    /// Batches of which everything stored is erased now. Their objects are deleted soon after.
    erased: Vec<Uuid>,
    /// Batches with items that wait or run, of which nothing was erased: cancel them, or wait for their end.
    unfinished: Vec<Uuid>,
    /// Batches that had nothing to erase: none of their pages was ever opened.
    unchanged: u64,
    /// Batches of which nothing was erased, because the log holds an event of them that cannot be read.
    unreadable: Vec<Uuid>,
    /// Ledger entries that cannot be read: if they name batches, nothing of those was erased.
    unreadable_entries: u64,
    /// There may be more: ask again with this as `after`.
    #[schema(required)]
    next: Option<String>,
}

/// Erase results and screenshots
///
/// What happened and what it cost stays and verifies; only the content goes. Of an account, each call goes through a part
/// of its batches, until `next` is null.
#[utoipa::path(
    post, path = "/admin/erase", tag = "Admin", operation_id = "eraseResults",
    security(("admin_token" = [])),
    request_body = Erase,
    responses(
        (status = 200, description = "Erased, as far as it could be", body = ErasedBatches),
        (status = 400, description = "The body is not JSON", body = ErrorBody),
        (status = 401, description = "No or wrong admin token", body = ErrorBody),
        (status = 404, description = "No such batch or account", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 422, description = "A field is not valid", body = ValidationBody),
        (status = 503, description = "`SERVICE_BUSY`; some may be erased", body = WaitBody),
        (status = 504, description = "`OUTCOME_UNKNOWN`", body = ErrorBody),
    ),
)]
pub(crate) async fn erase(
    State(commands): State<Commands>,
    JsonBody(request): JsonBody<Erase>,
) -> Result<Json<ErasedBatches>, ApiError> {
    let at = commands.clock.steady_now()?;
    let Named { batches, unreadable: unreadable_entries, next } =
        match (request.batch_id, request.account_id, request.after) {
            (Some(batch), None, None) => Named { batches: vec![BatchId(batch)], ..Named::default() },
            (None, Some(account), after) => {
                let after = after.map(|text| text.parse::<LedgerPlace>()).transpose();
                let after = after.map_err(|()| invalid("after: must be `next` of the answer before"))?;
                commands.batches_of(AccountId(account), after, at).await?
            }
            (Some(_), None, Some(_)) => return Err(invalid("after: goes with accountId only")),
            (None, None, _) | (Some(_), Some(_), _) => {
                return Err(invalid("batchId: name a batch, or with accountId an account, and not both"));
            }
        };
    let Erased { erased, unfinished, unchanged, unreadable } = commands.erase_batches(batches, at).await?;
    let ids = |batches: Vec<BatchId>| batches.into_iter().map(|batch| batch.0).collect();
    let next = next.map(|place| place.to_string());
    Ok(Json(ErasedBatches {
        erased: ids(erased),
        unfinished: ids(unfinished),
        unchanged,
        unreadable: ids(unreadable),
        unreadable_entries,
        next,
    }))
}

fn invalid(fault: &str) -> ApiError {
    ApiError::validation(vec![fault.to_owned()])
}
