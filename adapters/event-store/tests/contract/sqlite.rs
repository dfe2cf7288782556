//! The contract, kept by the SQLite adapter. Not here: cases.

use crate::support::Harness;
use leafcutter_event_store::{EventStore, SqliteEventStore};
use std::sync::Arc;
use tempfile::TempDir;

/// A log in a folder of its own.
struct Sqlite {
    folder: TempDir,
    store: Arc<SqliteEventStore>,
}

async fn open(folder: &TempDir) -> Arc<SqliteEventStore> {
    Arc::new(SqliteEventStore::open(&folder.path().join("log.sqlite")).await.unwrap())
}

impl Harness for Sqlite {
    async fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        Self { folder, store }
    }

    fn store(&self) -> Arc<dyn EventStore> {
        Arc::clone(&self.store) as Arc<dyn EventStore>
    }

    async fn restart(&mut self) {
        self.store.close().await;
        self.store = open(&self.folder).await;
    }

    async fn stop(self) {
        self.store.close().await;
    }
}

crate::contract!(super::Sqlite);
