//! The right to write. One process has it at a time and the others wait: in PostgreSQL it is a lock of the very
//! connection that the writes go through, so whoever loses the connection loses the right with it. Beside a SQLite file
//! it is the lock of a file, which ends with its process.

use crate::{
    Changes, ReadModelError, ReadModels,
    models::{Tables, in_time},
    postgres, sqlite,
};
use leafcutter_event_store::Position;
use sqlx::{Connection, PgConnection, SqlitePool};
use std::fs::File;

/// The right to write the read models; given back when dropped, or sooner by the server when the connection is lost.
#[must_use = "dropped, it gives the right to write back"]
pub struct Turn {
    models: ReadModels,
    hold: Hold,
}

enum Hold {
    Sqlite { writer: SqlitePool, held: File },
    Postgres(Box<PgConnection>),
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("models", &self.models).finish_non_exhaustive()
    }
}

impl ReadModels {
    /// Waits until no other process writes the read models, for as long as it takes, and takes the right to write.
    /// May be dropped while it waits.
    ///
    /// # Errors
    /// The server cannot be reached, or was lost.
    pub async fn projector_turn(&self) -> Result<Turn, ReadModelError> {
        let hold = match self.tables() {
            Tables::Sqlite(file) => {
                Hold::Sqlite { held: sqlite::take_turn(file).await?, writer: file.writer.clone() }
            }
            Tables::Postgres(database) => Hold::Postgres(Box::new(postgres::take_turn(database).await?)),
        };
        Ok(Turn { models: self.clone(), hold })
    }
}

impl Turn {
    /// Writes what a run of events changes and moves the checkpoint `from` where it stands `to` where the run ends,
    /// all or nothing.
    ///
    /// # Errors
    /// The checkpoint does not stand at `from`, or nothing could be written; nothing was changed, but for a lost
    /// connection, after which only the checkpoint tells. After an error take another turn.
    pub async fn apply(
        &mut self,
        changes: &Changes,
        from: Position,
        to: Position,
    ) -> Result<(), ReadModelError> {
        in_time(async {
            match &mut self.hold {
                Hold::Sqlite { writer, .. } => {
                    let mut connection = writer.acquire().await?;
                    let applied = sqlite::write::apply(&mut connection, changes, from, to).await;
                    if applied.is_err() {
                        // On a full disk SQLite ends the transaction by itself, of which the connection does not know.
                        connection.close_on_drop();
                    }
                    applied
                }
                Hold::Postgres(connection) => postgres::write::apply(connection, changes, from, to).await,
            }
        })
        .await?;
        self.models.announce(to);
        Ok(())
    }

    /// Whether the right is still held, as far as an answer of the server tells.
    ///
    /// # Errors
    /// It is lost; take another turn.
    pub async fn check(&mut self) -> Result<(), ReadModelError> {
        match &mut self.hold {
            Hold::Sqlite { .. } => Ok(()),
            Hold::Postgres(connection) => in_time(async { Ok(connection.ping().await?) }).await,
        }
    }

    /// Gives the right back. When it returns, another process can have it.
    pub async fn give_back(self) {
        match self.hold {
            Hold::Sqlite { held, .. } => drop(held),
            Hold::Postgres(connection) => {
                // A server that does not answer the good-bye frees the lock when it notices that we are gone.
                let _ = in_time(async { Ok(connection.close().await?) }).await;
            }
        }
    }
}
