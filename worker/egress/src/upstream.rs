//! Connections to targets: dial a checked address, speak HTTP/1.1 on it, use it again.
//!
//! **Not allowed here:** deciding what may be reached. [`Policy::resolve`](crate::Policy::resolve)
//! answers addresses, and exactly those are dialled, with no second look-up. An upstream proxy is
//! `pools`' affair: it is told the same address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::either::Either;

use crate::item::Item;
use crate::meter::MeteredStream;
use crate::policy::Target;
use crate::refusal::{Refusal, Step};

/// Addresses of one name that are tried before giving up.
pub(crate) const DIAL_ADDRESSES_MAX: usize = 3;
/// How long a kept connection may take to become ready again, in milliseconds. Its last response
/// has been read, so it is ready at once unless the target is still taking a request's body.
const REUSE_WAIT_MS: u64 = 20;
/// Bytes that the head of a message may have; Chromium's own limit for a response.
pub(crate) const HEAD_BYTES_MAX: usize = 256 * 1024;
/// Header lines that a message may have; hyper's own limit of 100 refuses some real sites.
pub(crate) const HEADER_LINES_MAX: usize = 256;

/// The body of a request on its way to a target.
pub(crate) type RequestBody = http_body_util::Either<Empty<Bytes>, Incoming>;

/// A connection that waits for its next request.
pub(crate) struct IdleConnection {
    sender: SendRequest<RequestBody>,
    since: Instant,
}

/// A connection in use. Dropped before it is given back, it is closed.
pub(crate) struct Lease {
    sender: SendRequest<RequestBody>,
    target: Target,
    item: Arc<Item>,
}

impl Lease {
    /// Gives the connection back once its response has been read to the end.
    pub(crate) fn give_back(self) {
        if !self.sender.is_closed() {
            let connection = IdleConnection { sender: self.sender, since: Instant::now() };
            self.item.keep_idle(self.target, connection);
        }
    }
}

/// Connects to a target: resolves, checks, and dials what was checked, by the item's route if it has one.
pub(crate) async fn dial(item: &Arc<Item>, target: &Target) -> Result<MeteredStream, Refusal> {
    let host = target.host();
    let mut addresses = item.policy.resolve_target(target).await?;
    addresses.truncate(DIAL_ADDRESSES_MAX);
    let stream = match &item.route {
        None => Either::Left(dial_from_here(item, &host, &addresses).await?),
        Some(route) => Either::Right(route.dial(item, &host, addresses).await?),
    };
    Ok(MeteredStream::new(stream, Arc::clone(item), host))
}

async fn dial_from_here(item: &Item, host: &str, addresses: &[SocketAddr]) -> Result<TcpStream, Refusal> {
    let limit = item.limits.dial_timeout;
    let mut failure = Refusal::Connect { host: host.to_owned() };
    for address in addresses {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without it small writes wait for an acknowledgement; a failure costs only time.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => tracing::debug!(%address, %error, "dial failed"),
            Err(_) => {
                failure = Refusal::Timeout { host: host.to_owned(), step: Step::Connect, after: limit };
            }
        }
    }
    Err(failure)
}

/// Sends a request and waits for the head of its response, on a kept connection if there is one.
pub(crate) async fn exchange(
    item: &Arc<Item>,
    target: Target,
    request: Request<RequestBody>,
) -> Result<(Response<Incoming>, Lease), Refusal> {
    let limit = item.limits.headers_timeout;
    let host = target.host();
    match timeout(limit, exchange_unbounded(item, target, request)).await {
        Ok(Err(_)) if item.meter.exhausted() => Err(item.too_large(&host)),
        Ok(outcome) => outcome,
        Err(_) => Err(Refusal::Timeout { host, step: Step::Answer, after: limit }),
    }
}

async fn exchange_unbounded(
    item: &Arc<Item>,
    target: Target,
    mut request: Request<RequestBody>,
) -> Result<(Response<Incoming>, Lease), Refusal> {
    if let Some(mut sender) = take_ready(item, &target).await {
        // The target may close a kept connection just now. Then nothing was answered, and what
        // can be sent again without harm goes over a new connection.
        let spare = repeatable(&request).then(|| request.clone_head());
        match sender.try_send_request(request).await {
            Ok(response) => return Ok((response, lease(sender, target, item))),
            Err(mut failed) => match failed.take_message().or(spare) {
                Some(again) => request = again,
                None => return Err(Refusal::Connect { host: target.host() }),
            },
        }
    }
    let mut sender = connect(item, &target).await?;
    match sender.send_request(request).await {
        Ok(response) => Ok((response, lease(sender, target, item))),
        Err(error) => {
            tracing::debug!(host = target.host(), %error, "no usable response");
            Err(Refusal::Connect { host: target.host() })
        }
    }
}

fn lease(sender: SendRequest<RequestBody>, target: Target, item: &Arc<Item>) -> Lease {
    Lease { sender, target, item: Arc::clone(item) }
}

/// A kept connection that is still good, the most recently used one first.
async fn take_ready(item: &Item, target: &Target) -> Option<SendRequest<RequestBody>> {
    while let Some(IdleConnection { mut sender, since }) = item.take_idle(target) {
        if sender.is_closed() || since.elapsed() > item.limits.idle_timeout {
            continue;
        }
        if let Ok(Ok(())) = timeout(Duration::from_millis(REUSE_WAIT_MS), sender.ready()).await {
            return Some(sender);
        }
    }
    None
}

async fn connect(item: &Arc<Item>, target: &Target) -> Result<SendRequest<RequestBody>, Refusal> {
    let stream = dial(item, target).await?;
    // Header names keep their spelling, because targets tell browsers apart by it.
    let handshake = Builder::new()
        .preserve_header_case(true)
        .title_case_headers(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .max_headers(HEADER_LINES_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await;
    let (sender, connection) = handshake.map_err(|_| Refusal::Connect { host: target.host() })?;
    item.spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "connection to a target ended");
        }
    });
    Ok(sender)
}

/// Whether a request may be sent twice: it changes nothing and has no body to lose.
fn repeatable(request: &Request<RequestBody>) -> bool {
    request.method().is_safe() && request.body().is_end_stream()
}

trait CloneHead {
    /// The same request without its body.
    fn clone_head(&self) -> Self;
}

impl CloneHead for Request<RequestBody> {
    fn clone_head(&self) -> Self {
        let mut copy = Request::new(RequestBody::Left(Empty::new()));
        *copy.method_mut() = self.method().clone();
        *copy.uri_mut() = self.uri().clone();
        copy.headers_mut().clone_from(self.headers());
        *copy.extensions_mut() = self.extensions().clone();
        copy
    }
}
