//! Reads of the SQLite log: one stream, its last event, and the global order as it grows.

use super::unavailable;
use crate::{Position, Snapshot, StoreError, StoredEvent, StreamName, Subscription, SubscriptionPage};
use async_trait::async_trait;
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteExecutor, SqliteRow},
};
use tokio::sync::watch;

/// Events in one page of a subscription.
const PAGE_EVENTS: usize = 512;

fn event(row: &SqliteRow) -> Result<StoredEvent, sqlx::Error> {
    Ok(StoredEvent {
        position: Position::single(row.try_get::<i64, _>("position")?.unsigned_abs()),
        stream: row.try_get::<String, _>("stream")?.into(),
        revision: row.try_get::<i64, _>("revision")?.unsigned_abs(),
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        data: row.try_get("data")?,
        metadata: row.try_get("metadata")?,
    })
}

fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Position of the last event, 0 without one.
pub(super) async fn newest<'e>(log: impl SqliteExecutor<'e>) -> Result<u64, sqlx::Error> {
    let newest: i64 =
        sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM events").fetch_one(log).await?;
    Ok(newest.unsigned_abs())
}

pub(super) async fn read_stream(
    pool: &SqlitePool,
    stream: &StreamName,
    from: u64,
    max: usize,
) -> Result<Vec<StoredEvent>, sqlx::Error> {
    let rows =
        sqlx::query("SELECT * FROM events WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT ?")
            .bind(stream.as_str())
            .bind(number(from))
            .bind(limit(max))
            .fetch_all(pool)
            .await?;
    rows.iter().map(event).collect()
}

pub(super) async fn last(pool: &SqlitePool, stream: &StreamName) -> Result<Option<StoredEvent>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM events WHERE stream = ? ORDER BY revision DESC LIMIT 1")
        .bind(stream.as_str())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(event).transpose()
}

pub(super) async fn snapshot(
    pool: &SqlitePool,
    stream: &StreamName,
) -> Result<Option<Snapshot>, sqlx::Error> {
    let row = sqlx::query("SELECT revision, state FROM snapshots WHERE stream = ?")
        .bind(stream.as_str())
        .fetch_optional(pool)
        .await?;
    row.map(|row| {
        Ok(Snapshot {
            revision: row.try_get::<i64, _>("revision")?.unsigned_abs(),
            state: row.try_get("state")?,
        })
    })
    .transpose()
}

/// A subscription: pages from the file, then waits for the writer to move the head.
pub(super) struct Live {
    pub(super) pool: SqlitePool,
    pub(super) head: watch::Receiver<u64>,
    pub(super) after: Position,
    pub(super) category: Option<&'static str>,
}

impl Live {
    async fn page(&self) -> Result<Vec<StoredEvent>, sqlx::Error> {
        let rows = match self.category {
            None => sqlx::query("SELECT * FROM events WHERE position > ? ORDER BY position LIMIT ?")
                .bind(number(self.after.value())),
            Some(category) => sqlx::query(
                "SELECT * FROM events WHERE category = ? AND position > ? ORDER BY position LIMIT ?",
            )
            .bind(category)
            .bind(number(self.after.value())),
        };
        let rows = rows.bind(limit(PAGE_EVENTS)).fetch_all(&self.pool).await?;
        rows.iter().map(event).collect()
    }
}

#[async_trait]
impl Subscription for Live {
    async fn next(&mut self) -> Result<SubscriptionPage, StoreError> {
        // The head is taken before the page is read, so that nothing up to it can be missed.
        let head = loop {
            let head = *self.head.borrow_and_update();
            if head > self.after.value() {
                break Position::single(head);
            }
            self.head.changed().await.map_err(|_| super::closed())?;
        };
        let events = self.page().await.map_err(unavailable)?;
        let read_to = events.last().map_or(self.after, |event| event.position);
        let up_to = if events.len() < PAGE_EVENTS { read_to.max(head) } else { read_to };
        self.after = up_to;
        Ok(SubscriptionPage { events, up_to })
    }
}
