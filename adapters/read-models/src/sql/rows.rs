//! Rows as values. A row that cannot be read is damage, since only `write.rs` writes them. Compiled once for each
//! engine, whose types are in the parent module.

use super::Row;
use crate::{
    BatchHeader, Counts, ItemError, ItemView, Quarantined, ReadModelError, Usage, UsageDay,
    text::{damaged, from_number, from_word},
};
use leafcutter_domain::{AccountId, BatchId, Moment};
use leafcutter_event_store::Position;
use leafcutter_sql::{Document, Text, Time};
use serde::de::DeserializeOwned;
use sqlx::Row as _;

pub(super) fn number<T: TryFrom<i64>>(row: &Row, column: &'static str) -> Result<T, ReadModelError> {
    from_number(column, row.try_get(column)?)
}

pub(super) fn word<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<T, ReadModelError> {
    from_word(column, row.try_get(column)?)
}

fn word_if_any<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<Option<T>, ReadModelError> {
    row.try_get::<Option<&str>, _>(column)?.map(|text| from_word(column, text)).transpose()
}

pub(super) fn number_if_any<T: TryFrom<i64>>(
    row: &Row,
    column: &'static str,
) -> Result<Option<T>, ReadModelError> {
    row.try_get::<Option<i64>, _>(column)?.map(|value| from_number(column, value)).transpose()
}

fn moment_if_any(row: &Row, column: &'static str) -> Result<Option<Moment>, ReadModelError> {
    Ok(row.try_get::<Option<Time>, _>(column)?.map(|time| Moment::from_millis(time.0)))
}

fn text(row: &Row, column: &'static str) -> Result<String, ReadModelError> {
    Ok(row.try_get::<Text<'static>, _>(column)?.0.into_owned())
}

fn text_if_any(row: &Row, column: &'static str) -> Result<Option<String>, ReadModelError> {
    Ok(row.try_get::<Option<Text<'static>>, _>(column)?.map(|text| text.0.into_owned()))
}

pub(super) fn position(text: &str) -> Result<Position, ReadModelError> {
    text.parse().map_err(|_| damaged("position", text))
}

pub(super) fn header(row: &Row) -> Result<BatchHeader, ReadModelError> {
    let metadata: Option<Document<'static>> = row.try_get("metadata")?;
    let metadata = metadata.map(|Document(text)| {
        serde_json::from_str(&text).map_err(|_| damaged("metadata", text.into_owned()))
    });
    Ok(BatchHeader {
        batch: BatchId(row.try_get("batch")?),
        account: AccountId(row.try_get("account")?),
        status: word(row, "status")?,
        output: word(row, "output")?,
        channel: word(row, "channel")?,
        total: number(row, "total")?,
        counts: Counts {
            pending: number(row, "pending")?,
            running: number(row, "running")?,
            completed: number(row, "completed")?,
            failed: number(row, "failed")?,
            cancelled: number(row, "cancelled")?,
        },
        metadata: metadata.transpose()?,
        failure: word_if_any(row, "failure")?,
        created_at: Moment::from_millis(row.try_get::<Time, _>("created_at")?.0),
        finished_at: moment_if_any(row, "finished_at")?,
        revision: number(row, "revision")?,
    })
}

/// The batch that an item belongs to, and the item.
pub(super) fn item(row: &Row) -> Result<(BatchId, ItemView), ReadModelError> {
    let error = match word_if_any(row, "error_code")? {
        None => None,
        Some(code) => Some(ItemError {
            code,
            message: text_if_any(row, "error_message")?.unwrap_or_default(),
            retryable: row.try_get::<Option<bool>, _>("retryable")?.unwrap_or_default(),
        }),
    };
    let item = ItemView {
        index: number(row, "item")?,
        url: text(row, "url")?,
        status: word(row, "status")?,
        attempts: number(row, "attempts")?,
        error,
        extractor: word_if_any(row, "extractor")?,
        final_url: text_if_any(row, "final_url")?,
        http_status: number_if_any(row, "http_status")?,
        credits: number(row, "credits")?,
        started_at: moment_if_any(row, "started_at")?,
        finished_at: moment_if_any(row, "finished_at")?,
        result_key: row.try_get("result_key")?,
        screenshot_key: row.try_get("screenshot_key")?,
        erased_at: moment_if_any(row, "erased_at")?,
    };
    Ok((BatchId(row.try_get("batch")?), item))
}

pub(super) fn usage_day(row: &Row) -> Result<UsageDay, ReadModelError> {
    Ok(UsageDay {
        day: row.try_get("day")?,
        usage: Usage {
            requests: number(row, "requests")?,
            latency_ms: number(row, "latency_ms")?,
            latency_samples: number(row, "latency_samples")?,
            credits: number(row, "credits")?,
            tokens: number(row, "tokens")?,
            captchas: number(row, "captchas")?,
        },
    })
}

/// How many batches an account has in a state, as key and text.
pub(super) fn batch_count(row: &Row) -> Result<(String, String), ReadModelError> {
    let (account, status) = (AccountId(row.try_get("account")?), row.try_get::<&str, _>("status")?);
    Ok((format!("{account}/{status}"), number::<u64>(row, "batches")?.to_string()))
}

/// A day's use, as key and text.
pub(super) fn account_day(row: &Row) -> Result<(String, String), ReadModelError> {
    let (account, day) = (AccountId(row.try_get("account")?), usage_day(row)?);
    Ok((format!("{account}/{}", day.day), format!("{:?}", day.usage)))
}

pub(super) fn quarantined(row: &Row) -> Result<Quarantined, ReadModelError> {
    Ok(Quarantined {
        stream: row.try_get::<String, _>("stream")?.into(),
        revision: number(row, "revision")?,
        position: position(row.try_get("position")?)?,
        reason: text(row, "reason")?,
    })
}
