//! What the tests share: names, moments, and a connection to a broker.

use leafcutter_dispatch::{
    Cookies,
    nats::{Nats, NatsSettings},
};
use leafcutter_domain::{BatchId, Moment};
use leafcutter_secrets::SecretName;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{MissedTickBehavior, interval, timeout};
use uuid::Uuid;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(20);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let looking = async {
        loop {
            look.tick().await;
            if holds().await {
                return;
            }
        }
    };
    timeout(LIMIT, looking).await.unwrap_or_else(|_| panic!("{what} took more than {LIMIT:?}"));
}

/// Settings with names of their own, so that tests can share a server.
pub(crate) fn settings(url: &str) -> NatsSettings {
    NatsSettings { prefix: format!("t{}", Uuid::new_v4().simple()), ..NatsSettings::new(url).unwrap() }
}

pub(crate) async fn connect(settings: &NatsSettings) -> Nats {
    let nats = Nats::connect(settings.clone()).await.unwrap();
    until("connecting to the broker", async || nats.check().await.is_ok()).await;
    nats
}

pub(crate) fn batch(number: u128) -> BatchId {
    BatchId(Uuid::from_u128(number))
}

pub(crate) fn name(number: u128, request: Option<&str>) -> SecretName {
    SecretName { batch: batch(number), request: request.map(str::to_owned) }
}

pub(crate) fn cookies(text: &str) -> Cookies {
    Cookies::new(text.to_owned())
}

/// So long from now.
pub(crate) fn in_ms(later: i64) -> Moment {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Moment::from_millis(i64::try_from(now.as_millis()).unwrap() + later)
}
