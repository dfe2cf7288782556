//! Plain requests: from absolute form to the target's own form, and the answer back.
//!
//! Also the place where a [`Refusal`] becomes an HTTP answer.
//!
//! **Not allowed here:** dialling, and bodies held in memory.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{Either, Empty, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use tokio::sync::OwnedSemaphorePermit;

use crate::body::{AnswerBody, TargetBody, response_too_large};
use crate::headers;
use crate::item::Item;
use crate::policy::Target;
use crate::proxy::REFUSAL_HEADER;
use crate::refusal::{Refusal, Step};
use crate::tunnel;
use crate::upstream::{self, Lease, RequestBody};

/// Answers one request of the client, whatever it asks for.
pub(crate) async fn answer(
    item: Arc<Item>,
    permit: Arc<OwnedSemaphorePermit>,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    item.meter.count_request();
    let Some(authority) = request.uri().authority().cloned() else {
        return text(StatusCode::BAD_REQUEST, "this is a proxy: send an absolute URL, or CONNECT");
    };
    let host = bare_host(&authority);
    match carry(&item, permit, &authority, request).await {
        Ok(response) => response,
        Err(refusal) => refused(&item.refuse(&host, refusal)),
    }
}

async fn carry(
    item: &Arc<Item>,
    permit: Arc<OwnedSemaphorePermit>,
    authority: &Authority,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Refusal> {
    let target = target(authority, &request)?;
    item.policy.check(&target)?;
    if item.meter.exhausted() {
        return Err(item.too_large(&target.host()));
    }
    if request.method() == Method::CONNECT {
        return tunnel::open(item, permit, &target, request).await;
    }
    forward(item, permit, target, request).await
}

/// Where a request goes. TLS to a target is the client's own, through `CONNECT`.
fn target(authority: &Authority, request: &Request<Incoming>) -> Result<Target, Refusal> {
    if authority.as_str().contains('@') {
        return Err(Refusal::UserInfo);
    }
    let default_port = match request.uri().scheme_str() {
        None if request.method() == Method::CONNECT => None,
        Some("http") if request.method() != Method::CONNECT => Some(80),
        other => return Err(Refusal::Scheme { scheme: other.unwrap_or_default().to_owned() }),
    };
    // `Authority::port` says nothing of a port that is no number; that must not become 80.
    let port = match &authority.as_str()[authority.host().len()..] {
        "" | ":" => default_port,
        given => given.strip_prefix(':').and_then(|digits| digits.parse().ok()),
    };
    Target::parse(authority.host(), port.ok_or(Refusal::Port { port: 0 })?)
}

async fn forward(
    item: &Arc<Item>,
    permit: Arc<OwnedSemaphorePermit>,
    target: Target,
    mut request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Refusal> {
    let websocket = headers::asks_for_websocket(request.headers());
    let client = websocket.then(|| hyper::upgrade::on(&mut request));
    let is_head = request.method() == Method::HEAD;
    let host = target.host();
    let outgoing = for_target(request, &target, websocket)?;
    let (mut response, lease) = upstream::exchange(item, target, outgoing).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return relay(item, host, response, lease, is_head);
    }
    // A target that changes the protocol unasked is not understood.
    let Some(client) = client else { return Err(Refusal::Connect { host }) };
    let upstream = hyper::upgrade::on(&mut response);
    let idle = item.limits.idle_timeout;
    item.spawn(async move {
        tunnel::join(client, upstream, idle).await;
        drop(permit);
    });
    let (mut parts, _) = response.into_parts();
    parts.headers = headers::for_client(parts.headers, true);
    Ok(Response::from_parts(parts, Either::Left(Full::default())))
}

/// Turns absolute form into the form that an origin server takes.
fn for_target(
    request: Request<Incoming>,
    target: &Target,
    websocket: bool,
) -> Result<Request<RequestBody>, Refusal> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    parts.uri = Uri::from(path);
    parts.version = Version::HTTP_11;
    let host = HeaderValue::from_str(&target.host_header());
    let host = host.map_err(|_| Refusal::Dns { host: target.host() })?;
    parts.headers = headers::for_target(parts.headers, host, websocket);
    let body = if body.is_end_stream() { Either::Left(Empty::new()) } else { Either::Right(body) };
    Ok(Request::from_parts(parts, body))
}

/// Passes a response on, unless it announces more than it may have.
fn relay(
    item: &Arc<Item>,
    host: String,
    response: Response<Incoming>,
    lease: Lease,
    is_head: bool,
) -> Result<Response<AnswerBody>, Refusal> {
    let (mut parts, body) = response.into_parts();
    if !is_head && body.size_hint().lower() > item.limits.response_bytes_max {
        return Err(response_too_large(item, &host));
    }
    parts.version = Version::HTTP_11;
    parts.headers = headers::for_client(parts.headers, false);
    let body = TargetBody::new(body, Arc::clone(item), host, lease);
    Ok(Response::from_parts(parts, Either::Right(body)))
}

/// The answer that tells a client, and the worker by its header, why there is none.
fn refused(refusal: &Refusal) -> Response<AnswerBody> {
    let status = match refusal {
        Refusal::Scheme { .. }
        | Refusal::UserInfo
        | Refusal::PrivateAddress { .. }
        | Refusal::ReservedName { .. }
        | Refusal::Port { .. }
        | Refusal::TooLarge { .. } => StatusCode::FORBIDDEN,
        Refusal::Timeout { step: Step::Resolve | Step::Connect | Step::Answer | Step::Continue, .. } => {
            StatusCode::GATEWAY_TIMEOUT
        }
        Refusal::Dns { .. } | Refusal::Connect { .. } | Refusal::Upstream { .. } => StatusCode::BAD_GATEWAY,
    };
    let mut response = text(status, &refusal.to_string());
    response.headers_mut().insert(REFUSAL_HEADER, HeaderValue::from_static(refusal.code()));
    response
}

fn text(status: StatusCode, message: &str) -> Response<AnswerBody> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(format!("{message}\n")))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The host under which a refusal is remembered, also when the authority cannot be used.
fn bare_host(authority: &Authority) -> String {
    let host = authority.host();
    Target::parse(host, 0).map_or_else(|_| host.to_owned(), |target| target.host())
}
