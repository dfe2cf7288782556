//! Leafcutter as it runs on several machines: two processes of each role behind a proxy, on PostgreSQL, nats-server
//! and the server that stands in for EventStoreDB. Each part can be ended and started again at its address.

mod plan;

pub(crate) use plan::{BROKER_PASSWORD, LISTENER};

use super::{Api, Home, PATIENCE, Proxy, Role};
use leafcutter_test_servers::{Nats, Postgres, S3, TcpGate};
use plan::{PROGRAM, Plan, broker_users, event_store, log_address};
use std::{net::SocketAddr, path::Path};
use tokio::net::TcpStream;

/// Credits a month of the account that the tests use.
const CREDITS: u64 = 10_000;

/// How a test wants its cluster.
#[derive(Debug, Clone)]
pub(crate) struct ClusterOptions {
    /// Targets on loopback that may be opened.
    pub(crate) allow_targets: String,
    /// Seconds that one page may take.
    pub(crate) item_timeout_s: u16,
    /// Pages that one worker opens at a time.
    pub(crate) slots: u16,
    /// What is logged.
    pub(crate) log: &'static str,
    /// A bucket for the objects, instead of a folder.
    pub(crate) bucket: Option<String>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self { allow_targets: String::new(), item_timeout_s: 60, slots: 2, log: "info", bucket: None }
    }
}

impl ClusterOptions {
    /// `target` may be opened.
    pub(crate) fn for_site(target: SocketAddr) -> Self {
        Self { allow_targets: target.to_string(), ..Self::default() }
    }

    /// Objects are in a bucket of this server, in which a worker may only put them.
    pub(crate) fn with_bucket(self, server: &S3) -> Self {
        Self { bucket: Some(server.url("leafcutter")), ..self }
    }
}

/// A part of a cluster that can be ended and comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    CommandApi(usize),
    QueryApi(usize),
    Projector(usize),
    Worker(usize),
    EventStore,
    Nats,
    Postgres,
}

/// A running cluster. What it consists of is dropped from top to bottom, its folder last.
pub(crate) struct Cluster {
    /// A client of the proxy with the key of an account.
    pub(crate) api: Api,
    _proxy: Proxy,
    pub(crate) command: [Role; 2],
    pub(crate) query: [Role; 2],
    pub(crate) projectors: [Role; 2],
    pub(crate) workers: [Role; 2],
    /// The way of each worker to the broker.
    pub(crate) gates: [TcpGate; 2],
    pub(crate) event_store: Role,
    pub(crate) nats: Nats,
    pub(crate) postgres: Postgres,
    /// The read models that the projectors write.
    pub(crate) database: String,
    pub(crate) home: Home,
}

impl Cluster {
    /// Starts everything, and waits until every part is ready.
    pub(crate) async fn start(options: &ClusterOptions) -> Self {
        let mut cluster = Self::prepare(options).await;
        cluster.start_event_store().await;
        for role in cluster.roles() {
            role.start().await;
        }
        cluster.ready().await;
        cluster.open_account().await;
        cluster
    }

    /// Everything, but only nats-server and PostgreSQL are started.
    pub(crate) async fn prepare(options: &ClusterOptions) -> Self {
        let home = Home::alone().await;
        let (postgres, nats) = (Postgres::start().await, Nats::with_config(&broker_users()).await);
        let gates = [TcpGate::to(nats.address()).await, TcpGate::to(nats.address()).await];
        let database = postgres.database().await;
        let event_store = event_store(home.folder());
        let plan =
            Plan { options, home: home.folder(), database: &database, event_store: event_store.address };
        let pair = |kind| [0, 1].map(|number| plan.role(kind, number, nats.address()));
        let (command, query, projectors) = (pair("command-api"), pair("query-api"), pair("projector"));
        let workers = [0, 1].map(|number| plan.worker(number, gates[number].address()));
        let addresses = |side: &[Role; 2]| side.each_ref().map(|role| role.address);
        let proxy = Proxy::open(addresses(&command), addresses(&query)).await;
        let api = Api::new(&format!("http://{}", proxy.address), "");
        Self {
            api,
            _proxy: proxy,
            command,
            query,
            projectors,
            workers,
            gates,
            event_store,
            nats,
            postgres,
            database,
            home,
        }
    }

    /// Another projector, not started, for other read models.
    pub(crate) fn another_projector(&self, database: &str) -> Role {
        let role = Role::new(self.home.folder(), "projector-of-a-replay", Path::new(PROGRAM));
        let settings =
            [("LEAFCUTTER_EVENT_STORE", self.log_address()), ("LEAFCUTTER_DATABASE", database.to_owned())];
        role.arguments(["projector"]).settings(settings)
    }

    /// A third worker, not started, with a way to the broker of its own.
    pub(crate) fn another_worker(&self) -> Role {
        let worker = Role::new(self.home.folder(), "worker-2", Path::new(PROGRAM)).arguments(["worker"]);
        let data = worker.folder().join("data").display().to_string();
        let broker = format!("nats://worker-2:{BROKER_PASSWORD}@{}", self.nats.address());
        let worker = worker.settings_of(&self.workers[1]);
        worker.settings([("LEAFCUTTER_DATA_DIR", data), ("LEAFCUTTER_DISPATCH", broker)])
    }

    /// Where the log is.
    pub(crate) fn log_address(&self) -> String {
        log_address(self.event_store.address)
    }

    /// All processes of the program.
    pub(crate) fn roles(&mut self) -> impl Iterator<Item = &mut Role> {
        let Self { command, query, projectors, workers, .. } = self;
        command.iter_mut().chain(query).chain(projectors).chain(workers)
    }

    /// Waits until every role can do its work.
    pub(crate) async fn ready(&mut self) {
        for role in self.roles() {
            role.ready().await;
        }
    }

    /// Opens the account that the tests use.
    pub(crate) async fn open_account(&mut self) {
        self.api = self.api.another_account(CREDITS).await;
    }

    /// The client of the tests' account at one process.
    pub(crate) fn at(&self, role: &Role) -> Api {
        role.api.with_key(self.api.key())
    }

    pub(crate) async fn start_event_store(&mut self) {
        self.event_store.start().await;
        let taken = async || TcpStream::connect(self.event_store.address).await.ok();
        super::eventually("the event store takes connections", PATIENCE, taken).await;
    }

    /// Ends a part as `kill -9` does.
    pub(crate) async fn kill(&mut self, part: Part) {
        match part {
            Part::CommandApi(number) => self.command[number].kill().await,
            Part::QueryApi(number) => self.query[number].kill().await,
            Part::Projector(number) => self.projectors[number].kill().await,
            Part::Worker(number) => self.workers[number].kill().await,
            Part::EventStore => self.event_store.kill().await,
            Part::Nats => self.nats.kill().await,
            Part::Postgres => self.postgres.kill().await,
        }
    }

    /// Starts a part again where it was.
    pub(crate) async fn restart(&mut self, part: Part) {
        match part {
            Part::CommandApi(number) => self.command[number].start().await,
            Part::QueryApi(number) => self.query[number].start().await,
            Part::Projector(number) => self.projectors[number].start().await,
            Part::Worker(number) => self.workers[number].start().await,
            Part::EventStore => self.start_event_store().await,
            Part::Nats => self.nats.restart().await,
            Part::Postgres => self.postgres.restart().await,
        }
    }

    /// Stops every role, which each must do well.
    pub(crate) async fn stop(&mut self) {
        for role in self.roles() {
            role.stop().await;
        }
    }
}
