//! What the tests share: connections, offers, and waiting for conditions with a deadline.

use leafcutter_dispatch::{
    Delivery, Dispatch, HostKey, Offer, WorkSource,
    nats::{Nats, NatsDispatch, NatsSettings, NatsWorkSource},
};
use leafcutter_domain::BatchId;
use leafcutter_test_servers as servers;
use std::{sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval, timeout};
use uuid::Uuid;

/// How long anything may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(25);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits for a future, but not for ever.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.unwrap_or_else(|_| panic!("{what} took more than {LIMIT:?}"))
}

/// Looks until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    soon(what, async {
        loop {
            look.tick().await;
            if holds().await {
                return;
            }
        }
    })
    .await;
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

/// Both ends of a queue at a broker, each with a connection of its own.
pub(crate) struct Ends {
    pub(crate) api: Nats,
    pub(crate) worker: Nats,
    pub(crate) dispatch: NatsDispatch,
    pub(crate) source: Arc<NatsWorkSource>,
}

impl Ends {
    pub(crate) async fn of(settings: &NatsSettings) -> Self {
        Self::at(settings, settings).await
    }

    /// The worker may come another way than the api.
    pub(crate) async fn at(api: &NatsSettings, worker: &NatsSettings) -> Self {
        let (api, worker) = (connect(api).await, connect(worker).await);
        let (dispatch, source) = (NatsDispatch::new(&api), Arc::new(NatsWorkSource::new(&worker)));
        Self { api, worker, dispatch, source }
    }

    pub(crate) async fn offer(&self, number: u16) {
        until("offering", async || self.dispatch.offer(offer(number)).await.is_ok()).await;
    }

    pub(crate) async fn take(&self) -> Box<dyn Delivery> {
        take(self.source.as_ref()).await
    }

    /// Messages that the stream of offers holds.
    pub(crate) async fn held(&self, url: &str) -> u64 {
        held(url, &self.api.settings().prefix).await
    }
}

/// Messages that the stream of offers holds, as a stranger at the broker sees it.
pub(crate) async fn held(url: &str, prefix: &str) -> u64 {
    let jetstream = async_nats::jetstream::new(async_nats::connect(url).await.unwrap());
    let stream = jetstream.get_stream(format!("{prefix}-offers")).await.unwrap();
    stream.cached_info().state.messages
}

pub(crate) async fn take(source: &dyn WorkSource) -> Box<dyn Delivery> {
    soon("taking an offer", source.next()).await.expect("the source is open")
}

/// The same number is the same offer, with the same id.
pub(crate) fn offer(number: u16) -> Offer {
    let (id, batch) = (Uuid::from_u128(number.into()), BatchId(Uuid::from_u128(99)));
    let hosts = HostKey::of_text("https://example.com").map(|host| (number, host)).into_iter().collect();
    Offer { id, batch, items: vec![number], hosts }
}

/// Settings that lead to the same broker through a gate.
pub(crate) fn through(gate: &servers::TcpGate, settings: &NatsSettings) -> NatsSettings {
    let prefix = settings.prefix.clone();
    let queue = settings.queue.clone();
    let lease_ttl_ms = settings.lease_ttl_ms;
    let way = NatsSettings::new(&gate.address().to_string()).unwrap();
    NatsSettings { prefix, queue, lease_ttl_ms, ..way }
}
