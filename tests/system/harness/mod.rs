//! What every whole-system test needs: a service to start and end, a client of it, a site to scrape, and the certainty
//! that nothing is left behind. No test is here.

mod api;
mod cluster;
mod options;
mod processes;
mod proxy;
mod role;
mod service;
mod site;

pub(crate) use api::{Answer, Api, count, credits_used, items};
pub(crate) use cluster::{BROKER_PASSWORD, Cluster, ClusterOptions, LISTENER, Part};
pub(crate) use options::{ADMIN_TOKEN, Options};
pub(crate) use processes::{Processes, end};
pub(crate) use proxy::Proxy;
pub(crate) use role::Role;
pub(crate) use service::{Home, Service};
pub(crate) use site::{Canary, Site};

use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// No wait of a test takes longer: long enough for a loaded machine, short enough to end a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How often a condition is looked at, in milliseconds.
const LOOK_MS: u64 = 20;

/// Looks until `found` answers, and fails the test when `limit` has passed.
pub(crate) async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut found: impl AsyncFnMut() -> Option<T>,
) -> T {
    let end = Instant::now() + limit;
    let mut tick = interval(Duration::from_millis(LOOK_MS));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Some(found) = found().await {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {limit:?}");
    }
}
