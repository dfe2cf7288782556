//! The contract, kept by the EventStoreDB adapter: against the stand-in server, once with positions whose two halves
//! differ, or against the real server that `LEAFCUTTER_TEST_ESDB` names. Not here: cases.

use crate::{
    scoped::Scoped,
    support::{Harness, event, stream},
};
use leafcutter_event_store::{EventStore, EventStoreDb, Expected};
use leafcutter_eventstoredb_stand_in::{Options, StandIn};
use std::{path::Path, sync::Arc};
use tempfile::TempDir;
use uuid::Uuid;

/// A connection string of a server to hold the contract against; its log may hold anything.
const REAL_SERVER: &str = "LEAFCUTTER_TEST_ESDB";
/// Events of others before ours: more than the server looks at in one go.
const NOISE: usize = 600;

/// A server of its own, whose journal outlives it, or a part of the real one.
pub(crate) struct Server<const SPLIT: bool> {
    stand_in: Option<(StandIn, TempDir)>,
    part: Arc<Scoped<EventStoreDb>>,
}

async fn stand_in(folder: &Path, split_positions: bool) -> StandIn {
    let journal = Some(folder.join("journal"));
    StandIn::with(Options { journal, split_positions, ..Options::default() }).await.unwrap()
}

/// What others write into the same log: another application, and the server itself.
async fn add_noise(store: &EventStoreDb) {
    for (name, kind) in
        [("$stats-0", "$statsCollected"), ("shop-1", "Numbered"), ("snapshot-shop-1", "Snapshot")]
    {
        let noise =
            (0..NOISE / 3).map(|number| leafcutter_event_store::NewEvent { name: kind, ..event(number) });
        store.append(&stream(name), Expected::NoStream, noise.collect()).await.unwrap();
    }
}

async fn part(connection_string: &str, mark: String) -> Arc<Scoped<EventStoreDb>> {
    let store = Arc::new(EventStoreDb::open(connection_string).unwrap());
    let begin = store.head().await.unwrap();
    Arc::new(Scoped { store, mark, begin })
}

impl<const SPLIT: bool> Harness for Server<SPLIT> {
    async fn fresh() -> Self {
        let mark = Uuid::new_v4().simple().to_string();
        if let Ok(real) = std::env::var(REAL_SERVER) {
            return Self { stand_in: None, part: part(&real, mark).await };
        }
        let folder = tempfile::tempdir().unwrap();
        let stand_in = stand_in(folder.path(), SPLIT).await;
        let part = part(&stand_in.connection_string(), mark).await;
        add_noise(&part.store).await;
        Self { stand_in: Some((stand_in, folder)), part }
    }

    fn store(&self) -> Arc<dyn EventStore> {
        Arc::clone(&self.part) as Arc<dyn EventStore>
    }

    /// A real server is not ours to restart: there only the client is made anew.
    async fn restart(&mut self) {
        let connection_string = match &mut self.stand_in {
            None => std::env::var(REAL_SERVER).unwrap(),
            Some((running, folder)) => {
                running.kill().await;
                *running = stand_in(folder.path(), SPLIT).await;
                running.connection_string()
            }
        };
        let store = Arc::new(EventStoreDb::open(&connection_string).unwrap());
        self.part = Arc::new(Scoped { store, mark: self.part.mark.clone(), begin: self.part.begin });
    }

    async fn stop(self) {
        if let Some((running, _folder)) = self.stand_in {
            running.kill().await;
        }
    }
}

mod whole {
    crate::contract!(crate::eventstoredb::Server<false>);
}

mod split_positions {
    crate::contract!(crate::eventstoredb::Server<true>);
}
