//! What handlers leave unread of a request's body, such as that of a request without a key. The server below ends a
//! connection with an unread body and tells nobody, so that the next request on it fails, or the answer itself is lost.
//! Here the rest is read and thrown away, within bounds; beyond them the answer says that the connection ends.

use crate::BODY_BYTES_MAX;
use axum::{
    body::{Body, BodyDataStream, Bytes, HttpBody},
    extract::Request,
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};
use futures::{Stream, StreamExt};
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

/// How much is thrown away: enough for a client that sends too large a body to hear of it.
const UNREAD_BYTES_MAX: usize = 8 * BODY_BYTES_MAX;
/// How long that may take.
const UNREAD_WAIT_MS: u64 = 2_000;

/// Middleware of all routes: whatever the answer, the body has been read, or the connection ends with the answer.
pub async fn read_to_the_end(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // Who waits for a word before sending the body has not sent it.
    let is_sent = !request.headers().contains_key(header::EXPECT);
    let (give_back, mut given_back) = oneshot::channel();
    let lend = |body: Body| {
        Body::from_stream(Lent { body: Some(body.into_data_stream()), give_back: Some(give_back) })
    };
    let mut response = next.run(request.map(lend)).await;
    let is_read = match given_back.try_recv() {
        Ok(rest) => is_sent && throw_away(rest).await,
        Err(_) => true,
    };
    if !is_read {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether the end was reached.
async fn throw_away(mut rest: BodyDataStream) -> bool {
    let read = async {
        let mut bytes = 0;
        while let Some(Ok(chunk)) = rest.next().await {
            bytes += chunk.len();
            if bytes > UNREAD_BYTES_MAX {
                return false;
            }
        }
        true
    };
    timeout(Duration::from_millis(UNREAD_WAIT_MS), read).await.unwrap_or(false)
}

/// A body that comes back when it is dropped before its end.
struct Lent {
    body: Option<BodyDataStream>,
    give_back: Option<oneshot::Sender<BodyDataStream>>,
}

impl Stream for Lent {
    type Item = Result<Bytes, axum::Error>;
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = body.poll_next_unpin(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(give_back)) = (self.body.take(), self.give_back.take()) {
            // Nobody takes it when the request itself was given up.
            let _ = give_back.send(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, http::StatusCode, middleware::from_fn, routing::post};
    use futures::stream;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    use tower::ServiceExt;

    const CHUNK: &[u8] = &[0; 64 * 1024];

    /// Posts a body of so many chunks to a path; says whether the connection ends and how many were read.
    async fn post_chunks(path: &str, count: usize) -> (StatusCode, bool, usize) {
        let read = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&read);
        let chunks = stream::iter(0..count).map(move |_| {
            seen.fetch_add(1, Ordering::SeqCst);
            Ok::<_, axum::Error>(CHUNK)
        });
        let router = Router::new()
            .route("/ignored", post(async || StatusCode::UNAUTHORIZED))
            .route("/read", post(async |body: Bytes| body.len().to_string()))
            .layer(from_fn(read_to_the_end));
        let request = Request::post(path).body(Body::from_stream(chunks)).unwrap();
        let response = router.oneshot(request).await.unwrap();
        (response.status(), response.headers().contains_key(header::CONNECTION), read.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn a_body_that_no_handler_wants_is_read_to_its_end() {
        assert_eq!(post_chunks("/ignored", 3).await, (StatusCode::UNAUTHORIZED, false, 3));
        assert_eq!(post_chunks("/read", 3).await, (StatusCode::OK, false, 3));
    }

    #[tokio::test]
    async fn a_body_without_end_is_given_up_and_so_is_its_connection() {
        let (status, ends, read) = post_chunks("/ignored", usize::MAX).await;
        assert_eq!((status, ends), (StatusCode::UNAUTHORIZED, true));
        assert_eq!(read, UNREAD_BYTES_MAX / CHUNK.len() + 1);
    }
}
