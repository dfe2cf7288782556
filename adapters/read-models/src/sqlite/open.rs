//! The file and its connections: one that writes, some that read.

use super::lock::{TURN_SUFFIX, beside};
use crate::ReadModelError;
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

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
    /// Held by whoever writes.
    pub(crate) turn: PathBuf,
}

/// Opens the file, or makes it, and brings it to this version's form.
///
/// `synchronous=NORMAL` may lose the last transactions when the machine loses power. Their checkpoint is lost with
/// them, so they are made again from the log, which is flushed on every append.
pub(crate) async fn connect(path: &Path) -> Result<Connections, ReadModelError> {
    let options = options(path);
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_millis(ACQUIRE_TIMEOUT_MS))
    };
    let writer = pool(1).connect_with(options.clone()).await?;
    // `run_direct` is `run` in a form of which the compiler sees that any task may await it.
    let mut connection = writer.acquire().await?;
    sqlx::migrate!("migrations/sqlite").run_direct(None, &mut *connection, false).await?;
    drop(connection);
    let readers = pool(READERS_MAX).connect_with(options.read_only(true)).await?;
    Ok(Connections { readers, writer, turn: beside(path, TURN_SUFFIX) })
}

/// Opens the file that lists the versions, or makes it.
pub(crate) async fn registry(path: &Path) -> Result<SqlitePool, ReadModelError> {
    let registry = SqlitePoolOptions::new().max_connections(1).connect_with(options(path)).await?;
    let mut connection = registry.acquire().await?;
    sqlx::migrate!("migrations/versions").run_direct(None, &mut *connection, false).await?;
    drop(connection);
    Ok(registry)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))
}
