//! The service: any of the roles in one process, each port with its embedded adapter or on a server, behind one
//! address. Puts parts together and takes them apart in order; what they do is in their crates.

mod broker;
mod data_dir;
mod docs;
mod first_account;
mod health;
mod http;
pub(crate) mod logging;
mod prices;
mod proxies;
mod run;
mod settings;
mod sides;
mod solver;
mod stores;
mod waiting;

pub(crate) use data_dir::{DataDir, VERSION as DATA_LAYOUT};
pub(crate) use run::{run, scrape};
pub(crate) use settings::{
    CommandApiArgs, DataArgs, DatabaseArgs, EventStoreArgs, ObjectsArgs, Plan, ProjectorRoleArgs,
    QueryApiArgs, ServeArgs, WorkerArgs,
};

use crate::client::Server as Address;
use anyhow::Context;
use broker::Broker;
use health::Health;
use leafcutter_command_api::{Commands, Desk, Reactions};
use leafcutter_dispatch::{WorkDesk, nats::DeskServer};
use leafcutter_object_store::Objects;
use leafcutter_projector::Projector;
use leafcutter_query_api::QueryState;
use leafcutter_read_models::LiveModels;
use leafcutter_wire::KeyDirectory;
use leafcutter_worker::{Worker, WorkerSettings};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use stores::Log;
use tokio::net::TcpListener;

/// A service that listens, and whose parts are still to come.
pub(crate) struct Bound {
    plan: Plan,
    data: Option<DataDir>,
    address: SocketAddr,
    health: Health,
    server: http::Server,
}

impl Bound {
    /// Takes the address and the data directory.
    ///
    /// # Errors
    /// One of them is taken already, or cannot be used.
    pub(crate) async fn bind(plan: Plan) -> anyhow::Result<Self> {
        sides::secrets_are_usable(&plan)?;
        proxies::are_usable(&plan)?;
        prices::are_usable(&plan)?;
        solver::is_usable(&plan)?;
        let listen = plan.args.listen.listen;
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}: is another program using it?"))?;
        let address = listener.local_addr()?;
        let data = plan.roles.work.then(|| DataDir::open(&plan.args.data.data_dir)).transpose()?;
        if let (true, Some(data)) = (plan.roles.command, &data) {
            first_account::make_key(data)?;
        }
        let health = Health::default();
        health.starting();
        let server = http::Server::start(listener, health.clone());
        Ok(Self { plan, data, address, health, server })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the key of the account `default` is, in a process that has one.
    pub(crate) fn api_key_file(&self) -> Option<PathBuf> {
        self.data.as_ref().filter(|_| self.plan.roles.command).map(DataDir::api_key_file)
    }

    /// Starts the parts; waits for servers that are not there yet.
    ///
    /// # Errors
    /// Something cannot be opened; the message says what to do.
    pub(crate) async fn start(self) -> anyhow::Result<Service> {
        let parts = Parts::start(&self).await?;
        let routes = http::router(parts.commands.clone(), parts.queries.clone(), self.health.clone());
        self.server.open(routes);
        self.health.started();
        Ok(Service { bound: self, parts })
    }
}

/// The running service.
pub(crate) struct Service {
    bound: Bound,
    parts: Parts,
}

/// What is running, in the order in which it is stopped.
struct Parts {
    broker: Option<Broker>,
    worker: Option<Worker>,
    desk: Option<DeskServer>,
    reactions: Option<Reactions>,
    projector: Option<Projector>,
    commands: Option<Commands>,
    queries: Option<QueryState>,
    keys: Option<Arc<KeyDirectory>>,
    models: Option<LiveModels>,
    log: Option<Log>,
    objects: Option<Objects>,
}

impl Parts {
    async fn start(bound: &Bound) -> anyhow::Result<Self> {
        let Bound { plan, data, health, .. } = bound;
        let (Plan { roles, args }, data) = (plan, data.as_ref());
        let own_worker = roles.work.then(|| sides::worker_settings(args, data)).transpose()?;
        let has_broker = roles.command || roles.work;
        let broker = if has_broker { Some(Broker::open(&args.dispatch, health).await?) } else { None };
        let log = if roles.need_log() { Some(stores::log(args, data, health).await?) } else { None };
        let keys = (roles.command || roles.query)
            .then(|| log.as_ref().map(|log| KeyDirectory::start(log.store())))
            .flatten();
        let has_objects = roles.command || roles.query || roles.work;
        let objects = has_objects.then(|| stores::objects(args, data, health)).transpose()?;
        let mut parts = Self {
            broker,
            worker: None,
            desk: None,
            reactions: None,
            projector: None,
            commands: None,
            queries: None,
            keys,
            models: None,
            log,
            objects,
        };
        if roles.command {
            parts.start_commands(bound, own_worker.as_ref()).await?;
        }
        if roles.query || roles.project {
            parts.start_reads(bound).await?;
        }
        if let Some(settings) = own_worker {
            parts.start_worker(bound, settings).await?;
        }
        Ok(parts)
    }

    async fn start_commands(&mut self, bound: &Bound, own: Option<&WorkerSettings>) -> anyhow::Result<()> {
        let Bound { plan: Plan { args, .. }, data, health, .. } = bound;
        let (Some(log), Some(keys)) = (&self.log, &self.keys) else { return Ok(()) };
        let (Some(broker), Some(objects)) = (&self.broker, &self.objects) else { return Ok(()) };
        let data = data.as_ref();
        let commands = sides::commands(args, data, log, keys, broker, objects)?;
        // Both at once, so that health names every server that is missing.
        let published = prices::publish(&commands, log, health);
        let (tables, ()) = tokio::try_join!(stores::reaction_memory(args, data, health), published)?;
        if let Some(data) = data {
            first_account::ensure(data, &commands, log, health).await?;
        }
        self.reactions = Some(sides::reactions(args, &commands, log, broker, tables, own, health));
        self.desk = broker.serve_desk(Arc::new(Desk::new(commands.clone())));
        self.commands = Some(commands);
        Ok(())
    }

    async fn start_reads(&mut self, bound: &Bound) -> anyhow::Result<()> {
        let Bound { plan: Plan { roles, args }, data, health, .. } = bound;
        let Some(log) = &self.log else { return Ok(()) };
        let models = stores::read_models(args, data.as_ref(), health).await?;
        if roles.project {
            self.projector = Some(sides::projector(args, log, &models, health));
        }
        if let (true, Some(keys), Some(objects)) = (roles.query, &self.keys, &self.objects) {
            let commands = self.commands.as_ref();
            let data = data.as_ref();
            self.queries = Some(sides::queries(args, data, log, keys, &models, objects, commands)?);
        }
        self.models = Some(models);
        Ok(())
    }

    async fn start_worker(&mut self, bound: &Bound, settings: WorkerSettings) -> anyhow::Result<()> {
        let Bound { plan: Plan { args, .. }, health, .. } = bound;
        let (Some(broker), Some(objects)) = (&self.broker, &self.objects) else { return Ok(()) };
        let here = self.commands.clone().map(|commands| Arc::new(Desk::new(commands)) as Arc<dyn WorkDesk>);
        let desk = here.or_else(|| broker.distant_desk()).context("a worker without a desk")?;
        let policy = leafcutter_egress::Policy::new(args.pages.allow_targets.0.clone());
        let worker = Worker::start(settings, broker.source(), desk, objects.clone(), policy).await?;
        sides::watch_worker(&worker, health);
        self.worker = Some(worker);
        Ok(())
    }

    /// Takes no more work, lets running items finish for `grace`, puts the others back, and ends everything.
    async fn stop(self, server: http::Server, grace: Duration) {
        if let Some(broker) = &self.broker {
            broker.close_source();
        }
        if let Some(worker) = self.worker {
            worker.shutdown(grace).await;
        }
        if let Some(desk) = self.desk {
            desk.shutdown().await;
        }
        server.stop().await;
        if let Some(reactions) = self.reactions {
            reactions.shutdown().await;
        }
        if let Some(projector) = self.projector {
            projector.shutdown().await;
        }
        if let Some(keys) = self.keys {
            keys.stop().await;
        }
        if let Some(models) = self.models {
            models.close().await;
        }
        if let Some(log) = self.log {
            log.close().await;
        }
        if let Some(broker) = self.broker {
            broker.close().await;
        }
    }
}

impl Service {
    /// What it listens on, and where its first key is.
    pub(crate) fn bound(&self) -> &Bound {
        &self.bound
    }

    /// How a client of this very process reaches it.
    pub(crate) fn client_address(&self) -> anyhow::Result<Address> {
        let api_key =
            self.bound.data.as_ref().map(DataDir::api_key).transpose()?.flatten().unwrap_or_default();
        Ok(Address { url: format!("http://{}", self.bound.address).parse()?, api_key })
    }

    /// Takes no more work, lets running items finish up to a bound, puts the others back, and ends everything.
    pub(crate) async fn stop(self) {
        let Self { bound, parts } = self;
        bound.health.stopping();
        parts.stop(bound.server, Duration::from_secs(bound.plan.args.chromium.stop_timeout.into())).await;
    }
}
