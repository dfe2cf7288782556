//! The file and its connections: one that writes, some that read.

use crate::ReadModelError;
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, time::Duration};

/// Connections for reading.
const READERS_MAX: u32 = 8;
/// How long a connection waits for another process that writes.
const BUSY_TIMEOUT_MS: u64 = 5_000;
/// How long a request waits for a free connection.
const ACQUIRE_TIMEOUT_MS: u64 = 5_000;

/// Where reads and writes go.
pub(crate) struct Connections {
    pub(crate) readers: SqlitePool,
    /// A pool of one, since SQLite has one writer at a time.
    pub(crate) writer: SqlitePool,
}

/// Opens the file, or makes it, and brings it to this version's form.
///
/// `synchronous=NORMAL` may lose the last transactions when the machine loses power. Their checkpoint is lost with
/// them, so they are made again from the log, which is flushed on every append.
pub(crate) async fn connect(path: &Path) -> Result<Connections, ReadModelError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS));
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_millis(ACQUIRE_TIMEOUT_MS))
    };
    let writer = pool(1).connect_with(options.clone()).await?;
    sqlx::migrate!("migrations/sqlite").run(&writer).await?;
    let readers = pool(READERS_MAX).connect_with(options.read_only(true)).await?;
    Ok(Connections { readers, writer })
}
