//! `ReadModels`: what the projector writes and the query side reads, whichever database is below. Answers may lag
//! behind the log; each tells how far it is (a revision, or the checkpoint), so that the caller can add or wait.

use crate::{
    BatchHeader, BatchView, EntryFilter, EntryPage, LedgerBalance, Quarantined, ReadModelError, Status,
    TableRow, UsageDay, postgres, sqlite,
};
use leafcutter_domain::{AccountId, BatchId, Moment};
use leafcutter_event_store::{Position, StreamName};
use std::{collections::HashMap, io, path::Path, sync::Arc, time::Duration};
use tokio::{sync::watch, time::MissedTickBehavior};

/// How often the checkpoint is read while someone waits, in case that the projector is another process.
const CHECKPOINT_POLL_MS: u64 = 100;
/// How long a question or a write may take, with the wait for a connection: a server that vanished without a word
/// would be waited for without end.
const ANSWER_TIMEOUT_MS: u64 = 20_000;
/// How long a check of health may take.
const CHECK_TIMEOUT_MS: u64 = 2_000;

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
    tables: Tables,
    applied: watch::Sender<Position>,
}

/// The tables, in the engine that was chosen.
pub(crate) enum Tables {
    Sqlite(sqlite::Connections),
    Postgres(Box<postgres::Connections>),
}

/// Asks the chosen engine, within the time limit.
macro_rules! ask {
    ($models:ident.$question:ident($($argument:expr),*)) => {
        in_time(async {
            match &$models.inner.tables {
                Tables::Sqlite(file) => sqlite::read::$question(&file.readers, $($argument),*).await,
                Tables::Postgres(database) => postgres::read::$question(&database.readers, $($argument),*).await,
            }
        })
        .await
    };
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
        Self::begin(Tables::Sqlite(sqlite::connect(path).await?)).await
    }

    /// Reaches the PostgreSQL database at this `postgres://` address and makes the tables where they are missing, in
    /// a schema of their own. Does not wait for a server that is down.
    ///
    /// # Errors
    /// The server cannot be reached ([`ReadModelError::is_passing`]), the text is no address, or the tables were
    /// written by another version.
    pub async fn connect(url: &str) -> Result<Self, ReadModelError> {
        Self::connect_to(url, 1).await
    }

    pub(crate) async fn connect_to(url: &str, version: u32) -> Result<Self, ReadModelError> {
        Self::begin(Tables::Postgres(Box::new(postgres::connect(url, version).await?))).await
    }

    async fn begin(tables: Tables) -> Result<Self, ReadModelError> {
        let models = Self { inner: Arc::new(Inner { tables, applied: watch::Sender::new(Position::START) }) };
        models.checkpoint().await?;
        Ok(models)
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.inner.tables
    }

    /// Whether the tables answer, within two seconds. For a health check.
    ///
    /// # Errors
    /// They do not.
    pub async fn check(&self) -> Result<(), ReadModelError> {
        let answer = tokio::time::timeout(Duration::from_millis(CHECK_TIMEOUT_MS), self.checkpoint());
        answer.await.map_err(|_| no_answer())?.map(drop)
    }

    /// How far the log was applied.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub async fn checkpoint(&self) -> Result<Position, ReadModelError> {
        let checkpoint = ask!(self.checkpoint())?;
        self.announce(checkpoint);
        Ok(checkpoint)
    }

    /// Waits until the log was applied up to `position`; `false` when `patience` ends first.
    ///
    /// # Errors
    /// The tables cannot be read.
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
    /// The tables cannot be read.
    pub async fn batch(&self, batch: BatchId) -> Result<Option<BatchView>, ReadModelError> {
        Ok(self.batches(&[batch]).await?.remove(&batch))
    }

    /// Those of the batches that have a row, with their items, as of one moment.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub async fn batches(&self, batches: &[BatchId]) -> Result<HashMap<BatchId, BatchView>, ReadModelError> {
        ask!(self.batches(batches))
    }

    /// Page `page` (from 1) of an account's batches, newest first, `limit` to a page.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub async fn list(
        &self,
        account: AccountId,
        filter: &BatchFilter,
        page: u64,
        limit: u32,
    ) -> Result<BatchPage, ReadModelError> {
        ask!(self.list(account, filter, page, limit))
    }

    /// What an account used on the days from `from_day` (`yyyy-mm-dd`) on; days without use are left out.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub async fn usage(&self, account: AccountId, from_day: &str) -> Result<Vec<UsageDay>, ReadModelError> {
        ask!(self.usage(account, from_day))
    }

    /// Where the credits of these ledger streams are, as far as they were applied; those of which nothing was are left
    /// out.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub async fn ledgers(
        &self,
        streams: &[StreamName],
    ) -> Result<HashMap<StreamName, LedgerBalance>, ReadModelError> {
        ask!(self.ledgers(streams))
    }

    /// Page `page` (from 1) of an account's entries, `limit` to a page; the latest month first, in each month the last
    /// entry first.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub async fn entries(
        &self,
        account: AccountId,
        filter: &EntryFilter,
        page: u64,
        limit: u32,
    ) -> Result<EntryPage, ReadModelError> {
        in_time(async {
            match &self.inner.tables {
                Tables::Sqlite(file) => {
                    sqlite::ledger_read::entries(&file.readers, account, filter, page, limit).await
                }
                Tables::Postgres(database) => {
                    postgres::ledger_read::entries(&database.readers, account, filter, page, limit).await
                }
            }
        })
        .await
    }

    /// Streams that wait because one of their events could not be applied.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub async fn quarantined(&self) -> Result<Vec<Quarantined>, ReadModelError> {
        ask!(self.quarantined())
    }

    /// Gives every row of every table to `take`, as one line of text; see [`ReadModels::snapshot`]. Read models of the
    /// same history are equal when these lines are.
    ///
    /// # Errors
    /// The tables cannot be read; what was taken until then is not the whole.
    pub async fn each_row(&self, mut take: impl FnMut(String) + Send) -> Result<(), ReadModelError> {
        let mut snapshot = self.snapshot().await?;
        while let Some(TableRow { table, key, text, .. }) = snapshot.next().await? {
            take(format!("{table} {key} {text}"));
        }
        Ok(())
    }

    /// Ends what is under way and closes the connections.
    pub async fn close(&self) {
        match &self.inner.tables {
            Tables::Sqlite(file) => {
                file.readers.close().await;
                file.writer.close().await;
            }
            Tables::Postgres(database) => database.readers.close().await,
        }
    }

    pub(crate) fn announce(&self, position: Position) {
        self.inner.applied.send_if_modified(|applied| {
            let moved = position > *applied;
            *applied = position.max(*applied);
            moved
        });
    }
}

/// Gives up after [`ANSWER_TIMEOUT_MS`].
pub(crate) async fn in_time<T>(
    answer: impl Future<Output = Result<T, ReadModelError>>,
) -> Result<T, ReadModelError> {
    let answer = tokio::time::timeout(Duration::from_millis(ANSWER_TIMEOUT_MS), answer).await;
    answer.unwrap_or_else(|_| Err(no_answer()))
}

fn no_answer() -> ReadModelError {
    let error = io::Error::new(io::ErrorKind::TimedOut, "the database did not answer in time");
    ReadModelError::Unavailable(sqlx::Error::Io(error))
}
