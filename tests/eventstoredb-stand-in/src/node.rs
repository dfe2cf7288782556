//! One node: its address, its connections, and the handle through which a test starts, breaks and stops it.

use crate::{
    cluster::Cluster,
    faults::{End, Fault},
    log::Log,
    service::Service,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};
use tonic::service::Routes;

/// How long a restarted node waits for its port to be free again, and how often it looks.
const REBIND_TRIES: u32 = 500;
const REBIND_EVERY_MS: u64 = 10;

/// How a node is set up.
#[derive(Clone)]
pub struct Options {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The file that outlives the process; without one everything is in memory.
    pub journal: Option<PathBuf>,
    /// User and password that every call must carry.
    pub credentials: Option<(String, String)>,
    /// Whether commit and prepare positions differ, as for events of old explicit transactions.
    pub split_positions: bool,
    /// Its certificate and key; without them it speaks without TLS.
    pub tls: Option<Arc<ServerConfig>>,
}

impl Default for Options {
    fn default() -> Self {
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        Self { listen, journal: None, credentials: None, split_positions: false, tls: None }
    }
}

/// What the services of one node share.
pub(crate) struct Node {
    pub(crate) log: Arc<Log>,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) address: SocketAddr,
    /// The header that every call must carry.
    pub(crate) authorization: Option<String>,
    faults: Mutex<VecDeque<Fault>>,
    /// How the subscriptions that run now shall end; the number grows with each order.
    pub(crate) ends: watch::Sender<(u64, Option<End>)>,
    /// Grows when all connections shall break.
    cuts: watch::Sender<u64>,
    /// Subscriptions that were opened.
    pub(crate) subscribed: watch::Sender<u64>,
}

impl Node {
    pub(crate) fn next_fault(&self) -> Option<Fault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(crate) fn cut_connections(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

/// A running node. Dropping it kills it.
pub struct StandIn {
    node: Arc<Node>,
    tls: Option<Arc<ServerConfig>>,
    running: Mutex<Option<JoinHandle<()>>>,
}

impl StandIn {
    /// A node of its own on a free port of loopback, without credentials, in memory.
    ///
    /// # Errors
    /// The port or the journal cannot be opened.
    pub async fn start() -> io::Result<Self> {
        Self::with(Options::default()).await
    }

    /// A node of its own.
    ///
    /// # Errors
    /// The port or the journal cannot be opened.
    pub async fn with(options: Options) -> io::Result<Self> {
        let log = Arc::new(Log::open(options.journal.as_deref(), options.split_positions)?);
        Self::join(options, log, Arc::default()).await
    }

    /// Nodes that share one log; the first one leads.
    ///
    /// # Errors
    /// A port cannot be opened.
    pub async fn cluster(nodes: usize) -> io::Result<Vec<Self>> {
        let (log, cluster) = (Arc::new(Log::open(None, false)?), Arc::new(Cluster::default()));
        let mut started = Vec::with_capacity(nodes);
        for _ in 0..nodes {
            started.push(Self::join(Options::default(), Arc::clone(&log), Arc::clone(&cluster)).await?);
        }
        Ok(started)
    }

    async fn join(options: Options, log: Arc<Log>, cluster: Arc<Cluster>) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        cluster.join(address);
        let authorization = options
            .credentials
            .map(|(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))));
        let node = Node {
            log,
            cluster,
            address,
            authorization,
            faults: Mutex::default(),
            ends: watch::Sender::default(),
            cuts: watch::Sender::default(),
            subscribed: watch::Sender::default(),
        };
        let this = Self { node: Arc::new(node), tls: options.tls, running: Mutex::default() };
        this.run(listener);
        Ok(this)
    }

    fn run(&self, listener: TcpListener) {
        let acceptor = self.tls.clone().map(TlsAcceptor::from);
        let task = tokio::spawn(accept(listener, Arc::clone(&self.node), acceptor));
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.node.address
    }

    /// A connection string for it, without TLS and credentials.
    #[must_use]
    pub fn connection_string(&self) -> String {
        format!("esdb://{}?tls=false", self.node.address)
    }

    /// Orders faults for the next appends, one each.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.node.faults.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    /// Ends the subscriptions that run now.
    pub fn end_subscriptions(&self, end: End) {
        self.node.ends.send_modify(|ends| *ends = (ends.0 + 1, Some(end)));
    }

    /// The number of subscriptions opened so far, to wait on.
    #[must_use]
    pub fn subscribed(&self) -> watch::Receiver<u64> {
        self.node.subscribed.subscribe()
    }

    /// Breaks every connection, and stays.
    pub fn cut_connections(&self) {
        self.node.cut_connections();
    }

    /// Makes this node the leader of its cluster.
    pub fn lead(&self) {
        self.node.cluster.elect(self.node.address);
    }

    /// Breaks every connection and stops listening, as `kill -9` does. The log stays.
    pub async fn kill(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            running.abort();
            let _ = running.await;
        }
    }

    /// Listens again at the same address, on the log as it was.
    ///
    /// # Errors
    /// The port has been taken by somebody else.
    pub async fn restart(&self) -> io::Result<()> {
        self.kill().await;
        let mut tries = 0;
        let mut look = tokio::time::interval(Duration::from_millis(REBIND_EVERY_MS));
        let listener = loop {
            look.tick().await;
            match TcpListener::bind(self.node.address).await {
                Ok(listener) => break listener,
                Err(error) if tries >= REBIND_TRIES => return Err(error),
                Err(_) => tries += 1,
            }
        };
        self.run(listener);
        Ok(())
    }

    /// Runs until it is killed.
    pub async fn wait(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            let _ = running.await;
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if let Some(running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() {
            running.abort();
        }
    }
}

/// The connections live in a set of this task, so that they break when it is aborted.
async fn accept(listener: TcpListener, node: Arc<Node>, tls: Option<TlsAcceptor>) {
    let mut connections = JoinSet::new();
    let mut cuts = node.cuts.subscribe();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((connection, _)) = accepted else { continue };
                connections.spawn(serve(connection, Service::routes(Arc::clone(&node)), tls.clone()));
            }
            Ok(()) = cuts.changed() => connections.abort_all(),
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(connection: TcpStream, routes: Routes, tls: Option<TlsAcceptor>) {
    if connection.set_nodelay(true).is_err() {
        return;
    }
    match tls {
        None => speak(connection, routes).await,
        Some(tls) => {
            if let Ok(connection) = tls.accept(connection).await {
                speak(connection, routes).await;
            }
        }
    }
}

async fn speak(connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, routes: Routes) {
    let service = TowerToHyperService::new(routes);
    let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(connection), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection broke");
    }
}
