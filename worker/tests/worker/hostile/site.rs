//! A site that serves the cases, and the canary that none of them may reach: same port, another address.

use super::cases::Case;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use std::{
    collections::{BTreeSet, HashSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

/// How long a page may hold its load back, in milliseconds.
const HOLD_MS_MAX: u64 = 3_000;
/// Ports tried until one is free at every address.
const PORTS_TRIED_MAX: usize = 50;
/// What every page has to hand.
const TOOLS: &str = r"
const pause = () => new Promise(done => setTimeout(done, 250));
const never = () => new Promise(() => 0);
const blob = (text, type = 'text/javascript') => URL.createObjectURL(new Blob([text], {type}));
const added = frame => new Promise(done => { frame.onload = done; document.body.append(frame) });
const inFrame = src => { const f = document.createElement('iframe'); f.src = src; return added(f) };
const inWorker = (text, depth = 1) => new Promise(done => {
  const nested = `const w = new Worker(URL.createObjectURL(new Blob([${JSON.stringify(text)}]))); w.onmessage = () => postMessage(1)`;
  const worker = new Worker(blob(depth > 1 ? nested : text));
  worker.onmessage = worker.onerror = done;
});
const ice = async iceServers => {
  const peer = new RTCPeerConnection({iceServers});
  peer.createDataChannel('x');
  await peer.setLocalDescription(await peer.createOffer());
  await Promise.race([pause(), new Promise(done => { peer.onicegatheringstatechange = () => peer.iceGatheringState == 'complete' && done() })]);
};";

/// Everything that came: TCP connections, datagrams, and the paths that were asked for.
#[derive(Default)]
pub(super) struct Canary {
    connections: AtomicUsize,
    datagrams: AtomicUsize,
    paths: Mutex<BTreeSet<String>>,
}

impl Canary {
    pub(super) fn seen(&self) -> (usize, usize, BTreeSet<String>) {
        let paths = self.paths.lock().unwrap().clone();
        (self.connections.load(Ordering::SeqCst), self.datagrams.load(Ordering::SeqCst), paths)
    }

    pub(super) fn was_asked_for(&self, name: &str) -> bool {
        self.paths.lock().unwrap().contains(&format!("/{name}"))
    }
}

pub(super) struct Trap {
    /// The site's address. The canary has the same port at 127.0.0.1 and `::1`.
    pub(super) address: SocketAddr,
    pub(super) canary: Arc<Canary>,
    tasks: JoinSet<()>,
}

#[derive(Clone)]
struct Pages {
    cases: Arc<Vec<&'static Case>>,
    canary: String,
    released: watch::Sender<HashSet<String>>,
}

impl Trap {
    pub(super) async fn set(cases: Vec<&'static Case>) -> Self {
        let (site, tcp, udp) = listeners().await;
        let address = site.local_addr().unwrap();
        let canary = Arc::new(Canary::default());
        let mut tasks = JoinSet::new();
        for listener in tcp {
            tasks.spawn(watch_tcp(listener, Arc::clone(&canary)));
        }
        for socket in udp {
            tasks.spawn(watch_udp(socket, Arc::clone(&canary)));
        }
        let released = watch::channel(HashSet::new()).0;
        let pages =
            Pages { cases: Arc::new(cases), canary: format!("127.0.0.1:{}", address.port()), released };
        let router = Router::new().fallback(answer).with_state(pages);
        tasks.spawn(async move { axum::serve(site, router).await.unwrap() });
        Self { address, canary, tasks }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn stop(&mut self) {
        self.tasks.abort_all();
    }
}

/// The site at 127.0.0.2 and the canary at every other address that a private name or number leads to, at one port.
async fn listeners() -> (TcpListener, Vec<TcpListener>, Vec<UdpSocket>) {
    for _ in 0..PORTS_TRIED_MAX {
        let site = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let port = site.local_addr().unwrap().port();
        let (mut tcp, mut udp) = (Vec::new(), Vec::new());
        for host in ["127.0.0.1", "[::1]"] {
            let address = format!("{host}:{port}");
            match (TcpListener::bind(&address).await, UdpSocket::bind(&address).await) {
                (Ok(stream), Ok(datagram)) => {
                    tcp.push(stream);
                    udp.push(datagram);
                }
                // A machine without IPv6 has nothing there to guard.
                _ if host == "[::1]" => {}
                _ => break,
            }
        }
        if !tcp.is_empty() {
            return (site, tcp, udp);
        }
    }
    panic!("no port is free at two addresses of loopback");
}

async fn watch_tcp(listener: TcpListener, canary: Arc<Canary>) {
    let mut open = JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        canary.connections.fetch_add(1, Ordering::SeqCst);
        let canary = Arc::clone(&canary);
        open.spawn(async move {
            let mut head = vec![0; 4_096];
            let bytes = stream.read(&mut head).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&head[..bytes]);
            let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
            canary.paths.lock().unwrap().insert(path);
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\ncanary";
            let _ = stream.write_all(answer.as_bytes()).await;
        });
    }
}

async fn watch_udp(socket: UdpSocket, canary: Arc<Canary>) {
    let mut datagram = [0; 2_048];
    while socket.recv_from(&mut datagram).await.is_ok() {
        canary.datagrams.fetch_add(1, Ordering::SeqCst);
    }
}

async fn answer(State(pages): State<Pages>, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    let (kind, name) = path.split_once('/').unwrap_or((path, ""));
    let lure = format!("http://{}/{name}", pages.canary);
    match kind {
        "case" => pages.page(name),
        "to" => Redirect::temporary(&lure).into_response(),
        // The target, as it is written in the query, by the status in the path.
        "redirect" => {
            let status = StatusCode::from_bytes(name.as_bytes()).unwrap();
            let target = HeaderValue::from_str(uri.query().unwrap_or_default()).unwrap();
            (status, [(header::LOCATION, target)]).into_response()
        }
        "sw" => (
            [
                (header::CONTENT_TYPE, "text/javascript"),
                (HeaderName::from_static("service-worker-allowed"), "/"),
            ],
            format!(
                "oninstall = event => event.waitUntil(fetch('{lure}', {{mode: 'no-cors'}}).catch(() => 0))"
            ),
        )
            .into_response(),
        "hold" => {
            let mut released = pages.released.subscribe();
            let release = released.wait_for(|released| released.contains(name));
            let _held = timeout(Duration::from_millis(HOLD_MS_MAX), release).await.is_err();
            StatusCode::NO_CONTENT.into_response()
        }
        "release" => {
            pages.released.send_if_modified(|released| released.insert(name.to_owned()));
            StatusCode::NO_CONTENT.into_response()
        }
        "plain" => Html("<h1>Plain page</h1>").into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Pages {
    /// The page of a case. Its load waits until what it does is done, or for a bounded time.
    fn page(&self, name: &str) -> Response {
        let Some(case) = self.cases.iter().find(|case| case.name == name) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let lure = |text: &str| {
            text.replace("C/N", &format!("{}/{name}", self.canary))
                .replace("/N", &format!("/{name}"))
                .replace("Case N", &format!("Case {name}"))
                .replace(":C", &format!(":{}", self.canary))
        };
        let act = if case.script.is_empty() { "await pause()" } else { case.script };
        let page = format!(
            "<!doctype html><title>x</title><script>{TOOLS}</script><h1>Case {name}</h1><img src='/hold/{name}'>{}\
             <script>(async () => {{ try {{ {} }} catch {{}} await fetch('/release/{name}') }})()</script>",
            lure(case.html),
            lure(act)
        );
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = case.header {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&lure(value)).unwrap());
        }
        (headers, Html(page)).into_response()
    }
}
