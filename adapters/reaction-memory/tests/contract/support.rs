//! Where the tables of a test are: a folder of their own, or a database of their own.

use leafcutter_event_store::Position;
use leafcutter_reaction_memory::{Change, ReactionMemory, Remembered};
use leafcutter_test_servers::Postgres;
use std::sync::Arc;
use tempfile::TempDir;

/// Where the tables are, empty at first; they go away with it.
pub(crate) enum Place {
    File(TempDir),
    Database { url: String, _server: Arc<Postgres> },
}

impl Place {
    pub(crate) fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn database() -> Self {
        let server = Postgres::shared().await;
        Self::Database { url: server.database().await, _server: server }
    }

    /// The tables, as another process would open them.
    pub(crate) async fn open(&self) -> ReactionMemory {
        match self {
            Self::File(folder) => ReactionMemory::open(&folder.path().join("reactions.db")).await.unwrap(),
            Self::Database { url, .. } => ReactionMemory::connect(url).await.unwrap(),
        }
    }
}

pub(crate) fn position(value: u64) -> Position {
    value.to_string().parse().unwrap()
}

pub(crate) fn row(id: impl ToString, content: &str) -> Remembered {
    Remembered { kind: "batch".to_owned(), id: id.to_string(), content: content.to_owned() }
}

pub(crate) fn put(id: impl ToString, content: &str) -> Change {
    Change::Put(row(id, content))
}

pub(crate) fn forget(id: impl ToString) -> Change {
    Change::Forget { kind: "batch".to_owned(), id: id.to_string() }
}
