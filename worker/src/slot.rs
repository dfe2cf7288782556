//! The life of a slot: take an offer, claim each of its items when their hosts may be asked, do it, report it,
//! acknowledge the offer. A slot is the permit: it asks for work only when it can do it, and waits for no host.

use crate::{
    WorkerSettings,
    attempt::{self, Bench, Limits},
    browser::Pool,
    desk,
    hosts::{Hosts, Turn, Work},
};
use leafcutter_dispatch::{Assignment, ClaimRequest, FailedPage, Outcome, Report, ScrapedPage, WorkDesk};
use leafcutter_domain::{BatchId, Usage};
use leafcutter_object_store::Objects;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a slot without work keeps the context of its last batch, in milliseconds.
const IDLE_CONTEXT_MS: u64 = 10_000;
/// How long a worker out of time still tries to report, in milliseconds.
const PUT_BACK_LIMIT_MS: u64 = 3_000;

/// What all slots share.
pub(crate) struct Shared {
    pub(crate) settings: Arc<WorkerSettings>,
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) desk: Arc<dyn WorkDesk>,
    pub(crate) objects: Objects,
    pub(crate) pool: Pool,
    /// No new item is begun.
    pub(crate) stop: CancellationToken,
    /// Running items are given back.
    pub(crate) abandon: CancellationToken,
    pub(crate) running: AtomicUsize,
}

/// Works until the worker stops or the source is closed.
pub(crate) async fn run(shared: Arc<Shared>, mut bench: Bench) {
    while let Some((work, turn)) = next(&shared, &mut bench).await {
        offer_of(&shared, &mut bench, work, turn).await;
    }
    bench.leave().await;
    bench.proxy.shutdown().await;
}

/// Goes through an offer as far as its hosts may be asked. What is not gone through and not put aside goes back to
/// the broker.
async fn offer_of(shared: &Shared, bench: &mut Bench, mut work: Work, mut turn: Turn) {
    while shared.pool.has_memory().await && !shared.stop.is_cancelled() {
        item_of(shared, bench, work.batch(), turn).await;
        if shared.stop.is_cancelled() {
            return;
        }
        if work.is_done() {
            return work.acknowledge().await;
        }
        match shared.hosts.go_on(&mut work) {
            Some(next) => turn = next,
            None => return shared.hosts.put_aside(work),
        }
    }
    turn.unused();
}

/// The next work whose turn it is, once there is a browser for it, and memory. Meanwhile the last context goes, when
/// it is idle for long or its browser is to go.
async fn next(shared: &Shared, bench: &mut Bench) -> Option<(Work, Turn)> {
    let batch = bench.tab.as_ref().map(|(batch, _)| *batch);
    let next = async {
        shared.pool.can_begin().await?;
        shared.hosts.next(batch).await
    };
    let next = shared.stop.run_until_cancelled(next);
    tokio::pin!(next);
    if let Some((_, tab)) = &bench.tab {
        let (retired, lost) = (tab.browser().retired().clone(), tab.browser().lost().clone());
        tokio::select! {
            biased;
            work = &mut next => return work.flatten(),
            () = retired.cancelled() => {}
            () = lost.cancelled() => {}
            () = tokio::time::sleep(Duration::from_millis(IDLE_CONTEXT_MS)) => {}
        }
        bench.leave().await;
    }
    next.await.flatten()
}

async fn item_of(shared: &Shared, bench: &mut Bench, batch: BatchId, turn: Turn) {
    let (begun, item) = (Instant::now(), turn.item);
    let request = ClaimRequest { batch, item, claim: Uuid::new_v4(), worker: shared.settings.worker };
    let claim = desk::claim(shared.desk.as_ref(), request);
    let Some(assignment) = shared.abandon.run_until_cancelled(claim).await.flatten() else {
        return turn.unused();
    };
    let _running = Running::begin(&shared.running);
    let limits = Limits::new(begun, shared.settings.item_limit, &assignment);
    let attempt = attempt::run(bench, &shared.pool, &shared.objects, &assignment, limits);
    let attempt = shared.abandon.run_until_cancelled(attempt).await;
    drop(turn);
    // A browser that was ended while it drained is no fault of the page: the item is put back.
    let attempt = attempt.filter(|outcome| outcome.is_ok() || !bench.drained());
    let abandoned = attempt.is_none();
    let report = report(&assignment, attempt, usage(bench, begun));
    if !deliver(shared, &report, limits.report_until).await {
        tracing::warn!(%batch, item, "the desk did not record how an item ended; its lease ends by itself");
    }
    if abandoned {
        bench.leave().await;
    } else {
        bench.tidy(assignment.options.isolation).await;
    }
}

/// Reports until the lease ends, or until a stopping worker has no more time for it.
async fn deliver(shared: &Shared, report: &Report, until: Instant) -> bool {
    let hurry = async {
        shared.abandon.cancelled().await;
        tokio::time::sleep(Duration::from_millis(PUT_BACK_LIMIT_MS)).await;
    };
    tokio::select! {
        recorded = desk::report(shared.desk.as_ref(), report, until) => recorded,
        () = hurry => false,
    }
}

fn report(assignment: &Assignment, attempt: Option<Result<ScrapedPage, FailedPage>>, usage: Usage) -> Report {
    let outcome = match attempt {
        Some(Ok(page)) => Outcome::Completed(page),
        Some(Err(failure)) => Outcome::Failed(failure),
        None => Outcome::PutBack,
    };
    Report { batch: assignment.batch, item: assignment.item, lease: assignment.lease.clone(), outcome, usage }
}

fn usage(bench: &Bench, begun: Instant) -> Usage {
    let used = bench.proxy.usage();
    let tokens = bench.model.tokens();
    Usage {
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        received_bytes: used.received_bytes,
        requests: u32::try_from(used.requests).unwrap_or(u32::MAX),
        model_input_tokens: tokens.input,
        model_output_tokens: tokens.output,
        captchas: bench.captchas,
    }
}

/// Counts an item as long as it runs.
struct Running<'a>(&'a AtomicUsize);

impl<'a> Running<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
