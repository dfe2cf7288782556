//! nats-server for a test, with JetStream on. Which streams and buckets it holds is the test's own.

use crate::{
    START_ATTEMPTS_MAX,
    child::{self, Child, Terms},
    free_port, programs,
};
use rustix::process::Signal;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};
use tempfile::TempDir;
use tokio::{io::AsyncReadExt, net::TcpStream, sync::Mutex};

/// What the server says first to everybody who connects.
const GREETING: &[u8] = b"INFO ";

/// A nats-server. Dropping it ends the server and removes its folder.
#[derive(Debug)]
pub struct Nats {
    address: SocketAddr,
    /// None between a kill and a restart. Before the folder, so that the server is gone when that is removed.
    server: Mutex<Option<Child>>,
    folder: TempDir,
}

impl Nats {
    /// The one server of all tests of this process that run at the time; the last handle ends it.
    ///
    /// # Panics
    /// When no server is installed or it does not start.
    pub async fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Nats>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&server);
        server
    }

    /// Starts a server of its own that lets everybody in.
    ///
    /// # Panics
    /// When no server is installed or it does not start.
    pub async fn start() -> Self {
        Self::with_config("").await
    }

    /// Starts a server of its own with more lines in its configuration file, such as users and permissions.
    ///
    /// # Panics
    /// When no server is installed or it does not start.
    pub async fn with_config(extra: &str) -> Self {
        let folder = TempDir::with_prefix("leafcutter-nats-").expect("a temporary folder can be made");
        for _ in 0..START_ATTEMPTS_MAX {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
            write_config(folder.path(), address, extra);
            if let Some(server) = launch(folder.path(), address).await {
                return Self { address, server: Mutex::new(Some(server)), folder };
            }
        }
        panic!("nats-server does not start:\n{}", child::last_words(&log_file(folder.path())))
    }

    /// `nats://127.0.0.1:PORT`, also while it is down.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
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

    /// Ends the server as `kill -9` does, and waits until it is gone.
    ///
    /// # Panics
    /// When it is not gone in time.
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
            "nats-server does not come back:\n{}",
            child::last_words(&log_file(self.folder.path()))
        );
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Some(server) = self.server.get_mut().take() {
            server.stop(Signal::KILL);
        }
    }
}

fn write_config(folder: &Path, address: SocketAddr, extra: &str) {
    let store = folder.join("store");
    let config = format!(
        "listen: \"{address}\"\njetstream {{\n  store_dir: \"{}\"\n  max_memory_store: 256MB\n  \
         max_file_store: 1GB\n}}\n{extra}\n",
        store.display()
    );
    fs::write(config_file(folder), config).expect("a temporary folder can be written to");
}

/// Starts the server and waits until it greets; nothing when it has ended before.
async fn launch(folder: &Path, address: SocketAddr) -> Option<Child> {
    let terms = Terms { user: None, death_signal: "KILL" };
    let mut command = child::command(&programs::nats(), terms, &log_file(folder));
    command.arg("--config").arg(config_file(folder));
    child::once_ready("nats-server", Child::spawn(command), &log_file(folder), async || {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let mut greeting = [0; GREETING.len()];
        stream.read_exact(&mut greeting).await.ok()?;
        (greeting == GREETING).then_some(())
    })
    .await
}

fn config_file(folder: &Path) -> PathBuf {
    folder.join("nats.conf")
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("nats.log")
}
