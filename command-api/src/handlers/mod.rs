//! One file per command, each in the same order: request, handler, answer. Handlers parse, call and answer; no rule
//! and no SQL is here.

pub(crate) mod admin;
pub(crate) mod cancel;
mod cookies;
pub(crate) mod idempotency;
mod price;
pub(crate) mod retry;
pub(crate) mod submit;
pub(crate) mod v1_retry;

use crate::Commands;
use leafcutter_domain::{AccountId, BatchId};
use leafcutter_wire::ApiError;

const NO_SUCH_BATCH: ApiError = ApiError::NotFound("There is no such batch.");

/// The batch of this id, if it is this account's; another account's is as good as none.
async fn own_batch(commands: &Commands, account: AccountId, id: &str) -> Result<BatchId, ApiError> {
    let batch: BatchId = id.parse().map_err(|_| NO_SUCH_BATCH)?;
    let owner = commands
        .batches
        .inspect(batch, |folded| folded.state.submission.as_ref().map(|submission| submission.account))
        .await?;
    if owner == Some(account) { Ok(batch) } else { Err(NO_SUCH_BATCH) }
}
