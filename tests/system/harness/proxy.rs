//! The reverse proxy before a cluster, as small as can be: it reads from the query side, writes to the command side,
//! takes the replicas in turn, and never repeats what an upstream may have heard.

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// How long an upstream may take to take a connection.
const DIAL_TIMEOUT: Duration = Duration::from_secs(2);
/// Size of a request's body; somewhat more than the service takes, so that it is the one to refuse.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Clone)]
struct Ways {
    http: reqwest::Client,
    command: [SocketAddr; 2],
    query: [SocketAddr; 2],
    turn: Arc<AtomicUsize>,
}

/// A proxy that listens until it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn open(command: [SocketAddr; 2], query: [SocketAddr; 2]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // A connection for each request: a kept one may turn out to be broken only when the request is under way.
        let http =
            reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).connect_timeout(DIAL_TIMEOUT);
        let http = http.redirect(reqwest::redirect::Policy::none()).no_gzip().no_brotli().no_deflate();
        let ways = Ways { http: http.build().unwrap(), command, query, turn: Arc::default() };
        let router = Router::new().fallback(pass).with_state(ways);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, task }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes a request to the next replica of its side, or to the other one when that takes no connection.
async fn pass(State(ways): State<Ways>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let reads = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let mut side = if reads { ways.query } else { ways.command };
    side.rotate_left(ways.turn.fetch_add(1, Ordering::Relaxed) % 2);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    for upstream in side {
        let mut headers = parts.headers.clone();
        // The length is told again with the body; the host stays the client's, for links in answers.
        for hop in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
            headers.remove(hop);
        }
        let request = ways.http.request(parts.method.clone(), format!("http://{upstream}{path}"));
        match request.headers(headers).body(body.clone()).send().await {
            Ok(answer) => return back(answer),
            // It has heard nothing.
            Err(error) if error.is_connect() => {}
            Err(_) => return broken(StatusCode::GATEWAY_TIMEOUT, "it is unknown whether this was done"),
        }
    }
    broken(StatusCode::SERVICE_UNAVAILABLE, "no replica is there, nothing was done")
}

fn back(answer: reqwest::Response) -> Response {
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove(header::CONNECTION);
    headers.remove(header::TRANSFER_ENCODING);
    let mut response = Response::new(Body::from_stream(answer.bytes_stream()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn broken(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"status": "error", "message": message, "code": "PROXY"}))).into_response()
}
