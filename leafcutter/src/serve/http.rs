//! The listener: every route of the service in one router, and an end that lets open requests finish, for a while.

use super::{docs, health::Health};
use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn};
use leafcutter_command_api::Commands;
use leafcutter_query_api::QueryState;
use leafcutter_wire::{ApiError, BODY_BYTES_MAX, read_to_the_end};
use std::time::Duration;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tower_http::{catch_panic::CatchPanicLayer, trace::TraceLayer};
use utoipa_axum::router::OpenApiRouter;

/// How long open requests may take to finish when the service stops.
const FINISH_MS: u64 = 5_000;

/// The whole HTTP surface.
pub(crate) fn router(commands: Commands, queries: QueryState, health: Health) -> Router {
    let (router, document) = OpenApiRouter::with_openapi(docs::document())
        .merge(leafcutter_command_api::router(commands))
        .merge(leafcutter_query_api::router(queries))
        .merge(super::health::router(health))
        .split_for_parts();
    router
        .merge(docs::router(document))
        .fallback(|| async { ApiError::NotFound("There is no such path.") })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(read_to_the_end))
        .layer(CatchPanicLayer::custom(|_| axum::response::IntoResponse::into_response(ApiError::Internal)))
        // Failures are logged where they are found; a service that is not ready yet is none.
        .layer(TraceLayer::new_for_http().on_failure(()))
}

/// A running listener.
pub(crate) struct Server {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves the router on this listener.
    pub(crate) fn start(listener: TcpListener, router: Router) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the listener ended");
            }
        });
        Self { stop, task }
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
