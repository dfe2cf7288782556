//! A server on loopback that answers as a test says and remembers what it was asked. For the tests of the client
//! commands only.

use super::{
    Server,
    connect::ConnectArgs,
    output::{
        Console,
        captured::{self, Written},
    },
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::Request,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use clap::{Args, Parser};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::{net::TcpListener, task::JoinHandle};
use uuid::Uuid;

/// The key that the commands of a test bring.
pub(super) const KEY: &str = "lc_0123456789secret";
/// Size of a request that the server reads.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// A request that came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The server. It ends when dropped.
pub(super) struct StandIn {
    pub(super) server: Server,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl StandIn {
    pub(super) async fn start(answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (seen, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let remembered = Arc::clone(&seen);
        let router = Router::new().fallback(move |request: Request| {
            let (remembered, answer) = (Arc::clone(&remembered), Arc::clone(&answer));
            async move {
                let request = read(request).await;
                remembered.lock().unwrap().push(request.clone());
                answer(&request)
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { server: Server { url, api_key: KEY.to_owned() }, seen, task }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The flags of a command line that names this server and its key.
    pub(super) fn parse<A: Args>(&self, flags: &[&str]) -> A {
        #[derive(Parser)]
        struct Line<A: Args> {
            #[command(flatten)]
            args: A,
        }
        let connect = ["leafcutter", "--server", self.server.url.as_str(), "--api-key", KEY];
        Line::<A>::try_parse_from([&connect, flags].concat()).unwrap_or_else(|error| panic!("{error}")).args
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(request: Request) -> Seen {
    let (parts, body) = request.into_parts();
    let bytes: Bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    Seen { method: parts.method, target: parts.uri.to_string(), headers: parts.headers, body }
}

/// An answer with this status and body.
pub(super) fn answer(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

/// A server that is busy and wants to be asked again at once.
pub(super) fn busy() -> Response {
    let body = json!({"status": "error", "message": "The service is busy.", "code": "SERVICE_BUSY", "retry_after": 0});
    (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")], Json(body)).into_response()
}

/// A batch of these pages; those with `fail` in their URL have failed, the others are done.
pub(super) fn batch(status: &str, urls: &[String], with_results: bool) -> Value {
    let items: Vec<Value> = urls.iter().map(|url| item(url, with_results)).collect();
    json!({"status": status, "createdAt": "2030-01-01T00:00:00.000Z", "finishedAt": null, "items": items})
}

fn item(url: &str, with_results: bool) -> Value {
    let failed = url.contains("fail");
    let mut item = json!({
        "uuid": Uuid::nil(), "url": url, "status": if failed { "failed" } else { "completed" },
        "error": failed.then_some("The page answered 500."), "errorCode": failed.then_some("HTTP_STATUS"),
        "creditsUsed": u8::from(!failed), "finalUrl": url, "httpStatus": if failed { 500 } else { 200 },
        "screenshotUrl": null,
    });
    if with_results {
        item["result"] = if failed { Value::Null } else { json!(format!("# {url}")) };
    }
    item
}

/// A service that does every page at once; batches are numbered from 1.
pub(super) fn quick_service() -> impl Fn(&Seen) -> Response + Send + Sync + 'static {
    let batches = Mutex::new(Vec::<Vec<String>>::new());
    move |seen| {
        let mut batches = batches.lock().unwrap();
        if seen.method == Method::POST {
            batches.push(serde_json::from_value(seen.body["urls"].clone()).unwrap());
            let id = Uuid::from_u128(batches.len() as u128);
            return answer(202, json!({"status": "queued", "batchId": id, "total": 1}));
        }
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        let id: Uuid = path.rsplit('/').next().unwrap().parse().unwrap();
        let urls = &batches[usize::try_from(id.as_u128()).unwrap() - 1];
        answer(200, batch("completed", urls, query.is_empty()))
    }
}

/// A console of a test: what was printed, and what was said beside it.
pub(super) fn console() -> (Console, Written, Written) {
    captured::console()
}

/// No flags of a server.
pub(super) fn no_server() -> ConnectArgs {
    ConnectArgs::default()
}
