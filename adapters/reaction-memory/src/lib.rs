//! The tables of the reactions: what they remember of open work, changed in one transaction with the position in
//! the log up to which they have read. Apart from the read models, so that rebuilding those sends nothing. What a
//! row means is known in `command-api/src/reactions` only.

use leafcutter_event_store::Position;
use sqlx::{
    Row, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::path::Path;

/// The tables cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The database does not answer.
    #[error(
        "the reactions' tables are not available: check disk space and permissions of the data directory"
    )]
    Database(#[source] sqlx::Error),
    /// The schema cannot be brought up to date.
    #[error("the reactions' tables cannot be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// The checkpoint is not a position.
    #[error("the reactions' checkpoint '{0}' is not a position; delete the file to read the log anew")]
    Checkpoint(String),
    /// Another owner of the reactions has moved the checkpoint since the caller looked. Nothing was changed.
    #[error("the reactions' tables stand at {found} and not at {expected}: another replica writes them too")]
    CheckpointMoved {
        /// Where the caller thought that they stand.
        expected: Position,
        /// Where they stand.
        found: Position,
    },
}

/// One remembered thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remembered {
    /// What it is.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// JSON.
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

/// The tables, in one SQLite file.
#[derive(Clone)]
pub struct ReactionMemory {
    pool: SqlitePool,
}

impl ReactionMemory {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub async fn open(path: &Path) -> Result<Self, MemoryError> {
        // The log is the truth and flushed; after a power failure these tables may be a little older than it,
        // together with their checkpoint, and are brought up to date from it. So no flush of their own.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(MemoryError::Database)?;
        sqlx::migrate!().run(&pool).await.map_err(MemoryError::Migration)?;
        Ok(Self { pool })
    }

    /// Everything remembered, and the position up to which the log was read.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn load(&self) -> Result<(Vec<Remembered>, Position), MemoryError> {
        let mut snapshot = self.pool.begin().await.map_err(MemoryError::Database)?;
        let position = checkpoint(&mut snapshot).await?;
        let rows = sqlx::query("SELECT kind, id, content FROM remembered ORDER BY kind, id")
            .fetch_all(&mut *snapshot)
            .await
            .map_err(MemoryError::Database)?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            Ok(Remembered {
                kind: row.try_get("kind")?,
                id: row.try_get("id")?,
                content: row.try_get("content")?,
            })
        };
        let remembered = rows.iter().map(read).collect::<Result<_, _>>().map_err(MemoryError::Database)?;
        Ok((remembered, position))
    }

    /// Changes what is remembered and moves the checkpoint from `from` to `to`, all or nothing.
    ///
    /// # Errors
    /// The checkpoint does not stand at `from`, or the database does not answer; nothing has changed.
    pub async fn save(&self, changes: &[Change], from: Position, to: Position) -> Result<(), MemoryError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(MemoryError::Database)?;
        let found = checkpoint(&mut transaction).await?;
        if found != from {
            return Err(MemoryError::CheckpointMoved { expected: from, found });
        }
        write(&mut transaction, changes, to).await.map_err(MemoryError::Database)?;
        transaction.commit().await.map_err(MemoryError::Database)
    }

    /// Closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

async fn checkpoint(connection: &mut SqliteConnection) -> Result<Position, MemoryError> {
    let position: Option<String> = sqlx::query_scalar("SELECT position FROM checkpoint")
        .fetch_optional(connection)
        .await
        .map_err(MemoryError::Database)?;
    match position {
        None => Ok(Position::START),
        Some(text) => text.parse().map_err(|_| MemoryError::Checkpoint(text)),
    }
}

async fn write(
    connection: &mut SqliteConnection,
    changes: &[Change],
    to: Position,
) -> Result<(), sqlx::Error> {
    for change in changes {
        match change {
            Change::Put(row) => sqlx::query(
                "INSERT INTO remembered (kind, id, content) VALUES (?, ?, ?)
                     ON CONFLICT (kind, id) DO UPDATE SET content = excluded.content",
            )
            .bind(&row.kind)
            .bind(&row.id)
            .bind(&row.content),
            Change::Forget { kind, id } => {
                sqlx::query("DELETE FROM remembered WHERE kind = ? AND id = ?").bind(kind).bind(id)
            }
        }
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query(
        "INSERT INTO checkpoint (only, position) VALUES (1, ?)
             ON CONFLICT (only) DO UPDATE SET position = excluded.position",
    )
    .bind(to.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, content: &str) -> Remembered {
        Remembered { kind: "batch".to_owned(), id: id.to_owned(), content: content.to_owned() }
    }

    #[tokio::test]
    async fn what_was_saved_is_there_after_reopening_and_what_was_forgotten_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reactions.db");
        let memory = ReactionMemory::open(&path).await.unwrap();
        assert_eq!(memory.load().await.unwrap(), (vec![], Position::START));
        let put = [Change::Put(row("a", "1")), Change::Put(row("b", "1")), Change::Put(row("a", "2"))];
        memory.save(&put, Position::START, "7".parse().unwrap()).await.unwrap();
        let forget = Change::Forget { kind: "batch".to_owned(), id: "b".to_owned() };
        memory.save(&[forget], "7".parse().unwrap(), "8".parse().unwrap()).await.unwrap();
        memory.close().await;
        let memory = ReactionMemory::open(&path).await.unwrap();
        assert_eq!(memory.load().await.unwrap(), (vec![row("a", "2")], "8".parse().unwrap()));
    }
}
