//! Asking the work desk until it answers, within bounds. Asking again is safe, so every fault is met by patience.

use leafcutter_dispatch::{Assignment, ClaimAnswer, ClaimRequest, DeskError, Report, ReportAnswer, WorkDesk};
use leafcutter_domain::Moment;
use std::{
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::{Instant, timeout, timeout_at};

/// How long one call may take, in milliseconds.
const CALL_LIMIT_MS: u64 = 10_000;
/// How long a claim is repeated, in milliseconds.
const CLAIM_LIMIT_MS: u64 = 20_000;
/// Wait before the second call, in milliseconds; it doubles with each further one.
const WAIT_MS: u64 = 100;
/// The longest wait between two calls, in milliseconds.
const WAIT_MS_MAX: u64 = 2_000;

/// Claims an item; `None` when it is refused or the desk does not answer.
pub(crate) async fn claim(desk: &dyn WorkDesk, request: ClaimRequest) -> Option<Box<Assignment>> {
    let until = Instant::now() + Duration::from_millis(CLAIM_LIMIT_MS);
    match patiently(until, || desk.claim(request)).await? {
        ClaimAnswer::Granted(assignment) => Some(assignment),
        ClaimAnswer::Refused => None,
    }
}

/// Reports how an item ended, again and again until `until`. Says whether the desk has recorded it.
pub(crate) async fn report(desk: &dyn WorkDesk, report: &Report, until: Instant) -> bool {
    patiently(until, || desk.report(report.clone())).await == Some(ReportAnswer::Recorded)
}

async fn patiently<T, F: Future<Output = Result<T, DeskError>>>(
    until: Instant,
    call: impl Fn() -> F,
) -> Option<T> {
    let mut wait = Duration::from_millis(WAIT_MS);
    let work = async {
        loop {
            match timeout(Duration::from_millis(CALL_LIMIT_MS), call()).await {
                Ok(Ok(answer)) => return answer,
                Ok(Err(error)) => tracing::warn!(%error, "asking the work desk again"),
                Err(_) => tracing::warn!("the work desk is slow to answer; asking again"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_millis(WAIT_MS_MAX));
        }
    };
    timeout_at(until, work).await.ok()
}

/// When `moment` comes, on the clock that time-outs are measured with.
pub(crate) fn instant_of(moment: Moment) -> Instant {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let at = Duration::from_millis(u64::try_from(moment.millis()).unwrap_or(0));
    Instant::now() + at.saturating_sub(now)
}
