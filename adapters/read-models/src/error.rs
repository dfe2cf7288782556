//! What can go wrong with the read models. None of it loses anything: the log holds the truth.

use leafcutter_event_store::Position;
use sqlx::migrate::MigrateError;

/// Why the read models did not answer or did not change.
#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    /// The file or the server cannot be read or written.
    #[error(
        "the read models are not available: check the disk space and permissions of their file, or their \
         PostgreSQL server and the account in its address"
    )]
    Unavailable(#[source] sqlx::Error),
    /// The address of the server is none.
    #[error("the read models' server is not known")]
    Address(#[from] leafcutter_sql::AddressError),
    /// The tables cannot be brought to this version's form.
    #[error(
        "the read models have another version's form: start that version, or delete the file, or drop the schema \
         leafcutter_read_models, to rebuild them"
    )]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// A row holds what no version of the service writes.
    #[error(
        "the read models hold a {what} that cannot be read ('{value}'): delete the file, or drop the schema \
             leafcutter_read_models, to rebuild them"
    )]
    Damaged {
        /// The kind of value.
        what: &'static str,
        /// The value as it was found.
        value: String,
    },
    /// Another projector has applied events since the caller looked. Nothing was changed.
    #[error("the read models stand at {found} and not at {expected}: another projector writes them too")]
    CheckpointMoved {
        /// Where the caller thought that they stand.
        expected: Position,
        /// Where they stand.
        found: Position,
    },
}

impl ReadModelError {
    /// Whether it may go away by itself, so that waiting and trying again makes sense.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::CheckpointMoved { .. })
    }
}

impl From<sqlx::Error> for ReadModelError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { index, source } => {
                Self::Damaged { what: "column", value: format!("{index}: {source}") }
            }
            error => Self::Unavailable(error),
        }
    }
}

impl From<MigrateError> for ReadModelError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) => Self::Unavailable(error),
            error => Self::Migration(error),
        }
    }
}
