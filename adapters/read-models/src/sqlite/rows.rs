//! Rows as values. A row that cannot be read is damage, since only `write.rs` writes them.

use crate::{
    BatchHeader, Counts, ItemError, ItemView, LedgerCursor, Quarantined, ReadModelError, Usage, UsageDay,
    text::{damaged, from_number, from_word},
};
use leafcutter_domain::{AccountId, BatchId, Moment};
use leafcutter_event_store::Position;
use serde::de::DeserializeOwned;
use sqlx::{Row, sqlite::SqliteRow};

fn number<T: TryFrom<i64>>(row: &SqliteRow, column: &'static str) -> Result<T, ReadModelError> {
    from_number(column, row.try_get(column)?)
}

fn word<T: DeserializeOwned>(row: &SqliteRow, column: &'static str) -> Result<T, ReadModelError> {
    from_word(column, row.try_get(column)?)
}

fn word_if_any<T: DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<T>, ReadModelError> {
    row.try_get::<Option<&str>, _>(column)?.map(|text| from_word(column, text)).transpose()
}

fn moment_if_any(row: &SqliteRow, column: &'static str) -> Result<Option<Moment>, ReadModelError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Moment::from_millis))
}

pub(super) fn position(text: &str) -> Result<Position, ReadModelError> {
    text.parse().map_err(|_| damaged("position", text))
}

pub(super) fn header(row: &SqliteRow) -> Result<BatchHeader, ReadModelError> {
    let metadata: Option<&str> = row.try_get("metadata")?;
    let metadata =
        metadata.map(|text| serde_json::from_str(text).map_err(|_| damaged("metadata", text))).transpose()?;
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
        metadata,
        failure: word_if_any(row, "failure")?,
        created_at: Moment::from_millis(row.try_get("created_at")?),
        finished_at: moment_if_any(row, "finished_at")?,
        revision: number(row, "revision")?,
    })
}

/// The batch that an item belongs to, and the item.
pub(super) fn item(row: &SqliteRow) -> Result<(BatchId, ItemView), ReadModelError> {
    let error = match word_if_any(row, "error_code")? {
        None => None,
        Some(code) => Some(ItemError {
            code,
            message: row.try_get::<Option<String>, _>("error_message")?.unwrap_or_default(),
            retryable: row.try_get::<Option<bool>, _>("retryable")?.unwrap_or_default(),
        }),
    };
    let http_status: Option<i64> = row.try_get("http_status")?;
    let item = ItemView {
        index: number(row, "item")?,
        url: row.try_get("url")?,
        status: word(row, "status")?,
        attempts: number(row, "attempts")?,
        error,
        extractor: word_if_any(row, "extractor")?,
        final_url: row.try_get("final_url")?,
        http_status: http_status.map(|status| from_number("http_status", status)).transpose()?,
        credits: number(row, "credits")?,
        started_at: moment_if_any(row, "started_at")?,
        finished_at: moment_if_any(row, "finished_at")?,
        result_key: row.try_get("result_key")?,
        screenshot_key: row.try_get("screenshot_key")?,
    };
    Ok((BatchId(row.try_get("batch")?), item))
}

pub(super) fn usage_day(row: &SqliteRow) -> Result<UsageDay, ReadModelError> {
    Ok(UsageDay {
        day: row.try_get("day")?,
        usage: Usage {
            requests: number(row, "requests")?,
            latency_ms: number(row, "latency_ms")?,
            latency_samples: number(row, "latency_samples")?,
            credits: number(row, "credits")?,
        },
    })
}

pub(super) fn ledger(row: &SqliteRow) -> Result<LedgerCursor, ReadModelError> {
    Ok(LedgerCursor { account: AccountId(row.try_get("account")?), revision: number(row, "revision")? })
}

pub(super) fn quarantined(row: &SqliteRow) -> Result<Quarantined, ReadModelError> {
    Ok(Quarantined {
        stream: row.try_get::<String, _>("stream")?.into(),
        revision: number(row, "revision")?,
        position: position(row.try_get("position")?)?,
        reason: row.try_get("reason")?,
    })
}
