//! What can go wrong with the read models. None of it loses anything: the log holds the truth.

use leafcutter_event_store::Position;

/// Why the read models did not answer or did not change.
#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    /// The file cannot be read or written.
    #[error("the read models are not available: check the disk space and permissions of their file")]
    Unavailable(#[from] sqlx::Error),
    /// The file cannot be brought to this version's form.
    #[error(
        "the read models have another version's form: start that version, or delete the file to rebuild it"
    )]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row holds what no version of the service writes.
    #[error("the read models hold a {what} that cannot be read ('{value}'): delete the file to rebuild it")]
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
