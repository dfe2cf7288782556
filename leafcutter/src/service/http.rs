//! The listener. It is there before the parts of the service are, so that health can be asked from the beginning;
//! once they are, their routes take over. Its end lets open requests finish, for a while.

use super::{docs, health, health::Health};
use axum::{Router, extract::DefaultBodyLimit, extract::Request, middleware::from_fn, response::Response};
use leafcutter_command_api::Commands;
use leafcutter_query_api::QueryState;
use leafcutter_wire::{ApiError, BODY_BYTES_MAX, read_to_the_end};
use std::{
    convert::Infallible,
    sync::{Arc, PoisonError, RwLock},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tower::Service;
use tower_http::{catch_panic::CatchPanicLayer, trace::TraceLayer};

/// How long open requests may take to finish when the service stops.
const FINISH_MS: u64 = 5_000;

/// The routes of this process. Those of a side that it does not have are not there; the document describes both
/// sides all the same, since a client sees one service.
pub(crate) fn router(commands: Option<Commands>, queries: Option<QueryState>, health: Health) -> Router {
    let speaks = commands.is_some() || queries.is_some();
    let mut router = Router::from(health::router(health));
    if let Some(commands) = commands {
        router = router.merge(leafcutter_command_api::router(commands));
    }
    if let Some(queries) = queries {
        router = router.merge(leafcutter_query_api::router(queries));
    }
    if speaks {
        router = router.merge(docs::router());
    }
    within_bounds(router.fallback(|| async { ApiError::NotFound("There is no such path.") }))
}

/// Health, and for everything else the advice to come back.
fn while_starting(health: Health) -> Router {
    let router = Router::from(health::router(health));
    within_bounds(router.fallback(|| async { ApiError::Busy("the service is starting.") }))
}

fn within_bounds(router: Router) -> Router {
    router
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(read_to_the_end))
        .layer(CatchPanicLayer::custom(|_| axum::response::IntoResponse::into_response(ApiError::Internal)))
        // Failures are logged where they are found; a service that is not ready yet is none.
        .layer(TraceLayer::new_for_http().on_failure(()))
}

/// The routes as they are at the moment.
#[derive(Clone)]
struct Current(Arc<RwLock<Router>>);

impl Service<Request> for Current {
    type Response = Response;
    type Error = Infallible;
    type Future = <Router as Service<Request>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // A router is always ready, so it needs no asking.
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone().call(request)
    }
}

/// A running listener.
pub(crate) struct Server {
    current: Current,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers on this listener, at first for health only.
    pub(crate) fn start(listener: TcpListener, health: Health) -> Self {
        let current = Current(Arc::new(RwLock::new(while_starting(health))));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let router = Router::new().fallback_service(current.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the listener ended");
            }
        });
        Self { current, stop, task }
    }

    /// From now on these routes answer.
    pub(crate) fn open(&self, router: Router) {
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }

    /// Takes no more connections and lets open requests finish, up to a bound.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        if timeout(Duration::from_millis(FINISH_MS), &mut self.task).await.is_err() {
            tracing::warn!("requests that did not finish in time were cut off");
            self.task.abort();
            let _ = self.task.await;
        }
    }
}
