//! The small site that the tests scrape, and the canary that nothing may reach. Both remember their requests.

use crate::{documents, works};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use std::{
    collections::HashSet,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// A request as the site saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) cookie: Option<String>,
}

#[derive(Clone)]
struct Memory {
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Gates that are open.
    gates: watch::Sender<HashSet<String>>,
    canary: Option<SocketAddr>,
    sibling: SocketAddr,
}

pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    /// The same pages at another origin of the same site.
    pub(crate) sibling: SocketAddr,
    memory: Memory,
    tasks: [JoinHandle<()>; 2],
}

impl Site {
    /// A site whose pages try to reach `canary`.
    pub(crate) async fn start(canary: Option<SocketAddr>) -> Self {
        let [one, two] = [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await];
        let (one, two) = (one.unwrap(), two.unwrap());
        let (address, sibling) = (one.local_addr().unwrap(), two.local_addr().unwrap());
        let memory =
            Memory { seen: Arc::default(), gates: watch::channel(HashSet::new()).0, canary, sibling };
        let router = Router::new().fallback(answer).with_state(memory.clone());
        let tasks = [one, two].map(|listener| {
            let router = router.clone();
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
        });
        Self { address, sibling, memory, tasks }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.memory.seen.lock().unwrap().clone()
    }

    /// Opens a gate, as a request for `/open/NAME` does.
    pub(crate) fn open(&self, gate: &str) {
        self.memory.gates.send_if_modified(|gates| gates.insert(gate.to_owned()));
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.seen().iter().filter(|seen| seen.path == path).count()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn answer(
    State(memory): State<Memory>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let header = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let path = uri.path().to_owned();
    let host = header(header::HOST).unwrap_or_default().to_owned();
    let cookie = header(header::COOKIE).map(str::to_owned);
    memory.seen.lock().unwrap().push(Seen { host: host.clone(), path: path.clone(), cookie: cookie.clone() });
    let port = host.rsplit_once(':').map_or("80", |(_, port)| port);
    let canary = memory.canary.map(|address| address.to_string()).unwrap_or_default();
    match path.as_str() {
        "/plain" => Html("<h1>Plain page</h1><p>Some words.</p>").into_response(),
        "/script" => {
            Html("<div id=a></div><script>a.innerHTML='<h1>Made by script</h1>'</script>").into_response()
        }
        "/fetched" => Html(FETCHED).into_response(),
        "/data" => {
            tokio::time::sleep(Duration::from_millis(50)).await;
            "Brought by fetch".into_response()
        }
        "/shadow" => Html(SHADOW).into_response(),
        "/fails" => (StatusCode::INTERNAL_SERVER_ERROR, Html("<h1>broken</h1>")).into_response(),
        "/robots.txt" => robots(&host),
        path if path.starts_with("/busy/") => {
            let asked = path.trim_start_matches("/busy/").to_owned();
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, asked)], "later").into_response()
        }
        "/moved-to-forbidden" => Redirect::temporary("/forbidden/page").into_response(),
        "/moved-to-closed" => Redirect::temporary(&format!("http://localhost:{port}/plain")).into_response(),
        "/moved" => Redirect::temporary("/plain").into_response(),
        "/tall" => Html("<div style='height:3000px'>tall</div>").into_response(),
        "/text" => "just *text*".into_response(),
        "/json" => ([(header::CONTENT_TYPE, "application/json")], r#"{"name":"ant"}"#).into_response(),
        "/latin" => ([(header::CONTENT_TYPE, "text/html; charset=iso-8859-1")], b"<p>caf\xe9</p>".to_vec())
            .into_response(),
        "/broken-pdf" => ([(header::CONTENT_TYPE, "application/pdf")], "%PDF-1.4").into_response(),
        "/download" => {
            ([(header::CONTENT_DISPOSITION, "attachment; filename=a.html")], Html("x")).into_response()
        }
        "/writes" => Html(WRITES).into_response(),
        "/held" => Html("<h1>Held</h1><img src='/gate/held'>").into_response(),
        "/elsewhere" => {
            Html(format!("<h1>x</h1><img src='http://localhost:{port}/image'><img src='/image'>"))
                .into_response()
        }
        "/image" => StatusCode::NOT_FOUND.into_response(),
        path if path.starts_with("/probe") => crate::probe::answer(path, &method, &headers, port),
        path if path.starts_with("/trap/") => crate::traps::answer(&uri, port),
        "/endless" => endless(),
        "/dialogs" => Html("<h1>x</h1><script>while (true) alert('again')</script>").into_response(),
        "/spin" => Html("<h1>x</h1><script>onload = () => setTimeout(() => { while (true); })</script>")
            .into_response(),
        "/popups" => {
            Html("<h1>Popups</h1><script>for (let i = 0; i < 5; i++) open('/plain')</script>").into_response()
        }
        "/to-canary" => Redirect::temporary(&format!("http://{canary}/secret")).into_response(),
        "/embeds-canary" => Html(EMBEDS.replace("CANARY", &canary)).into_response(),
        path if path.starts_with("/wall/") => crate::walls::answer(&uri, cookie.as_deref()),
        path if path.starts_with("/works/") => {
            works::answer(&path["/works/".len()..], &canary, request).await
        }
        path if path.starts_with("/doc/") => documents::answer(&path["/doc/".len()..], memory.sibling),
        path if path.starts_with("/gate/") => gate(&memory, path.trim_start_matches("/gate/")).await,
        path if path.starts_with("/open/") => {
            memory.gates.send_if_modified(|gates| gates.insert(path.trim_start_matches("/open/").to_owned()));
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Under one of its names the site forbids some pages, under the other it does not say what it forbids.
fn robots(host: &str) -> Response {
    match host.starts_with("localhost") {
        true => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        false => {
            "User-agent: *\nDisallow: /\n\nUser-agent: Leafcutter\nDisallow: /forbidden/\n".into_response()
        }
    }
}

/// Answers when `/open/NAME` has been asked for.
async fn gate(memory: &Memory, name: &str) -> Response {
    let mut gates = memory.gates.subscribe();
    let _ = gates.wait_for(|gates| gates.contains(name)).await;
    StatusCode::NO_CONTENT.into_response()
}

/// A page whose body never ends.
fn endless() -> Response {
    let body = futures::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok::<_, Infallible>("<p>more</p>"), ()))
    });
    ([(header::CONTENT_TYPE, "text/html")], Body::from_stream(body)).into_response()
}

const FETCHED: &str =
    "<div id=a></div><script>fetch('/data').then(r => r.text()).then(t => { a.textContent = t })</script>";

const SHADOW: &str = "<x-a><b slot=s>Slotted</b></x-a><script>
document.querySelector('x-a').attachShadow({mode:'open'}).innerHTML='<h2>In the shadow</h2><slot name=s></slot>'</script>";

const EMBEDS: &str = "<h1>Embeds</h1><img src='http://CANARY/img'><iframe src='http://CANARY/frame'></iframe>
<link rel=stylesheet href='http://CANARY/css'><script src='http://CANARY/js'></script>
<script>fetch('http://CANARY/fetch', {mode:'no-cors'}).catch(() => 0); new WebSocket('ws://CANARY/ws');
navigator.sendBeacon('http://CANARY/beacon'); new Worker(URL.createObjectURL(new Blob([`fetch('http://CANARY/worker')`])))</script>";

/// Says what it finds and whether it is shown, and writes by every way that is left to a page that is being left.
const WRITES: &str = "<p id=a></p><p id=b>unpainted</p><script>
a.textContent = 'found: ' + [localStorage.length, sessionStorage.length, document.cookie.length, window.name.length];
requestAnimationFrame(() => { b.textContent = 'painted ' + document.visibilityState });
const write = () => { localStorage.t = sessionStorage.t = window.name = 'trace'; document.cookie = 'trace=1' };
setInterval(write, 1);
for (const event of ['pagehide', 'unload', 'beforeunload', 'visibilitychange', 'freeze', 'readystatechange'])
  for (const target of [window, document]) target.addEventListener(event, write);
new MutationObserver(write).observe(document, { childList: true, subtree: true });
document.open = document.close = window.stop = () => { write(); throw 1 };
const { port1, port2 } = new MessageChannel();
port1.onmessage = () => { write(); setTimeout(() => port2.postMessage(1), 1) }; port2.postMessage(1);
</script>";
