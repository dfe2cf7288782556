//! Leafcutter as it runs on several machines: two processes of each role behind a proxy, on PostgreSQL, nats-server
//! and the server that stands in for EventStoreDB. Each part can be ended and started again at its address.

use super::{Api, Home, PATIENCE, Proxy, Role, options::ADMIN_TOKEN};
use leafcutter_test_servers::{Nats, Postgres, S3, TcpGate};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use tokio::net::TcpStream;

/// The key that all replicas share.
const SECRET_KEY: &str = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e";
/// Credits a month of the account that the tests use.
const CREDITS: u64 = 10_000;
/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_leafcutter");
/// The user of the broker that may hear everything, for tests.
pub(crate) const LISTENER: &str = "listener";
/// Of every user of the broker.
pub(crate) const BROKER_PASSWORD: &str = "broker-password-of-the-tests";

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

/// What the processes of a cluster are told.
struct Plan<'a> {
    options: &'a ClusterOptions,
    home: &'a Path,
    database: &'a str,
    event_store: SocketAddr,
}

impl Plan<'_> {
    /// A process that may use everything.
    fn role(&self, kind: &str, number: usize, broker: SocketAddr) -> Role {
        let role = self.either(kind, number, S3::OWNER).settings([
            ("LEAFCUTTER_EVENT_STORE", log_address(self.event_store)),
            ("LEAFCUTTER_DATABASE", self.database.to_owned()),
            ("LEAFCUTTER_DISPATCH", format!("nats://command:{BROKER_PASSWORD}@{broker}")),
        ]);
        role.settings([
            ("LEAFCUTTER_NATS_INBOX_PREFIX", "_INBOX.command"),
            ("LEAFCUTTER_SECRET_KEY", SECRET_KEY),
            ("LEAFCUTTER_ADMIN_TOKEN", ADMIN_TOKEN),
            ("LEAFCUTTER_RATE_LIMIT", "0"),
        ])
        .settings([("LEAFCUTTER_SLOTS", (2 * self.options.slots).to_string())])
    }

    /// A worker, which is told nothing but its way to the broker and to the objects.
    fn worker(&self, number: usize, broker: SocketAddr) -> Role {
        let worker = self.either("worker", number, S3::PUT_ONLY);
        let user = format!("worker-{}", number + 1);
        let data = worker.folder().join("data").display().to_string();
        worker.settings([
            ("LEAFCUTTER_DISPATCH", format!("nats://{user}:{BROKER_PASSWORD}@{broker}")),
            ("LEAFCUTTER_NATS_INBOX_PREFIX", format!("_INBOX.{user}")),
            ("LEAFCUTTER_DATA_DIR", data),
            ("LEAFCUTTER_CONCURRENCY", self.options.slots.to_string()),
        ])
    }

    fn either(&self, kind: &str, number: usize, (id, secret): (&str, &str)) -> Role {
        let folder = self.home.join("objects");
        fs::create_dir_all(&folder).unwrap();
        let role = Role::new(self.home, &format!("{kind}-{number}"), Path::new(PROGRAM)).arguments([kind]);
        let objects = self.options.bucket.clone().unwrap_or_else(|| format!("file://{}", folder.display()));
        role.settings([
            ("LEAFCUTTER_OBJECTS", objects),
            ("LEAFCUTTER_ALLOW_TARGETS", self.options.allow_targets.clone()),
            ("LEAFCUTTER_ITEM_TIMEOUT", self.options.item_timeout_s.to_string()),
        ])
        .settings([
            ("LEAFCUTTER_LOG", self.options.log),
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ])
    }
}

fn log_address(event_store: SocketAddr) -> String {
    format!("esdb://{event_store}?tls=false")
}

/// The users of the broker and their rights, as they are shipped, and one who may hear everything.
fn broker_users() -> String {
    let shipped = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/nats.conf")).unwrap();
    let (_, users) = shipped.split_once("\nauthorization").expect("the broker's file has users");
    let known = ["$NATS_COMMAND_PASSWORD", "$NATS_WORKER_1_PASSWORD", "$NATS_WORKER_2_PASSWORD"];
    let users = known.iter().fold(users.to_owned(), |users, name| users.replace(name, BROKER_PASSWORD));
    let listener = format!("users = [{{ user: {LISTENER}, password: {BROKER_PASSWORD} }}");
    format!("authorization{}", users.replacen("users = [", &listener, 1))
}

fn event_store(home: &Path) -> Role {
    let role = Role::new(home, "event-store", &stand_in());
    let journal = role.folder().join("journal").display().to_string();
    role.arguments(["--journal", &journal])
}

/// The server that stands in for EventStoreDB. It is of another package, whose programs the build of these tests does
/// not know; but it is built beside the one that they know.
fn stand_in() -> PathBuf {
    let program = Path::new(PROGRAM).with_file_name("leafcutter-eventstoredb-stand-in");
    assert!(
        program.is_file(),
        "{} is not built: run `cargo build -p leafcutter-eventstoredb-stand-in`, or `make test`, which builds it",
        program.display()
    );
    program
}
