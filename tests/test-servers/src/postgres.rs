//! PostgreSQL for a test: fast instead of durable against a power cut (a killed server still keeps what it has
//! committed), open to everybody on loopback. What is in its databases is the test's own.

use crate::{
    START_ATTEMPTS_MAX, TcpGate,
    child::{self, Child, Terms},
    free_port, programs,
};
use rustix::process::Signal;
use sqlx::{Connection, Executor, PgConnection};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::chown,
    path::{Path, PathBuf},
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// The superuser of the server.
const USER: &str = "leafcutter";
/// The settings: nothing is forced to the disk, nothing is shared outside the folder, memory for many small servers.
const SETTINGS: [&str; 12] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "max_connections=200",
    "dynamic_shared_memory_type=mmap",
    "autovacuum_naptime=1h",
    "max_wal_size=64MB",
    "log_checkpoints=off",
    "timezone=UTC",
    "lc_messages=C",
];
/// The signal for an immediate shutdown: what is committed is kept in the log, and nobody is waited for.
const IMMEDIATE: Signal = Signal::QUIT;

/// A PostgreSQL server. Dropping it ends the server and removes its folder.
#[derive(Debug)]
pub struct Postgres {
    address: SocketAddr,
    databases: AtomicU32,
    /// None between a kill and a restart. Before the folder, so that the server is gone when that is removed.
    server: Mutex<Option<Child>>,
    folder: TempDir,
}

impl Postgres {
    /// The one server of all tests of this process that run at the time; the last handle ends it.
    ///
    /// # Panics
    /// When no server is installed or it does not start.
    pub async fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&server);
        server
    }

    /// Starts a server of its own.
    ///
    /// # Panics
    /// When no server is installed or it does not start.
    pub async fn start() -> Self {
        let folder = TempDir::with_prefix("leafcutter-postgres-").expect("a temporary folder can be made");
        if let Some((user, group)) = programs::unprivileged() {
            chown(folder.path(), Some(user), Some(group)).expect("root can give a folder away");
        }
        let log = folder.path().join("initdb.log");
        let mut initdb = child::command(&programs::postgres("initdb"), terms("KILL"), &log);
        initdb.arg("-D").arg(data(folder.path()));
        initdb.args(["--no-sync", "--auth=trust", "--no-locale", "--encoding=UTF8", "--wal-segsize=1"]);
        initdb.args(["--username", USER]);
        assert!(child::run(initdb).await, "initdb failed:\n{}", child::last_words(&log));
        let access = "host all all 127.0.0.1/32 trust\n";
        fs::write(data(folder.path()).join("pg_hba.conf"), access).expect("a new folder can be written to");
        for _ in 0..START_ATTEMPTS_MAX {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
            if let Some(server) = launch(folder.path(), address).await {
                let server = Mutex::new(Some(server));
                return Self { address, databases: AtomicU32::new(0), server, folder };
            }
        }
        panic!("PostgreSQL does not start:\n{}", child::last_words(&log_file(folder.path())))
    }

    /// Makes a fresh empty database and gives its URL, `postgres://USER@127.0.0.1:PORT/NAME`.
    ///
    /// # Panics
    /// When the server is down.
    pub async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut connection =
            PgConnection::connect(&url(self.address, "postgres")).await.expect("PostgreSQL is up");
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        connection.execute(create).await.expect("a superuser can make a database");
        connection.close().await.expect("a connection can be closed");
        url(self.address, &name)
    }

    /// The URL of a database of this server by way of a gate.
    #[must_use]
    pub fn through(&self, gate: &TcpGate, database_url: &str) -> String {
        database_url.replace(&self.address.to_string(), &gate.address().to_string())
    }

    /// Where the server listens, also while it is down.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that the server writes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the server and its children as `kill -9` does, and waits until they are gone.
    ///
    /// # Panics
    /// When they are not gone in time.
    pub async fn kill(&self) {
        if let Some(server) = self.server.lock().await.take() {
            server.kill().await;
        }
    }

    /// Ends the server, if it is up, and starts it again on the same port and folder.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&self) {
        let mut server = self.server.lock().await;
        if let Some(server) = server.take() {
            server.kill().await;
        }
        *server = launch(self.folder.path(), self.address).await;
        assert!(
            server.is_some(),
            "PostgreSQL does not come back:\n{}",
            child::last_words(&log_file(self.folder.path()))
        );
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(server) = self.server.get_mut().take() {
            server.stop(IMMEDIATE);
        }
    }
}

/// Starts the server and waits until it answers; nothing when it has ended before.
async fn launch(folder: &Path, address: SocketAddr) -> Option<Child> {
    let log = log_file(folder);
    let mut command = child::command(&programs::postgres("postgres"), terms("QUIT"), &log);
    command.arg("-D").arg(data(folder)).args(["-p", &address.port().to_string()]);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    child::once_ready("PostgreSQL", Child::spawn(command), &log, async || {
        let connection = PgConnection::connect(&url(address, "postgres")).await.ok()?;
        connection.close().await.ok()
    })
    .await
}

fn terms(death_signal: &'static str) -> Terms {
    Terms { user: programs::unprivileged(), death_signal }
}

fn url(address: SocketAddr, database: &str) -> String {
    format!("postgres://{USER}@{address}/{database}?sslmode=disable")
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("postgres.log")
}
