//! Bodies on their way to the client: streamed as they come, bounded in size and in standstill.
//!
//! **Not allowed here:** collecting a body in memory.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::item::Item;
use crate::refusal::{Refusal, Step};
use crate::upstream::Lease;

/// The body of an answer to the client: the proxy's own text, or a target's.
pub(crate) type AnswerBody = Either<Full<Bytes>, TargetBody>;

/// A target's response body. An error of it cuts the client's connection, so that a body that
/// was not finished cannot be taken for a whole one.
pub(crate) struct TargetBody {
    inner: Incoming,
    left_bytes: u64,
    watch: Watch,
    item: Arc<Item>,
    host: String,
    /// Given back at the end of the body; dropped, it closes the connection to the target.
    lease: Option<Lease>,
}

impl TargetBody {
    pub(crate) fn new(inner: Incoming, item: Arc<Item>, host: String, lease: Lease) -> Self {
        let left_bytes = item.limits.response_bytes_max;
        let watch = Watch::new(item.limits.idle_timeout);
        let mut body = Self { inner, left_bytes, watch, item, host, lease: Some(lease) };
        body.give_back_at_end();
        body
    }

    fn give_back_at_end(&mut self) {
        if self.inner.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }

    fn cut(&mut self, refusal: Refusal) -> Box<dyn Error + Send + Sync> {
        self.lease = None;
        Box::new(self.item.refuse(&self.host, refusal))
    }

    fn pass(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Box<dyn Error + Send + Sync>> {
        let bytes = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
        let Some(left) = self.left_bytes.checked_sub(bytes) else {
            let refusal = response_too_large(&self.item, &self.host);
            return Err(self.cut(refusal));
        };
        self.left_bytes = left;
        self.give_back_at_end();
        Ok(frame)
    }
}

impl Body for TargetBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.watch.moved();
                Poll::Ready(Some(self.pass(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                self.lease = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                if let Some(lease) = self.lease.take() {
                    lease.give_back();
                }
                Poll::Ready(None)
            }
            Poll::Pending if self.watch.poll_expired(cx) => {
                let after = self.watch.idle;
                let refusal = Refusal::Timeout { host: self.host.clone(), step: Step::Continue, after };
                Poll::Ready(Some(Err(self.cut(refusal))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The refusal of one response that has, or announces, more than it may.
pub(crate) fn response_too_large(item: &Item, host: &str) -> Refusal {
    let limit_bytes = item.limits.response_bytes_max;
    Refusal::TooLarge { host: host.to_owned(), part: "response", limit_bytes }
}

/// Measures how long a body stands still. Most bodies never wait, so the timer is made late.
struct Watch {
    idle: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    running: bool,
}

impl Watch {
    fn new(idle: Duration) -> Self {
        Self { idle, timer: None, running: false }
    }

    fn moved(&mut self) {
        self.running = false;
    }

    fn poll_expired(&mut self, cx: &mut Context<'_>) -> bool {
        let idle = self.idle;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        if !self.running {
            timer.as_mut().reset(Instant::now() + idle);
            self.running = true;
        }
        timer.as_mut().poll(cx).is_ready()
    }
}
