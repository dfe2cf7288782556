//! `DELETE /api/batch/scrape/{batchId}`: cancel a batch.

use super::own_batch;
use crate::Commands;
use axum::{
    Json,
    extract::{Path, State},
};
use leafcutter_domain::{
    BatchId,
    batch::{BatchEvent, CancelBatch},
};
use leafcutter_event_store::LedgerId;
use leafcutter_wire::{ApiError, Caller, ErrorBody, WaitBody};
use serde::Serialize;
use utoipa::ToSchema;

/// A cancelled batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cancelled {
    /// Always `cancelled`.
    #[schema(pattern = "^cancelled$")]
    status: &'static str,
    /// Items that were still pending.
    cancelled_items: usize,
    /// Credits given back for them.
    credits_refunded: u64,
}

/// Cancel a batch.
///
/// Pending items end now and their credits are given back; running items finish and are charged.
#[utoipa::path(
    delete, path = "/api/batch/scrape/{batchId}", tag = "Batches", operation_id = "cancelBatch",
    params(("batchId" = String, Path, format = Uuid, description = "The batch")),
    responses(
        (status = 200, description = "Cancelled", body = Cancelled),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key", body = ErrorBody),
        (status = 404, description = "No such batch", body = ErrorBody),
        (status = 409, description = "`ALREADY_TERMINAL`", body = ErrorBody),
        (status = 429, description = "Too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`; nothing was kept", body = WaitBody),
        (status = 504, description = "`OUTCOME_UNKNOWN`: look before you repeat", body = ErrorBody),
    ),
)]
pub(crate) async fn cancel(
    State(commands): State<Commands>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Cancelled>, ApiError> {
    let batch = own_batch(&commands, caller.account, &id).await?;
    let cancel = CancelBatch { at: commands.clock.steady_now()? };
    let committed = commands.batches.transact(batch, cancel).await?;
    let stopped = committed.events.iter().map(|event| match event {
        BatchEvent::BatchCancelled(cancelled) => cancelled.items.len(),
        _ => 0,
    });
    let cancelled_items = stopped.sum();
    let credits_refunded = refund(&commands, caller, batch, cancelled_items).await?;
    Ok(Json(Cancelled { status: "cancelled", cancelled_items, credits_refunded }))
}

/// Gives the credits of the stopped items back before the answer. The cancel is recorded already, so a ledger that
/// cannot be written now is no failure: the settlement reaction gives them back later.
async fn refund(commands: &Commands, caller: Caller, batch: BatchId, items: usize) -> Result<u64, ApiError> {
    let terms =
        commands.batches.inspect(batch, |folded| folded.state.rounds.last().map(|round| round.terms)).await?;
    let Some(terms) = terms else { return Ok(0) };
    let ledger = LedgerId { account: caller.account, period: terms.period };
    if let Err(error) = commands.settle(ledger, terms.reservation).await {
        tracing::warn!(%batch, %error, "the refund of a cancel is left to the settlement reaction");
    }
    Ok(terms.per_item * items as u64)
}
