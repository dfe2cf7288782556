//! `ReadModels`: what the projector writes and the query side reads, whichever database is below. Answers may lag
//! behind the log; each tells how far it is (a revision, or the checkpoint), so that the caller can add or wait.

use crate::{
    BatchHeader, BatchView, Changes, LedgerCursor, Quarantined, ReadModelError, Status, UsageDay, sqlite,
};
use leafcutter_domain::{AccountId, BatchId, Moment};
use leafcutter_event_store::{Position, StreamName};
use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};
use tokio::{sync::watch, time::MissedTickBehavior};

/// How often the checkpoint is read while someone waits, in case that the projector is another process.
const CHECKPOINT_POLL_MS: u64 = 100;

/// Which batches a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct BatchFilter {
    /// Those that stand like this.
    pub status: Option<Status>,
    /// Those submitted after this moment.
    pub created_after: Option<Moment>,
    /// Those submitted before this moment.
    pub created_before: Option<Moment>,
}

/// Some batches of a list.
#[derive(Debug, Clone, Default)]
pub struct BatchPage {
    /// The batches, newest first.
    pub batches: Vec<BatchHeader>,
    /// How many the whole list has.
    pub total: u64,
}

/// The read models. Clones share the same connections.
#[derive(Clone)]
pub struct ReadModels {
    inner: Arc<Inner>,
}

struct Inner {
    connections: sqlite::Connections,
    applied: watch::Sender<Position>,
}

impl std::fmt::Debug for ReadModels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadModels").field("applied", &*self.inner.applied.borrow()).finish_non_exhaustive()
    }
}

impl ReadModels {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// The file cannot be opened, or was written by another version.
    pub async fn open(path: &Path) -> Result<Self, ReadModelError> {
        let connections = sqlite::connect(path).await?;
        let checkpoint = sqlite::read::checkpoint(&connections.readers).await?;
        let applied = watch::Sender::new(checkpoint);
        Ok(Self { inner: Arc::new(Inner { connections, applied }) })
    }

    /// Writes what a run of events changes and moves the checkpoint `from` where it stands `to` where the run ends,
    /// all or nothing.
    ///
    /// # Errors
    /// The checkpoint does not stand at `from`, or the file cannot be written; nothing was changed.
    pub async fn apply(&self, changes: &Changes, from: Position, to: Position) -> Result<(), ReadModelError> {
        sqlite::write::apply(&self.inner.connections.writer, changes, from, to).await?;
        self.announce(to);
        Ok(())
    }

    /// How far the log was applied.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn checkpoint(&self) -> Result<Position, ReadModelError> {
        let checkpoint = sqlite::read::checkpoint(&self.inner.connections.readers).await?;
        self.announce(checkpoint);
        Ok(checkpoint)
    }

    /// Waits until the log was applied up to `position`; `false` when `patience` ends first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn wait_until(&self, position: Position, patience: Duration) -> Result<bool, ReadModelError> {
        let mut applied = self.inner.applied.subscribe();
        if *applied.borrow_and_update() >= position {
            return Ok(true);
        }
        let mut poll = tokio::time::interval(Duration::from_millis(CHECKPOINT_POLL_MS));
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let reached = async {
            loop {
                tokio::select! {
                    // The sender lives in `self`, so this ends only when the position has moved.
                    _ = applied.changed() => {}
                    _ = poll.tick() => { self.checkpoint().await?; }
                }
                if *applied.borrow_and_update() >= position {
                    return Ok(());
                }
            }
        };
        match tokio::time::timeout(patience, reached).await {
            Ok(reached) => reached.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// A batch with its items.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn batch(&self, batch: BatchId) -> Result<Option<BatchView>, ReadModelError> {
        Ok(self.batches(&[batch]).await?.remove(&batch))
    }

    /// Those of the batches that have a row, with their items, as of one moment.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn batches(&self, batches: &[BatchId]) -> Result<HashMap<BatchId, BatchView>, ReadModelError> {
        sqlite::read::batches(&self.inner.connections.readers, batches).await
    }

    /// Page `page` (from 1) of an account's batches, newest first, `limit` to a page.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn list(
        &self,
        account: AccountId,
        filter: &BatchFilter,
        page: u64,
        limit: u32,
    ) -> Result<BatchPage, ReadModelError> {
        sqlite::read::list(&self.inner.connections.readers, account, filter, page, limit).await
    }

    /// What an account used on the days from `from_day` (`yyyy-mm-dd`) on; days without use are left out.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn usage(&self, account: AccountId, from_day: &str) -> Result<Vec<UsageDay>, ReadModelError> {
        sqlite::read::usage(&self.inner.connections.readers, account, from_day).await
    }

    /// How far a ledger stream was applied; `None` when nothing of it was.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn ledger(&self, stream: &StreamName) -> Result<Option<LedgerCursor>, ReadModelError> {
        sqlite::read::ledger(&self.inner.connections.readers, stream).await
    }

    /// Streams that wait because one of their events could not be applied.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn quarantined(&self) -> Result<Vec<Quarantined>, ReadModelError> {
        sqlite::read::quarantined(&self.inner.connections.readers).await
    }

    /// Ends what is under way and closes the file.
    pub async fn close(&self) {
        self.inner.connections.readers.close().await;
        self.inner.connections.writer.close().await;
    }

    fn announce(&self, position: Position) {
        self.inner.applied.send_if_modified(|applied| {
            let moved = position > *applied;
            *applied = position.max(*applied);
            moved
        });
    }
}
