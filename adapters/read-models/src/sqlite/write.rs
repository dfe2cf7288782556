//! The one write: everything that a run of events changes, and the checkpoint, in one transaction.

use super::rows;
use crate::{
    BatchChange, Changes, ItemView, ReadModelError,
    text::{number, word},
};
use leafcutter_domain::BatchId;
use leafcutter_event_store::Position;
use sqlx::{QueryBuilder, SqliteConnection, SqlitePool};

/// Rows written by one statement; with 16 columns far below SQLite's 32,766 placeholders.
const ROWS_PER_STATEMENT: usize = 500;

pub(crate) async fn apply(
    pool: &SqlitePool,
    changes: &Changes,
    from: Position,
    to: Position,
) -> Result<(), ReadModelError> {
    // The write lock is taken at once, so that the checkpoint read below is still true at the end.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    move_checkpoint(&mut transaction, from, to).await?;
    counts(&mut transaction, changes).await?;
    batches(&mut transaction, &changes.batches).await?;
    items(&mut transaction, &changes.batches).await?;
    usage(&mut transaction, changes).await?;
    ledgers(&mut transaction, changes).await?;
    quarantine(&mut transaction, changes).await?;
    transaction.commit().await?;
    Ok(())
}

async fn move_checkpoint(
    connection: &mut SqliteConnection,
    from: Position,
    to: Position,
) -> Result<(), ReadModelError> {
    let found: String = sqlx::query_scalar("SELECT position FROM checkpoints WHERE name = 'read-models'")
        .fetch_one(&mut *connection)
        .await?;
    let found = rows::position(&found)?;
    if found != from {
        return Err(ReadModelError::CheckpointMoved { expected: from, found });
    }
    sqlx::query("UPDATE checkpoints SET position = ? WHERE name = 'read-models'")
        .bind(to.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

async fn counts(connection: &mut SqliteConnection, changes: &Changes) -> Result<(), ReadModelError> {
    for ((account, status), change) in changes.count_changes()? {
        sqlx::query(
            "INSERT INTO batch_counts (account, status, batches) VALUES (?, ?, ?)
             ON CONFLICT (account, status) DO UPDATE SET batches = batch_counts.batches + excluded.batches",
        )
        .bind(account.0)
        .bind(status)
        .bind(change)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Of a batch that is there, only what events can change is written again.
async fn batches(connection: &mut SqliteConnection, changes: &[BatchChange]) -> Result<(), ReadModelError> {
    for some in changes.chunks(ROWS_PER_STATEMENT) {
        let mut prepared = Vec::with_capacity(some.len());
        for BatchChange { after, .. } in some {
            let header = &after.header;
            let failure = header.failure.as_ref().map(word).transpose()?;
            let metadata = header.metadata.as_ref().map(ToString::to_string);
            let words = (word(&header.status)?, word(&header.output)?, word(&header.channel)?);
            prepared.push((header, words, metadata, failure));
        }
        let mut query = QueryBuilder::new(
            "INSERT INTO batches (batch, account, status, output, channel, total, pending, running, completed,
             failed, cancelled, metadata, failure, created_at, finished_at, revision) ",
        );
        query.push_values(prepared, |mut row, (header, (status, output, channel), metadata, failure)| {
            row.push_bind(header.batch.0).push_bind(header.account.0);
            row.push_bind(status).push_bind(output).push_bind(channel);
            let counts = header.counts;
            let all = [counts.pending, counts.running, counts.completed, counts.failed, counts.cancelled];
            row.push_bind(i64::from(header.total));
            for count in all {
                row.push_bind(i64::from(count));
            }
            row.push_bind(metadata).push_bind(failure);
            row.push_bind(header.created_at.millis());
            row.push_bind(header.finished_at.map(leafcutter_domain::Moment::millis));
            row.push_bind(number(header.revision));
        });
        query.push(
            " ON CONFLICT (batch) DO UPDATE SET status = excluded.status, pending = excluded.pending,
             running = excluded.running, completed = excluded.completed, failed = excluded.failed,
             cancelled = excluded.cancelled, failure = excluded.failure, finished_at = excluded.finished_at,
             revision = excluded.revision",
        );
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// The items that are new or differ from their rows.
fn changed(change: &BatchChange) -> impl Iterator<Item = (BatchId, &ItemView)> {
    let before = change.before.as_ref().map_or(&[][..], |before| &before.items);
    let batch = change.after.header.batch;
    let items = change.after.items.iter().enumerate();
    items.filter(|(place, item)| before.get(*place) != Some(item)).map(move |(_, item)| (batch, item))
}

async fn items(connection: &mut SqliteConnection, changes: &[BatchChange]) -> Result<(), ReadModelError> {
    let changed: Vec<(BatchId, &ItemView)> = changes.iter().flat_map(changed).collect();
    for some in changed.chunks(ROWS_PER_STATEMENT) {
        let mut prepared = Vec::with_capacity(some.len());
        for (batch, item) in some {
            let extractor = item.extractor.as_ref().map(word).transpose()?;
            prepared.push((batch, item, word(&item.status)?, extractor));
        }
        let mut query = QueryBuilder::new(
            "INSERT INTO items (batch, item, url, status, attempts, error_code, error_message, retryable, extractor,
             final_url, http_status, credits, started_at, finished_at, result_key, screenshot_key) ",
        );
        query.push_values(prepared, |mut row, (batch, item, status, extractor)| {
            let error = item.error.as_ref();
            row.push_bind(batch.0).push_bind(i64::from(item.index)).push_bind(&item.url);
            row.push_bind(status).push_bind(i64::from(item.attempts));
            row.push_bind(error.map(|error| error.code.as_str()));
            row.push_bind(error.map(|error| &error.message));
            row.push_bind(error.map(|error| error.retryable));
            row.push_bind(extractor).push_bind(item.final_url.as_ref());
            row.push_bind(item.http_status.map(i64::from)).push_bind(number(item.credits));
            row.push_bind(item.started_at.map(leafcutter_domain::Moment::millis));
            row.push_bind(item.finished_at.map(leafcutter_domain::Moment::millis));
            row.push_bind(item.result_key.as_ref()).push_bind(item.screenshot_key.as_ref());
        });
        query.push(
            " ON CONFLICT (batch, item) DO UPDATE SET status = excluded.status, attempts = excluded.attempts,
             error_code = excluded.error_code, error_message = excluded.error_message,
             retryable = excluded.retryable, extractor = excluded.extractor, final_url = excluded.final_url,
             http_status = excluded.http_status, credits = excluded.credits, started_at = excluded.started_at,
             finished_at = excluded.finished_at, result_key = excluded.result_key,
             screenshot_key = excluded.screenshot_key",
        );
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

async fn usage(connection: &mut SqliteConnection, changes: &Changes) -> Result<(), ReadModelError> {
    for ((account, day), usage) in &changes.usage {
        sqlx::query(
            "INSERT INTO usage_days (account, day, requests, latency_ms, latency_samples, credits)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (account, day) DO UPDATE SET requests = usage_days.requests + excluded.requests,
             latency_ms = usage_days.latency_ms + excluded.latency_ms,
             latency_samples = usage_days.latency_samples + excluded.latency_samples,
             credits = usage_days.credits + excluded.credits",
        )
        .bind(account.0)
        .bind(day)
        .bind(number(usage.requests))
        .bind(number(usage.latency_ms))
        .bind(number(usage.latency_samples))
        .bind(number(usage.credits))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn ledgers(connection: &mut SqliteConnection, changes: &Changes) -> Result<(), ReadModelError> {
    for (stream, ledger) in &changes.ledgers {
        sqlx::query(
            "INSERT INTO ledgers (stream, account, revision) VALUES (?, ?, ?)
             ON CONFLICT (stream) DO UPDATE SET revision = excluded.revision",
        )
        .bind(stream.as_str())
        .bind(ledger.account.0)
        .bind(number(ledger.revision))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn quarantine(connection: &mut SqliteConnection, changes: &Changes) -> Result<(), ReadModelError> {
    for stream in &changes.released {
        sqlx::query("DELETE FROM quarantine WHERE stream = ?")
            .bind(stream.as_str())
            .execute(&mut *connection)
            .await?;
    }
    for one in &changes.quarantined {
        sqlx::query(
            "INSERT INTO quarantine (stream, revision, position, reason) VALUES (?, ?, ?, ?)
             ON CONFLICT (stream) DO UPDATE SET revision = excluded.revision, position = excluded.position,
             reason = excluded.reason",
        )
        .bind(one.stream.as_str())
        .bind(number(one.revision))
        .bind(one.position.to_string())
        .bind(&one.reason)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
