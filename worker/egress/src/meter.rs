//! Limits, the counters of an item, and the stream that counts what really crosses the wire.
//!
//! **Not allowed here:** HTTP. Bytes are counted below it, so that headers, chunk frames, TLS
//! and WebSocket frames count like everything else.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::either::Either;

use crate::item::Item;
use crate::pools::Duplex;

/// Default of [`Limits::item_bytes_max`].
pub const ITEM_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Default of [`Limits::response_bytes_max`].
pub const RESPONSE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Default of [`Limits::dial_timeout`], in milliseconds.
pub const DIAL_TIMEOUT_MS: u64 = 4_000;
/// Default of [`Limits::headers_timeout`], in milliseconds.
pub const HEADERS_TIMEOUT_MS: u64 = 30_000;
/// Default of [`Limits::idle_timeout`], in milliseconds.
pub const IDLE_TIMEOUT_MS: u64 = 45_000;

/// What one item may use, and how long the proxy waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that all connections of one item may move, received and sent together, as counted on
    /// the wire towards targets. When it is reached, everything of the item is cut and refused.
    pub item_bytes_max: u64,
    /// Bytes that the body of one plain HTTP response may have, before any content decoding.
    /// A tunnel hides its responses; only the item's limit bounds it.
    pub response_bytes_max: u64,
    /// How long one address is dialled; at most three addresses of a name are tried.
    pub dial_timeout: Duration,
    /// How long it may take from a request to the head of its response, dialling included.
    pub headers_timeout: Duration,
    /// How long a response's body may stand still, an unused connection is kept, and a tunnel may
    /// be silent (a tunnel ends after at most twice that long).
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            item_bytes_max: ITEM_BYTES_MAX,
            response_bytes_max: RESPONSE_BYTES_MAX,
            dial_timeout: Duration::from_millis(DIAL_TIMEOUT_MS),
            headers_timeout: Duration::from_millis(HEADERS_TIMEOUT_MS),
            idle_timeout: Duration::from_millis(IDLE_TIMEOUT_MS),
        }
    }
}

/// What an item has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes that came from targets, as counted on the wire.
    pub received_bytes: u64,
    /// Bytes that went to targets, as counted on the wire.
    pub sent_bytes: u64,
    /// Requests that the client made; a tunnel is one, refused ones count.
    pub requests: u64,
    /// Whether the item reached [`Limits::item_bytes_max`], so that nothing more is carried.
    pub exhausted: bool,
}

/// The counters of one item. They only say how much, so relaxed ordering is enough.
#[derive(Debug)]
pub(crate) struct Meter {
    received: AtomicU64,
    sent: AtomicU64,
    requests: AtomicU64,
    bytes_max: u64,
}

impl Meter {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { received: AtomicU64::new(0), sent: AtomicU64::new(0), requests: AtomicU64::new(0), bytes_max }
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn exhausted(&self) -> bool {
        self.received.load(Ordering::Relaxed).saturating_add(self.sent.load(Ordering::Relaxed))
            > self.bytes_max
    }

    pub(crate) fn usage(&self) -> Usage {
        Usage {
            received_bytes: self.received.load(Ordering::Relaxed),
            sent_bytes: self.sent.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            exhausted: self.exhausted(),
        }
    }
}

/// A connection to a target: dialled from here, or carried by an upstream proxy.
pub(crate) type Wire = Either<TcpStream, Box<dyn Duplex>>;

/// A connection to a target that counts for its item and ends when the item is exhausted.
#[derive(Debug)]
pub(crate) struct MeteredStream {
    stream: Wire,
    item: Arc<Item>,
    host: String,
    /// Bytes that this connection moved, so that a tunnel's watch can tell silence from work.
    moved: Arc<AtomicU64>,
}

impl MeteredStream {
    pub(crate) fn new(stream: Wire, item: Arc<Item>, host: String) -> Self {
        Self { stream, item, host, moved: Arc::default() }
    }

    /// The count of bytes that this connection moved, which goes on while others own the stream.
    pub(crate) fn moved(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.moved)
    }

    fn counted(&self, counter: &AtomicU64, bytes: usize) -> io::Result<()> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        counter.fetch_add(bytes, Ordering::Relaxed);
        self.moved.fetch_add(bytes, Ordering::Relaxed);
        if !self.item.meter.exhausted() {
            return Ok(());
        }
        Err(io::Error::other(self.item.refuse(&self.host, self.item.too_large(&self.host))))
    }
}

impl AsyncRead for MeteredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let bytes = buf.filled().len() - before;
        Poll::Ready(self.counted(&self.item.meter.received, bytes))
    }
}

impl AsyncWrite for MeteredStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        Poll::Ready(self.counted(&self.item.meter.sent, bytes).map(|()| bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))?;
        Poll::Ready(self.counted(&self.item.meter.sent, bytes).map(|()| bytes))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Answers when a connection moved nothing for `idle`, and for less than twice that long.
pub(crate) async fn silence(moved: &AtomicU64, idle: Duration) {
    let mut before = moved.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(idle).await;
        let now = moved.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}
