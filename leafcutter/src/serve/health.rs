//! `/health/live` and `/health/ready`: is the process there, and can it do its work.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use leafcutter_worker::Readiness;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::watch;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What readiness depends on.
#[derive(Clone)]
pub(crate) struct Health {
    /// Whether Chromium opens pages.
    pub(crate) worker: watch::Receiver<Readiness>,
    /// Whether the read models have caught up.
    pub(crate) projector: watch::Receiver<bool>,
    /// Whether the service is being stopped.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// The process lives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Live {
    /// Always `live`.
    #[schema(pattern = "^live$")]
    status: &'static str,
}

/// Whether work can be done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// Whether it can.
    ready: bool,
    /// What is missing.
    missing: Vec<String>,
}

/// Whether the process lives.
#[utoipa::path(get, path = "/health/live", tag = "Operations", operation_id = "live", security(()),
    responses((status = 200, description = "It does", body = Live)))]
async fn live() -> Json<Live> {
    Json(Live { status: "live" })
}

/// Whether pages can be opened and the read models have caught up.
#[utoipa::path(get, path = "/health/ready", tag = "Operations", operation_id = "ready", security(()),
    responses(
        (status = 200, description = "Ready", body = Ready),
        (status = 503, description = "Not ready", body = Ready),
    ))]
async fn ready(State(health): State<Arc<Health>>) -> Response {
    let mut missing = Vec::new();
    if *health.stopping.borrow() {
        missing.push("the service is being stopped".to_owned());
    }
    match &*health.worker.borrow() {
        Readiness::Ready => {}
        Readiness::Starting => missing.push("Chromium is being started".to_owned()),
        Readiness::Unavailable(reason) => missing.push(format!("Chromium: {reason}")),
    }
    if !*health.projector.borrow() {
        missing.push("the read models are catching up with the log".to_owned());
    }
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready: missing.is_empty(), missing })).into_response()
}

/// The health routes.
pub(crate) fn router(health: Health) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready)).with_state(Arc::new(health))
}
