//! Targets and a client for these tests. Both speak HTTP by hand, so that the tests see the very
//! bytes on each side of the proxy.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use leafcutter_egress::{AllowedTarget, Limits, Policy, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// No wait of these tests takes anywhere near this long, unless something is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// What a target does with a request.
#[derive(Clone, Copy)]
pub(crate) enum Reply {
    /// Sends this and waits for the next request.
    Keep(&'static str),
    /// Sends this and closes.
    Close(&'static str),
    /// Sends this head and then bytes without end.
    Endless(&'static str),
    /// Sends this and then nothing, keeping the connection open.
    Silent(&'static str),
    /// Sends this head and then everything back that comes.
    Echo(&'static str),
}

/// A target that records every connection and request. It ends when it is dropped.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

impl Target {
    pub(crate) async fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", answer).await
    }

    pub(crate) async fn start_at(at: &str, answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let answer = Arc::new(answer);
        let kept = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                kept.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(converse(stream, Arc::clone(&kept), Arc::clone(&answer)));
            }
        });
        Self { address, seen, task }
    }

    /// A target that must not be reached.
    pub(crate) async fn canary() -> Self {
        Self::start(|_| Reply::Close("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ncanary")).await
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Heads and bodies of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// A proxy that may reach this target and nothing else that is private.
    pub(crate) async fn proxy(&self) -> Proxy {
        self.proxy_with(Limits::default()).await
    }

    pub(crate) async fn proxy_with(&self, limits: Limits) -> Proxy {
        Proxy::start(Policy::new(vec![allowed(self.address)]), limits).await.unwrap()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn allowed(address: SocketAddr) -> AllowedTarget {
    address.to_string().parse().unwrap()
}

async fn converse(mut stream: TcpStream, seen: Arc<Seen>, answer: Arc<impl Fn(&str) -> Reply>) {
    while let Some(request) = read_message(&mut stream, false).await {
        let reply = answer(&request);
        seen.requests.lock().unwrap().push(request);
        let (Reply::Keep(text)
        | Reply::Close(text)
        | Reply::Endless(text)
        | Reply::Silent(text)
        | Reply::Echo(text)) = reply;
        stream.write_all(text.as_bytes()).await.unwrap();
        match reply {
            Reply::Keep(_) => {}
            Reply::Close(_) => return,
            Reply::Endless(_) => while stream.write_all(&[b'x'; 1024]).await.is_ok() {},
            Reply::Silent(_) => std::future::pending().await,
            Reply::Echo(_) => {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
                return;
            }
        }
    }
}

/// A client of the proxy, on one connection.
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(crate) async fn connect(proxy: &Proxy) -> Self {
        Self { stream: TcpStream::connect(proxy.address()).await.unwrap() }
    }

    /// Sends a request and reads its whole answer.
    pub(crate) async fn ask(&mut self, request: &str) -> String {
        self.send(request).await;
        self.answer(request.starts_with("HEAD ")).await
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    pub(crate) async fn answer(&mut self, head_only: bool) -> String {
        let answer =
            timeout(DEADLINE, read_message(&mut self.stream, head_only)).await.expect("an answer in time");
        answer.expect("an answer before the connection ends")
    }

    /// Reads exactly this many bytes.
    pub(crate) async fn read(&mut self, bytes: usize) -> String {
        let mut buffer = vec![0; bytes];
        timeout(DEADLINE, self.stream.read_exact(&mut buffer)).await.expect("bytes in time").unwrap();
        String::from_utf8(buffer).unwrap()
    }

    /// Reads until the connection ends, however it ends, and says how many bytes came.
    pub(crate) async fn drain(&mut self) -> usize {
        let mut buffer = Vec::new();
        let _ = timeout(DEADLINE, self.stream.read_to_end(&mut buffer)).await.expect("the connection to end");
        buffer.len()
    }
}

/// A request for `path` in the form that proxies take.
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    format!("GET http://{address}{path} HTTP/1.1\r\nHost: {address}\r\n\r\n")
}

/// One request on its own connection.
pub(crate) async fn ask(proxy: &Proxy, request: &str) -> String {
    Client::connect(proxy).await.ask(request).await
}

/// The status code of an answer and the value of the refusal header, if there is one.
pub(crate) fn refusal(answer: &str) -> (&str, &str) {
    let code = answer.lines().find_map(|line| line.strip_prefix("x-leafcutter-refusal: "));
    (&answer[9..12], code.unwrap_or_default())
}

/// Reads one message as its framing says: head, then body by length or chunks, undecoded.
async fn read_message(stream: &mut TcpStream, head_only: bool) -> Option<String> {
    let mut message = Vec::new();
    while !message.ends_with(b"\r\n\r\n") {
        message.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(message.clone()).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    if let Some(length) = length
        && !head_only
        && !head.starts_with("http/1.1 304")
    {
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).await.ok()?;
        message.extend(body);
    }
    if head.contains("transfer-encoding: chunked") && !head_only {
        while !message.ends_with(b"\r\n0\r\n\r\n") {
            message.push(stream.read_u8().await.ok()?);
        }
    }
    Some(String::from_utf8(message).unwrap())
}
