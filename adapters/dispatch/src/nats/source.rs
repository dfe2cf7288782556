//! The receiving side of the queue: one offer for each slot that asks, whatever happens to the broker meanwhile. It
//! makes nothing at the broker, because a worker's user may not.

use super::{
    connection::{ANSWER_TIMEOUT_MS, Nats},
    delivery::InHand,
    offers,
    streams::{CONSUMER, offers_stream},
};
use crate::{Delivery, WorkSource};
use async_nats::jetstream::{AckKind, Message, consumer::PullConsumer};
use async_trait::async_trait;
use futures::StreamExt;
use std::time::Duration;
use tokio::{sync::OnceCell, time::timeout};
use tokio_util::sync::CancellationToken;

/// How long one question for an offer waits at the broker, in milliseconds. A broker that lost its stream tells
/// nobody, so this is also how long a worker waits in vain after that.
const PULL_MS: u64 = 5_000;
/// How much later than that the end of the question may arrive, in milliseconds.
const PULL_GRACE_MS: u64 = 1_000;
/// Wait after the first failed question, in milliseconds; it doubles with each further one.
const WAIT_MS: u64 = 50;
/// The longest wait between two questions, in milliseconds.
const WAIT_MS_MAX: u64 = 1_000;

/// The receiving side of the queue.
pub struct NatsWorkSource {
    nats: Nats,
    consumer: OnceCell<PullConsumer>,
    closed: CancellationToken,
}

impl NatsWorkSource {
    /// Receives over this connection.
    #[must_use]
    pub fn new(nats: &Nats) -> Self {
        Self { nats: nats.clone(), consumer: OnceCell::new(), closed: nats.closing().child_token() }
    }

    /// No offer is given out any more; who waits for one goes home. The connection stays.
    pub fn close(&self) {
        self.closed.cancel();
    }

    /// Asks until there is an offer.
    async fn patiently(&self) -> Box<dyn Delivery> {
        let mut wait = Duration::from_millis(WAIT_MS);
        loop {
            let epoch = self.nats.connected().await;
            let asked = tokio::select! {
                asked = self.ask() => asked,
                () = self.nats.disconnected(epoch) => continue,
            };
            match asked {
                Ok(Some(delivery)) => return delivery,
                Ok(None) => wait = Duration::from_millis(WAIT_MS),
                Err(error) => {
                    tracing::debug!(%error, "asking the broker for an offer again");
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = self.nats.disconnected(epoch) => {}
                    }
                    wait = (wait * 2).min(Duration::from_millis(WAIT_MS_MAX));
                }
            }
        }
    }

    async fn ask(&self) -> Result<Option<Box<dyn Delivery>>, async_nats::Error> {
        let consumer = self.consumer.get_or_try_init(|| {
            self.nats.jetstream().get_consumer_from_stream(CONSUMER, offers_stream(&self.nats))
        });
        let asked =
            consumer.await?.batch().max_messages(1).expires(Duration::from_millis(PULL_MS)).messages();
        let mut answers = timeout(Duration::from_millis(ANSWER_TIMEOUT_MS), asked).await??;
        match timeout(Duration::from_millis(PULL_MS + PULL_GRACE_MS), answers.next()).await? {
            Some(message) => Ok(self.take(message?).await),
            None => Ok(None),
        }
    }

    async fn take(&self, message: Message) -> Option<Box<dyn Delivery>> {
        let deliveries = message.info().map_or(1, |info| info.delivered);
        let offer = offers::read(&message.payload);
        if let Some(offer) = offer
            && deliveries <= i64::from(self.nats.settings().queue.deliveries_max)
        {
            return Some(Box::new(InHand::new(&self.nats, offer, message)));
        }
        tracing::warn!(
            deliveries,
            "an offer is taken out of the queue: nobody has finished it, or can read it"
        );
        // When this fails the broker gives it out no more, and drops it when its age is reached.
        let _ = message.ack_with(AckKind::Term).await;
        None
    }
}

#[async_trait]
impl WorkSource for NatsWorkSource {
    async fn next(&self) -> Option<Box<dyn Delivery>> {
        tokio::select! {
            biased;
            () = self.closed.cancelled() => None,
            delivery = self.patiently() => Some(delivery),
        }
    }
}
