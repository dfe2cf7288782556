//! A small stranger's web site on loopback that a test controls: pages that wait for a gate, pages that fail as told,
//! pages that lead to a canary which nothing may reach. It remembers what it was asked.

use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// A request as the site saw it.
#[derive(Debug, Clone)]
struct Seen {
    path: String,
    cookie: Option<String>,
}

#[derive(Clone)]
struct Memory {
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Gates that are open.
    gates: watch::Sender<HashSet<String>>,
}

/// A site that listens until it is dropped. Its pages:
///
/// | path | what |
/// |---|---|
/// | `/ok/{name}` | a page with some words |
/// | `/product/{name}` | a page with JSON-LD |
/// | `/script` | a page that a script writes |
/// | `/robots.txt` | forbids what is below `/forbidden/` |
/// | `/status/{code}` | an answer with this status |
/// | `/flaky/{name}` | 500 until [`Site::mend`] |
/// | `/gate/{name}` | answers once [`Site::open_gate`] was called |
/// | `/gate-to-failure/{name}` | the same, with 500 |
/// | `/redirect?to=URL` | leads there |
/// | `/embed?of=HOST:PORT` | embeds it in every way there is |
/// | `/fetch?of=HOST:PORT` | has scripts ask for it in every way there is |
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    memory: Memory,
    task: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn open() -> Self {
        let memory = Memory { seen: Arc::default(), gates: watch::channel(HashSet::new()).0 };
        let router = Router::new()
            .route("/ok/{name}", get(async |Path(name): Path<String>| page(&format!("The page {name}"))))
            .route("/product/{name}", get(product))
            .route("/script", get(async || Html(SCRIPT)))
            .route("/robots.txt", get(async || "User-agent: *\nDisallow: /forbidden/\n"))
            .route("/forbidden/{name}", get(async || page("Not for everybody")))
            .route("/status/{code}", get(status))
            .route("/flaky/{name}", get(flaky))
            .route("/gate-to-failure/{name}", get(gate_to_failure))
            .route("/gate/{name}", get(gate))
            .route("/redirect", get(async |Query(to): Query<Target>| Redirect::temporary(&to.to)))
            .route("/embed", get(async |Query(of): Query<Canaries>| Html(EMBED.replace("CANARY", &of.of))))
            .route("/fetch", get(async |Query(of): Query<Canaries>| Html(FETCH.replace("CANARY", &of.of))))
            .layer(axum::middleware::from_fn_with_state(memory.clone(), remember))
            .with_state(memory.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, memory, task }
    }

    /// The address of a path, which starts with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The addresses of `count` different pages: `/ok/0`, `/ok/1` and so on.
    pub(crate) fn ok_urls(&self, count: usize) -> Vec<String> {
        (0..count).map(|name| self.url(&format!("/ok/{name}"))).collect()
    }

    /// How often a path was asked for.
    pub(crate) fn visits(&self, path: &str) -> usize {
        self.memory.seen.lock().unwrap().iter().filter(|seen| seen.path == path).count()
    }

    /// How many requests for pages there were in all.
    pub(crate) fn all_visits(&self) -> usize {
        self.memory.seen.lock().unwrap().iter().filter(|seen| seen.path != "/favicon.ico").count()
    }

    /// The cookies that came with the requests for a path.
    pub(crate) fn cookies(&self, path: &str) -> Vec<String> {
        let seen = self.memory.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.path == path).filter_map(|seen| seen.cookie.clone()).collect()
    }

    /// Lets the pages `/gate/{name}` answer, now and later.
    pub(crate) fn open_gate(&self, name: &str) {
        self.memory.gates.send_modify(|gates| {
            gates.insert(name.to_owned());
        });
    }

    /// Lets the page `/flaky/{name}` succeed from now on.
    pub(crate) fn mend(&self, name: &str) {
        self.open_gate(&format!("flaky {name}"));
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(serde::Deserialize)]
struct Target {
    to: String,
}

#[derive(serde::Deserialize)]
struct Canaries {
    of: String,
}

async fn remember(
    State(memory): State<Memory>,
    uri: Uri,
    headers: HeaderMap,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let cookie = headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    memory.seen.lock().unwrap().push(Seen { path: uri.path().to_owned(), cookie });
    next.run(request).await
}

fn page(title: &str) -> Html<String> {
    Html(format!("<!doctype html><title>{title}</title><h1>{title}</h1><p>Some words about leaves.</p>"))
}

async fn product(Path(name): Path<String>) -> Html<String> {
    Html(format!(
        "<!doctype html><title>{name}</title><h1>{name}</h1><script type=\"application/ld+json\">\
         {{\"@context\":\"https://schema.org\",\"@type\":\"Product\",\"name\":\"{name}\",\
         \"offers\":{{\"@type\":\"Offer\",\"price\":\"12.50\",\"priceCurrency\":\"EUR\"}}}}</script>"
    ))
}

async fn status(Path(code): Path<u16>) -> Response {
    (StatusCode::from_u16(code).unwrap(), page("As you asked")).into_response()
}

async fn flaky(State(memory): State<Memory>, Path(name): Path<String>) -> Response {
    if memory.gates.borrow().contains(&format!("flaky {name}")) {
        page("It works again").into_response()
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, page("It does not work yet")).into_response()
    }
}

async fn gate(State(memory): State<Memory>, Path(name): Path<String>) -> Html<String> {
    let mut gates = memory.gates.subscribe();
    let _ = gates.wait_for(|gates| gates.contains(&name)).await;
    page("Behind the gate")
}

async fn gate_to_failure(memory: State<Memory>, name: Path<String>) -> Response {
    let page = gate(memory, name).await;
    (StatusCode::INTERNAL_SERVER_ERROR, page).into_response()
}

const SCRIPT: &str =
    "<!doctype html><title>x</title><div id=a></div><script>a.innerHTML='<h1>Made by a script</h1>'</script>";

const EMBED: &str = "<!doctype html><h1>Embeds</h1><img src='http://CANARY/img'>\
<iframe src='http://CANARY/frame'></iframe><link rel=stylesheet href='http://CANARY/css'>\
<link rel=preconnect href='http://CANARY/'><script src='http://CANARY/js'></script>\
<object data='http://CANARY/object'></object><video src='http://CANARY/video'></video>";

const FETCH: &str = "<!doctype html><h1>Fetches</h1><script>\
fetch('http://CANARY/fetch', {mode: 'no-cors'}).catch(() => 0);\
fetch('/redirect?to=http://CANARY/redirected', {mode: 'no-cors'}).catch(() => 0);\
new WebSocket('ws://CANARY/ws'); navigator.sendBeacon('http://CANARY/beacon');\
new Worker(URL.createObjectURL(new Blob([`fetch('http://CANARY/worker')`])));\
open('http://CANARY/window');</script>";

/// A listener on loopback that nothing may connect to.
pub(crate) struct Canary {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Canary {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { address, connections, task }
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.task.abort();
    }
}
