//! The listener of one browser slot, and the life of its connections.
//!
//! **Not allowed here:** what a request means; that is `forward`'s and `tunnel`'s.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::forward;
use crate::item::Item;
use crate::meter::{Limits, Usage};
use crate::policy::Policy;
use crate::pools::Route;
use crate::refusal::Refusal;
use crate::upstream::{HEAD_BYTES_MAX, HEADER_LINES_MAX};

/// The header of a refused request's answer; its value is [`Refusal::code`].
pub const REFUSAL_HEADER: &str = "x-leafcutter-refusal";

/// Client connections of one slot at a time, tunnels included; more wait to be accepted.
/// Chromium opens at most 32 to a proxy, and 255 WebSockets.
const CONNECTIONS_MAX: usize = 300;
/// Pause after the system refused to accept, mostly for want of file handles, in milliseconds.
const ACCEPT_RETRY_MS: u64 = 50;

/// A proxy on loopback for one browser slot. Dropped without [`Proxy::shutdown`] it stops as well,
/// without waiting for its tasks.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    slot: Arc<Slot>,
}

#[derive(Debug)]
struct Slot {
    policy: Policy,
    limits: Limits,
    stop: CancellationToken,
    tasks: TaskTracker,
    item: Mutex<Arc<Item>>,
}

impl Proxy {
    /// Binds a free port of 127.0.0.1 and begins to serve; the first item has begun.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn start(policy: Policy, limits: Limits) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let item = Item::new(policy.clone(), limits, None, stop.child_token(), tasks.clone());
        let item = Mutex::new(Arc::new(item));
        let slot = Arc::new(Slot { policy, limits, stop, tasks, item });
        let accept = slot.stop.clone().run_until_cancelled_owned(accept(listener, Arc::clone(&slot)));
        drop(slot.tasks.spawn(accept));
        Ok(Self { address, slot })
    }

    /// Where the browser finds this proxy.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins the next item: counters and refusals start again, and every connection left over
    /// from the item before is cut, with its connections to targets. Targets are dialled from here.
    pub fn begin_item(&self) {
        self.begin(None);
    }

    /// Begins the next item as [`Proxy::begin_item`] does; every connection of it goes by this route.
    pub fn begin_item_through(&self, route: Route) {
        self.begin(Some(route));
    }

    fn begin(&self, route: Option<Route>) {
        let slot = &self.slot;
        let next =
            Item::new(slot.policy.clone(), slot.limits, route, slot.stop.child_token(), slot.tasks.clone());
        let mut current = slot.item.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, Arc::new(next));
        drop(current);
        before.end();
    }

    /// What the current item has used.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.slot.item().meter.usage()
    }

    /// The first refusal of a host for the current item, in any spelling of the host. Chromium
    /// says `ERR_TUNNEL_CONNECTION_FAILED` for all of them; this says which.
    #[must_use]
    pub fn refusal_for(&self, host: &str) -> Option<Refusal> {
        self.slot.item().refusal_for(host)
    }

    /// Closes the listener and every connection, and waits until all tasks have ended.
    pub async fn shutdown(self) {
        self.slot.stop.cancel();
        self.slot.item().end();
        self.slot.tasks.close();
        self.slot.tasks.wait().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.slot.stop.cancel();
    }
}

impl Slot {
    fn item(&self) -> Arc<Item> {
        Arc::clone(&self.item.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes a permit, then a connection, and serves it for the item that is current by then.
async fn accept(listener: TcpListener, slot: Arc<Slot>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let item = slot.item();
                item.spawn(serve(stream, Arc::clone(&item), Arc::new(permit)));
            }
            Err(error) => {
                tracing::warn!(%error, "egress listener could not accept; trying again");
                tokio::time::sleep(Duration::from_millis(ACCEPT_RETRY_MS)).await;
            }
        }
    }
}

/// Serves one client connection; a tunnel that comes of it keeps the permit.
async fn serve(stream: TcpStream, item: Arc<Item>, permit: Arc<OwnedSemaphorePermit>) {
    // Without it small writes wait for an acknowledgement; a failure costs only time.
    let _ = stream.set_nodelay(true);
    let idle = item.limits.idle_timeout;
    let service = service_fn(|request| {
        let answer = forward::answer(Arc::clone(&item), Arc::clone(&permit), request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .preserve_header_case(true)
        .auto_date_header(false)
        .max_headers(HEADER_LINES_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "client connection ended");
    }
}
