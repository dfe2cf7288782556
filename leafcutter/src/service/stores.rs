//! Opening what keeps things: the log, the tables, the objects; embedded or on a server, as the settings say. A
//! server that is away is waited for; files that cannot be opened end the start.

use super::{
    data_dir::DataDir,
    health::Health,
    settings::ServeArgs,
    waiting::{Fault, wait_for},
};
use anyhow::Context;
use leafcutter_event_store::{EventStore, EventStoreDb, SqliteEventStore};
use leafcutter_object_store::Objects;
use leafcutter_reaction_memory::ReactionMemory;
use leafcutter_read_models::{LiveModels, Versions};
use std::sync::Arc;

/// What is said of a database that no waiting makes usable.
const DATABASE_UNUSABLE: &str = "LEAFCUTTER_DATABASE cannot be used";

/// The log, and how it is closed.
#[derive(Clone)]
pub(crate) enum Log {
    Embedded(Arc<SqliteEventStore>),
    Remote(Arc<EventStoreDb>),
}

impl Log {
    /// The log as its port.
    pub(crate) fn store(&self) -> Arc<dyn EventStore> {
        match self {
            Self::Embedded(store) => Arc::clone(store) as Arc<dyn EventStore>,
            Self::Remote(store) => Arc::clone(store) as Arc<dyn EventStore>,
        }
    }

    /// Ends what is under way.
    pub(crate) async fn close(&self) {
        match self {
            Self::Embedded(store) => store.close().await,
            // Every call holds its own connection, and none is under way any more.
            Self::Remote(_) => {}
        }
    }
}

/// The data directory, where an embedded part needs it.
fn folder(data: Option<&DataDir>) -> anyhow::Result<&DataDir> {
    data.context("an embedded part was asked for in a process without a data directory")
}

pub(crate) async fn log(args: &ServeArgs, data: Option<&DataDir>, health: &Health) -> anyhow::Result<Log> {
    let log = match args.event_store.address() {
        Some(address) => {
            let opened = EventStoreDb::open(address).context("LEAFCUTTER_EVENT_STORE cannot be used")?;
            Log::Remote(Arc::new(opened))
        }
        None => Log::Embedded(Arc::new(SqliteEventStore::open(&folder(data)?.path("events.db")).await?)),
    };
    let store = log.store();
    health.watch("event store", move || {
        let store = Arc::clone(&store);
        async move { store.head().await.map(drop).map_err(|error| error.to_string()) }
    });
    Ok(log)
}

pub(crate) async fn read_models(
    args: &ServeArgs,
    data: Option<&DataDir>,
    health: &Health,
) -> anyhow::Result<LiveModels> {
    let Some(address) = args.database.address() else {
        return Ok(Versions::open(folder(data)?.folder()).await?.follow().await?);
    };
    let models = wait_for(health, "database", async || {
        let opened = async { Versions::connect(address).await?.follow().await };
        opened.await.map_err(|error| match error {
            away if away.is_passing() => Fault::Away(away.into()),
            wrong => Fault::Wrong(anyhow::Error::new(wrong).context(DATABASE_UNUSABLE)),
        })
    })
    .await?;
    let asked = models.clone();
    health.watch("database", move || {
        let models = asked.now();
        async move { models.check().await.map_err(|error| error.to_string()) }
    });
    Ok(models)
}

/// The reactions' tables. They live where the read models do, but in a schema of their own.
pub(crate) async fn reaction_memory(
    args: &ServeArgs,
    data: Option<&DataDir>,
    health: &Health,
) -> anyhow::Result<ReactionMemory> {
    let Some(address) = args.database.address() else {
        return Ok(ReactionMemory::open(&folder(data)?.path("reactions.db")).await?);
    };
    wait_for(health, "database of the reactions", async || {
        ReactionMemory::connect(address).await.map_err(|error| match error {
            away if away.is_passing() => Fault::Away(away.into()),
            wrong => Fault::Wrong(anyhow::Error::new(wrong).context(DATABASE_UNUSABLE)),
        })
    })
    .await
}

/// Results and screenshots.
pub(crate) fn objects(args: &ServeArgs, data: Option<&DataDir>, health: &Health) -> anyhow::Result<Objects> {
    let objects = match args.objects.address() {
        Some(address) => Objects::open(address).context("LEAFCUTTER_OBJECTS cannot be used")?,
        None => Objects::local(&folder(data)?.path("objects"))?,
    };
    let asked = objects.clone();
    health.watch("object store", move || {
        let objects = asked.clone();
        async move { objects.check().await.map_err(|error| error.to_string()) }
    });
    Ok(objects)
}
