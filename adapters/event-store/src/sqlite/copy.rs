//! A copy of a log file as of one moment, while whoever owns the log goes on writing. Not here: what else a backup holds.

use super::{SqliteEventStore, options, unavailable};
use crate::{Position, StoreError};
use sqlx::{ConnectOptions, Connection, Row, sqlite::SqliteConnectOptions};
use std::path::Path;

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogCopy {
    /// The position of its newest event.
    pub head: Position,
    /// How many events it has.
    pub events: u64,
}

impl SqliteEventStore {
    /// Copies the log in the file `from` to `to`, where nothing may be yet. The copy is of one moment; it is not flushed.
    ///
    /// # Errors
    /// There is no log in `from`, or `to` cannot be written.
    pub async fn copy(from: &Path, to: &Path) -> Result<LogCopy, StoreError> {
        let target = to.to_str().ok_or_else(|| StoreError::Unavailable("the path is no text".into()))?;
        let mut log = options(from).create_if_missing(false).connect().await.map_err(unavailable)?;
        // One read transaction: the writer goes on beside it, and what it appends is not in the copy.
        let copied = sqlx::query("VACUUM INTO ?").bind(target).execute(&mut log).await;
        log.close().await.map_err(unavailable)?;
        copied.map_err(unavailable)?;
        let copy = SqliteConnectOptions::new().filename(to).read_only(true).immutable(true);
        let mut copy = copy.connect().await.map_err(unavailable)?;
        let seen = sqlx::query("SELECT coalesce(max(position), 0) AS head, count(*) AS events FROM events")
            .fetch_one(&mut copy)
            .await
            .map_err(unavailable)?;
        let number = |column| Ok(seen.try_get::<i64, _>(column).map_err(unavailable)?.unsigned_abs());
        let copied = LogCopy { head: Position::single(number("head")?), events: number("events")? };
        copy.close().await.map_err(unavailable)?;
        Ok(copied)
    }
}
