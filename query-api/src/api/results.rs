//! Reading the stored results of a batch, some at a time, into the JSON that goes out. A result that is gone is
//! null: the audit trail outlives the content.

use futures::{StreamExt, TryStreamExt, stream};
use leafcutter_domain::OutputFormat;
use leafcutter_object_store::{ObjectError, Objects};
use leafcutter_read_models::ItemView;
use leafcutter_wire::ApiError;
use serde_json::value::{RawValue, to_raw_value};

/// Results of one answer that are read at a time.
const READS_AT_ONCE_MAX: usize = 8;

/// The result of each item, in order; JSON null where there is none.
pub(super) async fn read(
    objects: &Objects,
    items: &[ItemView],
    output: OutputFormat,
    bytes_max: u64,
) -> Result<Vec<Box<RawValue>>, ApiError> {
    // Each read owns what it needs: a stream of futures that borrow is not `Send` for every lifetime.
    let mut reads = Vec::with_capacity(items.len());
    for item in items {
        reads.push(read_one(objects.clone(), item.result_key.clone(), output, bytes_max));
    }
    stream::iter(reads).buffered(READS_AT_ONCE_MAX).try_collect().await
}

async fn read_one(
    objects: Objects,
    key: Option<String>,
    output: OutputFormat,
    bytes_max: u64,
) -> Result<Box<RawValue>, ApiError> {
    let Some(key) = key else { return Ok(RawValue::NULL.to_owned()) };
    let bytes = match objects.get(&key, bytes_max).await {
        Ok(bytes) => bytes,
        Err(ObjectError::Missing(_)) => return Ok(RawValue::NULL.to_owned()),
        Err(error @ ObjectError::Store(_)) => return Err(store_unavailable(&error)),
        Err(error @ (ObjectError::TooLarge { .. } | ObjectError::Key(_) | ObjectError::Address(_))) => {
            tracing::error!(%error, "a result is left out");
            return Ok(RawValue::NULL.to_owned());
        }
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let raw = match output {
        OutputFormat::Json => RawValue::from_string(text),
        OutputFormat::Markdown => to_raw_value(&text),
    };
    Ok(raw.unwrap_or_else(|error| {
        tracing::error!(%error, key, "a stored result is not JSON and is left out");
        RawValue::NULL.to_owned()
    }))
}

pub(super) fn store_unavailable(error: &ObjectError) -> ApiError {
    tracing::error!(%error, source = ?std::error::Error::source(error), "the object store does not answer");
    ApiError::Busy("the object store is not available.")
}
