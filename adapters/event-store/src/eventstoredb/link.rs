//! The way to the server: one connection, made when it is needed, to the node that leads, and made anew when it
//! fails. Every call goes through `call`, which has a deadline. Not here: what is asked.

use super::{
    connection_string::{HostPort, Settings},
    discover,
    failure::{Cause, Failure},
};
use leafcutter_eventstoredb_protocol::streams::streams_client::StreamsClient;
use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout, timeout_at},
};
use tonic::{
    Request, Status,
    metadata::MetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, ClientTlsConfig, Endpoint},
};

/// How long one connection may take to be made.
const CONNECT_TIMEOUT_MS: u64 = 2_000;
/// The largest answer: 16 MiB is the largest event of any server, and something around it.
const MESSAGE_BYTES_MAX: usize = 17 * 1024 * 1024;
/// What may be on its way before the server waits: one connection carries appends and subscriptions together.
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// Times that one call follows to another leader or connects anew.
const TURNS_MAX: u32 = 10;

/// What is beside every call: who calls, and that only the leader may answer.
#[derive(Clone)]
pub(super) struct Headers(Settings);

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let headers = request.metadata_mut();
        headers.insert("requires-leader", MetadataValue::from_static("true"));
        headers.insert("connection-name", self.0.connection_name.clone());
        if let Some(authorization) = &self.0.authorization {
            headers.insert("authorization", authorization.clone());
        }
        Ok(request)
    }
}

pub(super) type Client = StreamsClient<InterceptedService<Channel, Headers>>;

/// A connection to one node.
#[derive(Clone)]
struct Node {
    channel: Channel,
    /// Tells this connection from later ones.
    number: u64,
}

#[derive(Default)]
struct State {
    node: Option<Node>,
    made: u64,
    /// Why the last round of connecting failed.
    failure: String,
}

pub(super) struct Link {
    settings: Settings,
    state: Mutex<State>,
    /// Rounds of connecting that failed.
    failed: AtomicU64,
}

impl Link {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, state: Mutex::default(), failed: AtomicU64::new(0) }
    }

    /// Asks the leader, wherever it is. Asks again only where the server has surely done nothing.
    pub(super) async fn call<T, F>(&self, ask: impl Fn(Client) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let deadline = Instant::now() + self.settings.deadline;
        let mut turns = 0;
        loop {
            let unreached = |_| Failure::NotSent(Cause::Unanswered(self.settings.deadline));
            let node = timeout_at(deadline, self.node()).await.map_err(unreached)??;
            let asked = timeout_at(deadline, ask(self.client(node.channel.clone()))).await;
            let failure = match asked {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::Unknown(Cause::Unanswered(self.settings.deadline)),
            };
            turns += 1;
            match failure {
                Failure::NotLeader(leader) if turns < TURNS_MAX => self.follow(&node, leader).await,
                Failure::NotSent(_) if turns < TURNS_MAX => self.forget(&node).await,
                Failure::NotLeader(_) | Failure::NotSent(_) | Failure::Unknown(_) => {
                    self.forget(&node).await;
                    return Err(failure);
                }
                Failure::NotDone(_) | Failure::TooLarge { .. } => return Err(failure),
            }
        }
    }

    fn client(&self, channel: Channel) -> Client {
        StreamsClient::with_interceptor(channel, Headers(self.settings.clone()))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The connection, made now if there is none.
    async fn node(&self) -> Result<Node, Failure> {
        let failed = self.failed.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some(node) = &state.node {
            return Ok(node.clone());
        }
        // Whoever has waited for another's vain try does not try for as long again.
        if self.failed.load(Ordering::Acquire) != failed {
            return Err(Failure::NotSent(Cause::NotReached(state.failure.clone())));
        }
        match self.connect().await {
            Ok(channel) => Ok(state.keep(channel)),
            Err(cause) => {
                state.failure = cause.to_string();
                self.failed.fetch_add(1, Ordering::Release);
                Err(Failure::NotSent(cause))
            }
        }
    }

    /// Tries the candidates, round after round.
    async fn connect(&self) -> Result<Channel, Cause> {
        let mut round = 0;
        loop {
            let failed = match self.connect_once().await {
                Ok(channel) => return Ok(channel),
                Err(failed) => failed,
            };
            round += 1;
            if round >= self.settings.discover_attempts_max {
                return Err(failed);
            }
            sleep(self.settings.discovery_interval).await;
        }
    }

    async fn connect_once(&self) -> Result<Channel, Cause> {
        let found;
        let candidates = if self.settings.discover {
            found = discover::candidates(&self.settings).await?;
            &found
        } else {
            &self.settings.hosts
        };
        let mut failed = Cause::NoLeader;
        for candidate in candidates {
            match dial(&self.settings, candidate).await {
                Ok(channel) => return Ok(channel),
                Err(cause) => failed = cause,
            }
        }
        Err(failed)
    }

    /// Goes over to the node that is said to lead.
    async fn follow(&self, from: &Node, leader: HostPort) {
        tracing::info!(%leader, "another EventStoreDB node leads now");
        let mut state = self.state.lock().await;
        if !state.is_at(from) {
            return;
        }
        state.node = None;
        match dial(&self.settings, &leader).await {
            Ok(channel) => drop(state.keep(channel)),
            Err(_) => {
                // It is said to lead and does not answer: the cluster is about to elect another one.
                drop(state);
                sleep(self.settings.discovery_interval).await;
            }
        }
    }

    async fn forget(&self, node: &Node) {
        let mut state = self.state.lock().await;
        if state.is_at(node) {
            state.node = None;
        }
    }
}

impl State {
    fn keep(&mut self, channel: Channel) -> Node {
        self.made += 1;
        let node = Node { channel, number: self.made };
        self.node = Some(node.clone());
        node
    }

    fn is_at(&self, node: &Node) -> bool {
        self.node.as_ref().is_some_and(|own| own.number == node.number)
    }
}

/// Connects to a node.
pub(super) async fn dial(settings: &Settings, address: &HostPort) -> Result<Channel, Cause> {
    let unreachable = |source| Cause::Unreachable { address: address.clone(), source };
    let endpoint = endpoint(settings, address).map_err(|error| unreachable(error.into()))?;
    match timeout(Duration::from_millis(CONNECT_TIMEOUT_MS), endpoint.connect()).await {
        Ok(Ok(channel)) => Ok(channel),
        Ok(Err(error)) => Err(unreachable(error.into())),
        Err(elapsed) => Err(unreachable(elapsed.into())),
    }
}

fn endpoint(settings: &Settings, address: &HostPort) -> Result<Endpoint, tonic::transport::Error> {
    let scheme = if settings.tls { "https" } else { "http" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))?
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS))
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES);
    if let Some(interval) = settings.keep_alive_interval {
        endpoint = endpoint
            .http2_keep_alive_interval(interval)
            .keep_alive_timeout(settings.keep_alive_timeout)
            .keep_alive_while_idle(true);
    }
    if settings.tls {
        let tls = ClientTlsConfig::new();
        let tls = match &settings.authority {
            Some(authority) => tls.ca_certificate(authority.clone()),
            None => tls.with_native_roots(),
        };
        endpoint = endpoint.tls_config(tls)?;
    }
    Ok(endpoint)
}
