//! The whole service in one process: every port with its embedded adapter, every role, one data directory, one
//! address. Puts parts together and takes them apart in order; what they do is in their crates.

mod config;
mod data_dir;
mod docs;
mod first_account;
mod health;
mod http;
pub(crate) mod logging;
mod run;

pub(crate) use config::ServeArgs;
pub(crate) use run::{command, scrape};

use crate::client::Server as Address;
use anyhow::Context;
use data_dir::DataDir;
use health::Health;
use leafcutter_command_api::{CommandParts, CommandSettings, Commands, Desk, ReactionSettings, Reactions};
use leafcutter_dispatch::{InProcessQueue, in_process};
use leafcutter_domain::PriceList;
use leafcutter_egress::Policy;
use leafcutter_event_store::{EventStore, SqliteEventStore, Streams};
use leafcutter_object_store::Objects;
use leafcutter_projector::Projector;
use leafcutter_query_api::{QueryParts, QuerySettings, QueryState};
use leafcutter_reaction_memory::ReactionMemory;
use leafcutter_read_models::ReadModels;
use leafcutter_secrets::InMemorySecrets;
use leafcutter_wire::{Clock, Gate, KeyDirectory, RateLimit};
use leafcutter_worker::{Worker, WorkerSettings};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch};

/// Time beyond the item's limit until its lease ends, for the claim and the report.
const LEASE_MARGIN_MS: i64 = 15_000;
/// Offers that wait in memory for a slot.
const QUEUE_OFFERS_MAX: usize = 4_096;

/// The running service.
pub(crate) struct Service {
    address: SocketAddr,
    api_key_file: PathBuf,
    api_key: String,
    stop_timeout: Duration,
    stopping: watch::Sender<bool>,
    health: Health,
    parts: Running,
}

/// What is running, in the order in which it is stopped.
struct Running {
    queue: InProcessQueue,
    worker: Worker,
    server: http::Server,
    reactions: Reactions,
    projector: Projector,
    keys: Arc<KeyDirectory>,
    models: ReadModels,
    store: Arc<SqliteEventStore>,
    _data: DataDir,
}

impl Service {
    /// Starts everything on this data directory.
    ///
    /// # Errors
    /// Something cannot be opened; the message says what to do.
    pub(crate) async fn start(args: &ServeArgs) -> anyhow::Result<Self> {
        let data = DataDir::open(&args.data_dir)?;
        let listener = TcpListener::bind(args.listen)
            .await
            .with_context(|| format!("cannot listen on {}: is another program using it?", args.listen))?;
        let store = Arc::new(SqliteEventStore::open(&data.path("events.db")).await?);
        let keys = KeyDirectory::start(Arc::clone(&store) as Arc<dyn EventStore>);
        let commands = commands(args, &data, &store, &keys)?;
        first_account::ensure(&data, &commands).await?;
        let models = ReadModels::open(&data.path("read-models.db")).await?;
        let settings = leafcutter_projector::Settings { paused: args.projector_paused };
        let projector = Projector::start(Arc::clone(&store) as Arc<dyn EventStore>, models.clone(), settings);
        let queue = in_process(QUEUE_OFFERS_MAX);
        let worker_settings = worker_settings(args, &data);
        let reactions = start_reactions(args, &data, &store, &commands, &queue, &worker_settings).await?;
        let desk = Arc::new(Desk::new(commands.clone()));
        let source = Arc::new(queue.clone());
        let worker =
            Worker::start(worker_settings, source, desk, commands.objects.clone(), commands.policy.clone())
                .await?;
        let (stopping, stopped) = watch::channel(false);
        let health = Health { worker: worker.ready(), projector: projector.caught_up(), stopping: stopped };
        let address = listener.local_addr()?;
        let queries = queries(args, &store, &commands, &models);
        let server = http::Server::start(listener, http::router(commands, queries, health.clone()));
        let api_key_file = data.api_key_file();
        let api_key = data.api_key()?.unwrap_or_default();
        let parts = Running { queue, worker, server, reactions, projector, keys, models, store, _data: data };
        let stop_timeout = Duration::from_secs(args.stop_timeout.into());
        Ok(Self { address, api_key_file, api_key, stop_timeout, stopping, health, parts })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the key of the account `default` is.
    pub(crate) fn api_key_file(&self) -> &std::path::Path {
        &self.api_key_file
    }

    /// How a client of this very process reaches it.
    pub(crate) fn client_address(&self) -> anyhow::Result<Address> {
        Ok(Address { url: format!("http://{}", self.address).parse()?, api_key: self.api_key.clone() })
    }

    /// Takes no more work, lets running items finish up to a bound, puts the others back, and ends everything.
    pub(crate) async fn stop(self) {
        self.stopping.send_replace(true);
        let parts = self.parts;
        parts.queue.close();
        parts.worker.shutdown(self.stop_timeout).await;
        parts.server.stop().await;
        parts.reactions.shutdown().await;
        parts.projector.shutdown().await;
        parts.keys.stop().await;
        parts.models.close().await;
        parts.store.close().await;
        drop(self.health);
    }
}

fn commands(
    args: &ServeArgs,
    data: &DataDir,
    store: &Arc<SqliteEventStore>,
    keys: &Arc<KeyDirectory>,
) -> anyhow::Result<Commands> {
    let log = || Arc::clone(store) as Arc<dyn EventStore>;
    let settings = CommandSettings {
        prices: PriceList::BUILT_IN,
        batch_urls_max: args.batch_urls.into(),
        pending_batches_max: args.pending_batches as usize,
        result_bytes_max: args.result_bytes,
        lease_ms: i64::from(args.item_timeout) * 1_000 + LEASE_MARGIN_MS,
        cookie_ttl_ms: i64::from(args.cookie_ttl) * 1_000,
        default_credits: args.default_credits,
        admin_token: config::admin_token()?,
    };
    Ok(Commands::new(CommandParts {
        batches: Arc::new(Streams::new(log())),
        ledgers: Arc::new(Streams::new(log())),
        accounts: Arc::new(Streams::new(log())),
        objects: Objects::local(&data.path("objects"))?,
        secrets: Arc::new(InMemorySecrets::default()),
        policy: Policy::new(args.allow_targets.0.clone()),
        clock: Clock::system(),
        gate: Gate::new(Arc::clone(keys), RateLimit::per_minute(args.rate_limit)),
        service_key: data.service_key()?,
        settings,
    }))
}

fn queries(
    args: &ServeArgs,
    store: &Arc<SqliteEventStore>,
    commands: &Commands,
    models: &ReadModels,
) -> QueryState {
    QueryState::new(QueryParts {
        store: Arc::clone(store) as Arc<dyn EventStore>,
        ledgers: Arc::clone(&commands.ledgers),
        accounts: Arc::clone(&commands.accounts),
        models: models.clone(),
        objects: commands.objects.clone(),
        gate: commands.gate.clone(),
        clock: commands.clock.clone(),
        settings: QuerySettings { public_url: args.public_url.clone(), result_bytes_max: args.result_bytes },
    })
}

fn worker_settings(args: &ServeArgs, data: &DataDir) -> WorkerSettings {
    let mut settings = WorkerSettings::new(data.path("browsers"));
    if let Some(concurrency) = args.concurrency {
        settings.concurrency = concurrency.into();
    }
    settings.chromium.clone_from(&args.chromium);
    settings.item_limit = Duration::from_secs(args.item_timeout.into());
    settings.pages_per_browser = args.pages_per_browser;
    settings
}

async fn start_reactions(
    args: &ServeArgs,
    data: &DataDir,
    store: &Arc<SqliteEventStore>,
    commands: &Commands,
    queue: &InProcessQueue,
    worker: &WorkerSettings,
) -> anyhow::Result<Reactions> {
    let tables = ReactionMemory::open(&data.path("reactions.db")).await?;
    let settings = ReactionSettings {
        slots: worker.concurrency,
        own_worker: Some(worker.worker),
        sweep_grace_ms: args.sweep_grace_ms.into(),
    };
    let dispatch = Arc::new(queue.clone());
    Ok(Reactions::start(commands.clone(), store.as_ref(), dispatch, tables, settings).await?)
}
