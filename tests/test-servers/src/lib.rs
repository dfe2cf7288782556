//! Real servers for tests: PostgreSQL and nats-server, each a child of the test on a free port of loopback and in a
//! temporary folder, and a TCP gate to cut the way to them. A server ends with its last handle, or with the test's
//! process, whichever comes first.
//!
//! **Not allowed here:** anything that knows Leafcutter. A missing server or one that does not start fails the test
//! at once: every function here panics, and says what to do, where a product would return an error.

mod child;
mod gate;
mod nats;
mod ports;
mod postgres;
mod programs;
mod s3;

pub use gate::TcpGate;
pub use nats::Nats;
pub use ports::free_port;
pub use postgres::Postgres;
pub use s3::S3;

use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How long a server may take to start, or to be gone.
const SERVER_LIMIT: Duration = Duration::from_secs(30);
/// How often a condition is looked at, in milliseconds.
const LOOK_MS: u64 = 10;
/// How often a server is started on another port when somebody else has taken its own.
const START_ATTEMPTS_MAX: u32 = 5;

/// Looks until `found` answers; nothing when `limit` has passed.
async fn within<T>(limit: Duration, mut found: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    let mut tick = interval(Duration::from_millis(LOOK_MS));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < end {
        tick.tick().await;
        if let Some(found) = found().await {
            return Some(found);
        }
    }
    None
}
