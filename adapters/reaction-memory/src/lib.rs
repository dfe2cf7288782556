//! The tables of the reactions: what they remember of open work, changed in one transaction with the position in
//! the log up to which they have read. Apart from the read models, so that rebuilding those sends nothing. What a
//! row means is known in `command-api/src/reactions` only.

#![allow(clippy::duplicate_mod, reason = "`sql.rs` is compiled once for each engine, see docs/adr/0012")]

mod error;
mod postgres;
mod sqlite;

pub use error::MemoryError;
use leafcutter_event_store::Position;
use std::{path::Path, time::Duration};

/// How long a load or a save may take, with the wait for a connection: a server that vanished without a word would be
/// waited for without end.
const ANSWER_TIMEOUT_MS: u64 = 20_000;
/// How long a check of health may take.
const CHECK_TIMEOUT_MS: u64 = 2_000;

/// One remembered thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remembered {
    /// What it is.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// JSON. It may come back with other spaces and another order of keys.
    pub content: String,
}

/// A change to what is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Remember this, instead of what had its kind and id.
    Put(Remembered),
    /// Forget it.
    Forget {
        /// What it is.
        kind: String,
        /// Which one.
        id: String,
    },
}

/// The tables, in a SQLite file or a PostgreSQL database. Clones share the same connections.
#[derive(Clone)]
pub struct ReactionMemory {
    tables: Tables,
}

#[derive(Clone)]
enum Tables {
    Sqlite(sqlx::SqlitePool),
    Postgres(sqlx::PgPool),
}

impl std::fmt::Debug for ReactionMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReactionMemory").finish_non_exhaustive()
    }
}

impl ReactionMemory {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// The file cannot be opened, or was written by another version.
    pub async fn open(path: &Path) -> Result<Self, MemoryError> {
        Ok(Self { tables: Tables::Sqlite(sqlite::open(path).await?) })
    }

    /// Reaches the PostgreSQL database at this `postgres://` address and makes the tables where they are missing, in
    /// a schema of their own. Does not wait for a server that is down.
    ///
    /// # Errors
    /// The server cannot be reached ([`MemoryError::is_passing`]), the text is no address, or the tables were written
    /// by another version.
    pub async fn connect(url: &str) -> Result<Self, MemoryError> {
        Ok(Self { tables: Tables::Postgres(postgres::connect(url).await?) })
    }

    /// Everything remembered, and the position up to which the log was read.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn load(&self) -> Result<(Vec<Remembered>, Position), MemoryError> {
        in_time(ANSWER_TIMEOUT_MS, async {
            match &self.tables {
                Tables::Sqlite(pool) => sqlite::load(pool).await,
                Tables::Postgres(pool) => postgres::load(pool).await,
            }
        })
        .await
    }

    /// Changes what is remembered and moves the checkpoint from `from` to `to`, all or nothing.
    ///
    /// # Errors
    /// The checkpoint does not stand at `from`, or the database does not answer; nothing has changed, but for a lost
    /// connection, after which only the checkpoint tells.
    pub async fn save(&self, changes: &[Change], from: Position, to: Position) -> Result<(), MemoryError> {
        in_time(ANSWER_TIMEOUT_MS, async {
            match &self.tables {
                Tables::Sqlite(pool) => sqlite::save(pool, changes, from, to).await,
                Tables::Postgres(pool) => postgres::save(pool, changes, from, to).await,
            }
        })
        .await
    }

    /// Whether the tables answer, within two seconds. For a health check.
    ///
    /// # Errors
    /// They do not.
    pub async fn check(&self) -> Result<(), MemoryError> {
        in_time(CHECK_TIMEOUT_MS, async {
            let question = "SELECT count(*) FROM checkpoint";
            match &self.tables {
                Tables::Sqlite(pool) => drop(sqlx::query(question).fetch_one(pool).await?),
                Tables::Postgres(pool) => drop(sqlx::query(question).fetch_one(pool).await?),
            }
            Ok(())
        })
        .await
    }

    /// Ends what is under way and closes the connections.
    pub async fn close(&self) {
        match &self.tables {
            Tables::Sqlite(pool) => pool.close().await,
            Tables::Postgres(pool) => pool.close().await,
        }
    }
}

async fn in_time<T>(
    limit_ms: u64,
    answer: impl Future<Output = Result<T, MemoryError>>,
) -> Result<T, MemoryError> {
    let answer = tokio::time::timeout(Duration::from_millis(limit_ms), answer).await;
    answer.unwrap_or_else(|_| {
        let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "the database did not answer in time");
        Err(MemoryError::Database(sqlx::Error::Io(error)))
    })
}
