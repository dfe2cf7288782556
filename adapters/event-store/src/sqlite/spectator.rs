//! A log that another process writes: it can be read and followed, and nothing can be appended. The other process says
//! nothing, so the head is looked up again and again.

use super::{SqliteEventStore, options, reader::newest, unavailable, writer::Request};
use crate::StoreError;
use sqlx::{SqlitePool, sqlite::SqlitePoolOptions};
use std::{path::Path, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};

/// Connections for reading.
const READERS_MAX: u32 = 2;
/// How often the head is looked up.
const HEAD_LOOK_MS: u64 = 100;
/// Appends that wait to be refused.
const WAITING_MAX: usize = 1;

impl SqliteEventStore {
    /// Opens a log to read what another process writes, or has written. Appends are refused.
    ///
    /// # Errors
    /// There is no such file, or it is not a log of ours.
    pub async fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        // Not opened read-only: where no process has the log open, the files beside it must be made to read it.
        let options = options(path).create_if_missing(false).pragma("query_only", "on");
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .connect_with(options)
            .await
            .map_err(unavailable)?;
        let (moved, head) = watch::channel(newest(&pool).await.map_err(unavailable)?);
        let (requests, waiting) = mpsc::channel(WAITING_MAX);
        let task = tokio::spawn(look(pool.clone(), waiting, moved));
        Ok(Self { pool, requests, head, writer: std::sync::Mutex::new(Some(task)) })
    }
}

/// Looks the head up until the store is closed or dropped. While the file cannot be read, the last answer holds.
async fn look(pool: SqlitePool, mut requests: mpsc::Receiver<Request>, head: watch::Sender<u64>) {
    let mut every = interval(Duration::from_millis(HEAD_LOOK_MS));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                None | Some(Request::Close) => return,
                Some(request) => refuse(request),
            },
            _ = every.tick() => {
                if let Ok(newest) = newest(&pool).await {
                    head.send_if_modified(|head| std::mem::replace(head, newest) != newest);
                }
            }
        }
    }
}

fn refuse(request: Request) {
    let error = || StoreError::Unavailable("this log was opened for reading only".into());
    match request {
        // Whoever has gone needs no answer.
        Request::Append { answer, .. } => drop(answer.send(Err(error()))),
        Request::Snapshot { answer, .. } => drop(answer.send(Err(error()))),
        Request::Close => {}
    }
}
