//! What can go wrong with the reactions' tables. None of it loses anything: the log holds the truth.

use leafcutter_event_store::Position;
use sqlx::migrate::MigrateError;

/// The tables cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The database does not answer.
    #[error(
        "the reactions' tables are not available: check disk space and permissions of the data directory, or their \
         PostgreSQL server and the account in its address"
    )]
    Database(#[source] sqlx::Error),
    /// The address of the server is none.
    #[error("the server of the reactions' tables is not known")]
    Address(#[from] leafcutter_sql::AddressError),
    /// The schema cannot be brought up to date.
    #[error(
        "the reactions' tables have another version's form: start that version, or delete the file, or drop the \
         schema leafcutter_reactions, to read the log anew"
    )]
    Migration(#[source] MigrateError),
    /// The checkpoint is not a position.
    #[error(
        "the reactions' checkpoint '{0}' is not a position: delete the file, or drop the schema \
         leafcutter_reactions, to read the log anew"
    )]
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

impl MemoryError {
    /// Whether it may go away by itself, so that waiting and trying again makes sense.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Database(_) | Self::CheckpointMoved { .. })
    }
}

impl From<sqlx::Error> for MemoryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<MigrateError> for MemoryError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) => Self::Database(error),
            error => Self::Migration(error),
        }
    }
}
