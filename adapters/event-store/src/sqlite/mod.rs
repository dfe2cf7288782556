//! The embedded event store: one SQLite file in WAL mode with `synchronous=FULL`, one writer that commits waiting
//! appends together, and separate read connections. An append is answered only when it is on disk.

mod copy;
mod reader;
mod spectator;
mod writer;

use crate::{
    Appended, EventStore, Expected, NewEvent, Position, Snapshot, StoreError, StoredEvent, StreamName,
    Subscription, port::appendable,
};
use async_trait::async_trait;
pub use copy::LogCopy;
use reader::Live;
use sqlx::{
    ConnectOptions, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, time::Duration};
use tokio::sync::{mpsc, oneshot, watch};
use writer::Request;

/// Connections for reading.
const READERS_MAX: u32 = 4;
/// Appends that wait for the writer.
const WAITING_APPENDS_MAX: usize = 1_024;
/// How long a connection waits for another process, such as a backup.
const BUSY_TIMEOUT_MS: u64 = 5_000;

/// A log in one SQLite file.
pub struct SqliteEventStore {
    pool: SqlitePool,
    requests: mpsc::Sender<Request>,
    head: watch::Receiver<u64>,
    writer: std::sync::Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl SqliteEventStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// The file cannot be opened, or is not a log of ours.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = options(path);
        let mut connection = options.connect().await.map_err(unavailable)?;
        sqlx::migrate!()
            .run(&mut connection)
            .await
            .map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        let head = reader::newest(&mut connection).await.map_err(unavailable)?;
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .connect_with(options.read_only(true))
            .await
            .map_err(unavailable)?;
        let (requests, waiting) = mpsc::channel(WAITING_APPENDS_MAX);
        let (moved, head) = watch::channel(head);
        let writer = tokio::spawn(writer::run(connection, waiting, moved));
        Ok(Self { pool, requests, head, writer: std::sync::Mutex::new(Some(writer)) })
    }

    /// Finishes what waits and closes the file. Later appends are refused.
    pub async fn close(&self) {
        let _ = self.requests.send(Request::Close).await;
        let writer = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = writer.await;
        }
        self.pool.close().await;
    }

    async fn ask<T>(
        &self,
        request: Request,
        answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.requests.send(request).await.map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))
}

fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

fn closed() -> StoreError {
    StoreError::Unavailable("the event store is closed".into())
}

#[async_trait]
impl EventStore for SqliteEventStore {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> Result<Appended, StoreError> {
        appendable(&events)?;
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Append { stream: stream.clone(), expected, events, answer }, answered).await
    }

    async fn read(&self, stream: &StreamName, from: u64, max: usize) -> Result<Vec<StoredEvent>, StoreError> {
        reader::read_stream(&self.pool, stream, from, max).await.map_err(unavailable)
    }

    async fn last(&self, stream: &StreamName) -> Result<Option<StoredEvent>, StoreError> {
        reader::last(&self.pool, stream).await.map_err(unavailable)
    }

    async fn head(&self) -> Result<Position, StoreError> {
        Ok(Position::single(*self.head.borrow()))
    }

    fn subscribe(&self, after: Position, category: Option<&'static str>) -> Box<dyn Subscription> {
        Box::new(Live { pool: self.pool.clone(), head: self.head.clone(), after, category })
    }

    async fn snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, StoreError> {
        reader::snapshot(&self.pool, stream).await.map_err(unavailable)
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Snapshot { stream: stream.clone(), snapshot, answer }, answered).await
    }
}
