//! What the processes of a cluster are told: the settings that an operator would give them, users and rights as they
//! are shipped. Starting and ending them is beside.

use super::ClusterOptions;
use crate::harness::{Role, options::ADMIN_TOKEN};
use leafcutter_test_servers::S3;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// The key that all replicas share.
const SECRET_KEY: &str = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e";
/// The user of the broker that may hear everything, for tests.
pub(crate) const LISTENER: &str = "listener";
/// Of every user of the broker.
pub(crate) const BROKER_PASSWORD: &str = "broker-password-of-the-tests";
/// The program.
pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_leafcutter");

/// What the processes of a cluster are told.
pub(super) struct Plan<'a> {
    pub(super) options: &'a ClusterOptions,
    pub(super) home: &'a Path,
    pub(super) database: &'a str,
    pub(super) event_store: SocketAddr,
}

impl Plan<'_> {
    /// A process that may use everything.
    pub(super) fn role(&self, kind: &str, number: usize, broker: SocketAddr) -> Role {
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
    pub(super) fn worker(&self, number: usize, broker: SocketAddr) -> Role {
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

pub(super) fn log_address(event_store: SocketAddr) -> String {
    format!("esdb://{event_store}?tls=false")
}

/// The users of the broker and their rights, as they are shipped, and one who may hear everything.
pub(super) fn broker_users() -> String {
    let shipped = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/nats.conf")).unwrap();
    let (_, users) = shipped.split_once("\nauthorization").expect("the broker's file has users");
    let known = ["$NATS_COMMAND_PASSWORD", "$NATS_WORKER_1_PASSWORD", "$NATS_WORKER_2_PASSWORD"];
    let users = known.iter().fold(users.to_owned(), |users, name| users.replace(name, BROKER_PASSWORD));
    let listener = format!("users = [{{ user: {LISTENER}, password: {BROKER_PASSWORD} }}");
    format!("authorization{}", users.replacen("users = [", &listener, 1))
}

pub(super) fn event_store(home: &Path) -> Role {
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
