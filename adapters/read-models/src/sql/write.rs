//! The one write: everything that a run of events changes, and the checkpoint, in one transaction and few statements.
//! Compiled once for each engine, whose types are in the parent module.

use super::{
    Connection, Fields, WRITE,
    insert::{Columns, insert, upsert},
    ledger_write, rows,
};
use crate::{
    BatchChange, BatchHeader, Changes, ItemView, ReadModelError,
    text::{number, word},
};
use leafcutter_domain::{BatchId, Moment};
use leafcutter_event_store::Position;
use leafcutter_sql::{Document, Text, Time};
use sqlx::Connection as _;

pub(crate) async fn apply(
    connection: &mut Connection,
    changes: &Changes,
    from: Position,
    to: Position,
) -> Result<(), ReadModelError> {
    let mut transaction = connection.begin_with(WRITE).await?;
    move_checkpoint(&mut transaction, from, to).await?;
    counts(&mut transaction, changes).await?;
    batches(&mut transaction, &changes.batches).await?;
    items(&mut transaction, &changes.batches).await?;
    usage(&mut transaction, changes).await?;
    ledger_write::ledgers(&mut transaction, changes).await?;
    quarantine(&mut transaction, changes).await?;
    transaction.commit().await?;
    Ok(())
}

/// The row stays locked until the end, so two writers go one after the other.
async fn move_checkpoint(
    connection: &mut Connection,
    from: Position,
    to: Position,
) -> Result<(), ReadModelError> {
    let moved =
        sqlx::query("UPDATE checkpoints SET position = $1 WHERE name = 'read-models' AND position = $2")
            .bind(to.to_string())
            .bind(from.to_string())
            .execute(&mut *connection)
            .await?;
    if moved.rows_affected() == 1 {
        return Ok(());
    }
    let found: String = sqlx::query_scalar("SELECT position FROM checkpoints WHERE name = 'read-models'")
        .fetch_one(connection)
        .await?;
    Err(ReadModelError::CheckpointMoved { expected: from, found: rows::position(&found)? })
}

async fn counts(connection: &mut Connection, changes: &Changes) -> Result<(), ReadModelError> {
    let counts: Vec<_> = changes.count_changes()?.into_iter().collect();
    let on_conflict =
        " ON CONFLICT (account, status) DO UPDATE SET batches = batch_counts.batches + excluded.batches";
    upsert(connection, "batch_counts (account, status, batches)", on_conflict, &counts, |row, values| {
        let ((account, status), change) = values;
        row.push_bind(account.0).push_bind(status).push_bind(*change);
    })
    .await
}

const BATCHES: Columns =
    "batches (batch, account, status, output, channel, total, pending, running, completed, failed,
    cancelled, metadata, failure, created_at, finished_at, revision)";

/// A batch with the words and documents of its row.
type Row<'v> = (&'v BatchHeader, (String, String, String), Option<Document<'static>>, Option<String>);

/// Of a batch that is there, only what events can change is written again.
async fn batches(connection: &mut Connection, changes: &[BatchChange]) -> Result<(), ReadModelError> {
    let (mut new, mut known) = (Vec::new(), Vec::new());
    for BatchChange { before, after } in changes {
        let header = &after.header;
        let failure = header.failure.as_ref().map(word).transpose()?;
        let metadata = header.metadata.as_ref().map(|value| Document(value.to_string().into()));
        let words = (word(&header.status)?, word(&header.output)?, word(&header.channel)?);
        let rows = if before.is_none() { &mut new } else { &mut known };
        rows.push((header, words, metadata, failure));
    }
    let put = |row: &mut Fields<'_>, (header, words, metadata, failure): &Row<'_>| {
        let (status, output, channel) = words;
        row.push_bind(header.batch.0).push_bind(header.account.0);
        row.push_bind(status).push_bind(output).push_bind(channel);
        let counts = header.counts;
        let all = [counts.pending, counts.running, counts.completed, counts.failed, counts.cancelled];
        row.push_bind(i64::from(header.total));
        for count in all {
            row.push_bind(i64::from(count));
        }
        row.push_bind(metadata).push_bind(failure);
        row.push_bind(Time(header.created_at.millis()));
        row.push_bind(time(header.finished_at));
        row.push_bind(number(header.revision));
    };
    insert(connection, BATCHES, &new, put).await?;
    let on_conflict =
        " ON CONFLICT (batch) DO UPDATE SET status = excluded.status, pending = excluded.pending,
         running = excluded.running, completed = excluded.completed, failed = excluded.failed,
         cancelled = excluded.cancelled, failure = excluded.failure, finished_at = excluded.finished_at,
         revision = excluded.revision";
    upsert(connection, BATCHES, on_conflict, &known, put).await
}

/// The items that are new or differ from their rows.
fn changed(change: &BatchChange) -> impl Iterator<Item = (BatchId, &ItemView)> {
    let before = change.before.as_ref().map_or(&[][..], |before| &before.items);
    let batch = change.after.header.batch;
    let items = change.after.items.iter().enumerate();
    items.filter(|(place, item)| before.get(*place) != Some(item)).map(move |(_, item)| (batch, item))
}

const ITEMS: Columns =
    "items (batch, item, url, status, attempts, error_code, error_message, retryable, extractor,
    final_url, http_status, credits, started_at, finished_at, result_key, screenshot_key, erased_at)";

/// An item with the words of its row.
type ItemRow<'v> = (BatchId, &'v ItemView, String, Option<String>);

async fn items(connection: &mut Connection, changes: &[BatchChange]) -> Result<(), ReadModelError> {
    let (mut new, mut known) = (Vec::new(), Vec::new());
    for change in changes {
        let rows = if change.before.is_none() { &mut new } else { &mut known };
        for (batch, item) in changed(change) {
            let extractor = item.extractor.as_ref().map(word).transpose()?;
            rows.push((batch, item, word(&item.status)?, extractor));
        }
    }
    let put = |row: &mut Fields<'_>, (batch, item, status, extractor): &ItemRow<'_>| {
        let error = item.error.as_ref();
        row.push_bind(batch.0).push_bind(i64::from(item.index)).push_bind(Text::from(&item.url));
        row.push_bind(status).push_bind(i64::from(item.attempts));
        row.push_bind(error.map(|error| error.code.as_str()));
        row.push_bind(error.map(|error| Text::from(&error.message)));
        row.push_bind(error.map(|error| error.retryable));
        row.push_bind(extractor).push_bind(item.final_url.as_ref().map(Text::from));
        row.push_bind(item.http_status.map(i64::from)).push_bind(number(item.credits));
        row.push_bind(time(item.started_at));
        row.push_bind(time(item.finished_at));
        row.push_bind(item.result_key.as_ref()).push_bind(item.screenshot_key.as_ref());
        row.push_bind(time(item.erased_at));
    };
    insert(connection, ITEMS, &new, put).await?;
    let on_conflict =
        " ON CONFLICT (batch, item) DO UPDATE SET status = excluded.status, attempts = excluded.attempts,
         error_code = excluded.error_code, error_message = excluded.error_message,
         retryable = excluded.retryable, extractor = excluded.extractor, final_url = excluded.final_url,
         http_status = excluded.http_status, credits = excluded.credits, started_at = excluded.started_at,
         finished_at = excluded.finished_at, result_key = excluded.result_key,
         screenshot_key = excluded.screenshot_key, erased_at = excluded.erased_at";
    upsert(connection, ITEMS, on_conflict, &known, put).await
}

const USAGE: Columns =
    "usage_days (account, day, requests, latency_ms, latency_samples, credits, tokens, captchas)";

async fn usage(connection: &mut Connection, changes: &Changes) -> Result<(), ReadModelError> {
    let days: Vec<_> = changes.usage.iter().collect();
    let on_conflict =
        " ON CONFLICT (account, day) DO UPDATE SET requests = usage_days.requests + excluded.requests,
         latency_ms = usage_days.latency_ms + excluded.latency_ms,
         latency_samples = usage_days.latency_samples + excluded.latency_samples,
         credits = usage_days.credits + excluded.credits, tokens = usage_days.tokens + excluded.tokens,
         captchas = usage_days.captchas + excluded.captchas";
    upsert(connection, USAGE, on_conflict, &days, |row, ((account, day), usage)| {
        row.push_bind(account.0).push_bind(day);
        row.push_bind(number(usage.requests)).push_bind(number(usage.latency_ms));
        row.push_bind(number(usage.latency_samples)).push_bind(number(usage.credits));
        row.push_bind(number(usage.tokens)).push_bind(number(usage.captchas));
    })
    .await
}

/// One by one, since it is rare.
async fn quarantine(connection: &mut Connection, changes: &Changes) -> Result<(), ReadModelError> {
    for stream in &changes.released {
        sqlx::query("DELETE FROM quarantine WHERE stream = $1")
            .bind(stream.as_str())
            .execute(&mut *connection)
            .await?;
    }
    for one in &changes.quarantined {
        sqlx::query(
            "INSERT INTO quarantine (stream, revision, position, reason) VALUES ($1, $2, $3, $4)
             ON CONFLICT (stream) DO UPDATE SET revision = excluded.revision, position = excluded.position,
             reason = excluded.reason",
        )
        .bind(one.stream.as_str())
        .bind(number(one.revision))
        .bind(one.position.to_string())
        .bind(Text::from(&one.reason))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

fn time(moment: Option<Moment>) -> Option<Time> {
    moment.map(|moment| Time(moment.millis()))
}
