//! An offer in a worker's hands: the broker is told that it is being worked on until it is acknowledged or dropped.

use super::connection::{ANSWER_TIMEOUT_MS, Nats};
use crate::{Delivery, Offer};
use async_nats::jetstream::{AckKind, Message};
use async_trait::async_trait;
use std::time::Duration;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

/// Signs of life within the time after which the broker gives an offer to another worker.
const SIGNS_PER_ACK_WAIT: u32 = 3;
/// How long an offer is kept from other workers at most, in milliseconds; far more than its items can take.
const HOLD_MS_MAX: u64 = 3_600_000;
/// Wait before an offer that was dropped is given out again, in milliseconds, so that an offer that breaks its
/// worker does not go round at full speed.
const GIVE_BACK_MS: u64 = 500;

/// Fires when the acknowledgement is done.
type Done = oneshot::Sender<()>;

/// An offer in a worker's hands. Dropped without an acknowledgement it is given back at once, so that other workers
/// need not wait until the silence is noticed.
pub(super) struct InHand {
    offer: Offer,
    /// Its loss tells the task that the delivery was dropped.
    acknowledge: Option<oneshot::Sender<Done>>,
}

impl InHand {
    pub(super) fn new(nats: &Nats, offer: Offer, message: Message) -> Self {
        let (acknowledge, told) = oneshot::channel();
        nats.spawn(mind(nats.clone(), message, told));
        Self { offer, acknowledge: Some(acknowledge) }
    }
}

#[async_trait]
impl Delivery for InHand {
    fn offer(&self) -> &Offer {
        &self.offer
    }

    async fn acknowledge(mut self: Box<Self>) {
        let (done, is_done) = oneshot::channel();
        if let Some(acknowledge) = self.acknowledge.take()
            && acknowledge.send(done).is_ok()
        {
            let _ = is_done.await;
        }
    }
}

/// Owns the message until it is acknowledged, given back, or held for too long.
async fn mind(nats: Nats, message: Message, told: oneshot::Receiver<Done>) {
    let every = Duration::from_millis(nats.settings().queue.ack_wait_ms) / SIGNS_PER_ACK_WAIT;
    let end = Instant::now() + Duration::from_millis(HOLD_MS_MAX);
    tokio::pin!(told);
    let kind = loop {
        tokio::select! {
            biased;
            told = &mut told => match told {
                Ok(done) => break acknowledge(&nats, &message, done).await,
                Err(_) => break Some(AckKind::Nak(Some(Duration::from_millis(GIVE_BACK_MS)))),
            },
            () = tokio::time::sleep_until(end) => break None,
            () = tokio::time::sleep(every) => say(&nats, &message, AckKind::Progress).await,
        }
    };
    if let Some(kind) = kind {
        say(&nats, &message, kind).await;
    }
}

/// Waits for the broker's answer, within bounds: without it the offer would come back to a worker in vain.
async fn acknowledge(nats: &Nats, message: &Message, done: Done) -> Option<AckKind> {
    let limit = Duration::from_millis(ANSWER_TIMEOUT_MS);
    let said = match nats.ready() {
        Ok(_) => timeout(limit, message.double_ack()).await.map_err(|_| "no answer in time".to_owned()),
        Err(trouble) => Err(trouble),
    };
    match said {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an offer was not acknowledged; it comes back in vain"),
        Err(trouble) => tracing::debug!(trouble, "an offer was not acknowledged; it comes back in vain"),
    }
    let _ = done.send(());
    None
}

/// Tells the broker, if it is there; what it does not hear it takes as silence.
async fn say(nats: &Nats, message: &Message, kind: AckKind) {
    if nats.ready().is_ok() {
        let limit = Duration::from_millis(ANSWER_TIMEOUT_MS);
        let _ = timeout(limit, message.ack_with(kind)).await;
    }
}
