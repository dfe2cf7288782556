//! `/health/live` and `/health/ready`: is the process there, and can it do its work. Each part of the service brings
//! a check of its own; here they are asked, all at once and with a bound.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures::future::{BoxFuture, FutureExt, join_all};
use serde::Serialize;
use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// How long one check may take.
const CHECK_LIMIT_MS: u64 = 2_000;

/// Says what is missing, or worth a look; `None` when nothing is.
type Check = Box<dyn Fn() -> BoxFuture<'static, Option<String>> + Send + Sync>;
/// Checks, each with the name that the reader knows the part by.
type Checks = Mutex<Vec<(&'static str, Arc<Check>)>>;

/// What readiness depends on. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Health(Arc<Inner>);

#[derive(Default)]
struct Inner {
    checks: Checks,
    notes: Checks,
    starting: AtomicBool,
    stopping: AtomicBool,
}

impl Health {
    /// Asks `check` at every look; it answers with what is missing. `name` is what the reader knows the part by.
    pub(crate) fn watch<F>(&self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        add(&self.0.checks, name, check);
    }

    /// As [`Self::watch`], for what an operator should look at though the service does its work.
    pub(crate) fn tell<F>(&self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        add(&self.0.notes, name, check);
    }

    /// From now on the service is being started: checks are still to come.
    pub(crate) fn starting(&self) {
        self.0.starting.store(true, Ordering::Relaxed);
    }

    /// Every part has brought its check.
    pub(crate) fn started(&self) {
        self.0.starting.store(false, Ordering::Relaxed);
    }

    /// From now on the service is being stopped.
    pub(crate) fn stopping(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    /// What is missing now.
    async fn missing(&self) -> Vec<String> {
        let asked = ask(&self.0.checks).await;
        let starting = self.0.starting.load(Ordering::Relaxed);
        let starting = starting.then(|| "the service is being started".to_owned());
        let stopping = self.0.stopping.load(Ordering::Relaxed);
        let stopping = stopping.then(|| "the service is being stopped".to_owned());
        starting.into_iter().chain(stopping).chain(asked).collect()
    }
}

fn add<F>(checks: &Checks, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static)
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let check: Check = Box::new(move || check().map(Result::err).boxed());
    checks.lock().unwrap_or_else(PoisonError::into_inner).push((name, Arc::new(check)));
}

async fn ask(checks: &Checks) -> Vec<String> {
    let checks = checks.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let asked = checks.iter().map(|(name, check)| async move {
        let limit = Duration::from_millis(CHECK_LIMIT_MS);
        let answer = timeout(limit, check()).await;
        let answer = answer.unwrap_or_else(|_| Some("does not answer".to_owned()));
        answer.map(|answer| format!("{name}: {answer}"))
    });
    join_all(asked).await.into_iter().flatten().collect()
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
    /// What an operator should look at though nothing is missing.
    notes: Vec<String>,
}

/// Whether the process lives.
#[utoipa::path(get, path = "/health/live", tag = "Operations", operation_id = "live", security(()),
    responses((status = 200, description = "It does", body = Live)))]
async fn live() -> Json<Live> {
    Json(Live { status: "live" })
}

/// Whether everything that this process needs for its work is there.
#[utoipa::path(get, path = "/health/ready", tag = "Operations", operation_id = "ready", security(()),
    responses(
        (status = 200, description = "Ready", body = Ready),
        (status = 503, description = "Not ready", body = Ready),
    ))]
async fn ready(State(health): State<Health>) -> Response {
    let (missing, notes) = tokio::join!(health.missing(), ask(&health.0.notes));
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready: missing.is_empty(), missing, notes })).into_response()
}

/// The health routes.
pub(crate) fn router(health: Health) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready)).with_state(health)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_that_is_missing_is_named() {
        let health = Health::default();
        assert!(health.missing().await.is_empty());
        health.watch("database", || async { Err("no route to it".to_owned()) });
        health.watch("broker", || async { Ok(()) });
        assert_eq!(health.missing().await, ["database: no route to it"]);
        health.stopping();
        assert_eq!(health.missing().await.len(), 2);
        health.starting();
        assert_eq!(health.missing().await.len(), 3);
        health.started();
        assert_eq!(health.missing().await.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_does_not_answer_is_missing() {
        let health = Health::default();
        health.watch("event store", std::future::pending);
        assert_eq!(health.missing().await, ["event store: does not answer"]);
    }
}
