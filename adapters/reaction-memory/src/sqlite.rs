//! The reactions' tables in a SQLite file.

#[path = "sql.rs"]
mod sql;

use crate::MemoryError;
pub(crate) use sql::{load, save};
use sqlx::{
    Sqlite as Engine, SqliteConnection as Connection, SqlitePool as Pool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::path::Path;

/// Begins a transaction in which every statement sees the same moment.
const SNAPSHOT: &str = "BEGIN";
/// Begins a transaction that writes. The lock is taken at once, so that it cannot be missed at the first write.
const WRITE: &str = "BEGIN IMMEDIATE";

/// Opens the file, or makes it, and brings it to this version's form.
///
/// The log is the truth and flushed; after a power failure these tables may be a little older than it, together with
/// their checkpoint, and are brought up to date from it. So no flush of their own.
pub(crate) async fn open(path: &Path) -> Result<Pool, MemoryError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    sqlx::migrate!("migrations/sqlite").run(&pool).await?;
    Ok(pool)
}
