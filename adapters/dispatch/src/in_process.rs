//! The embedded queue: offers in memory, first come first served. It forgets everything with the process, which
//! is safe because the dispatch reaction offers all open work again at start.

use crate::{Delivery, Dispatch, DispatchError, Offer, WorkSource};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

/// Both ends of the embedded queue.
#[derive(Clone)]
pub struct InProcessQueue {
    sender: mpsc::Sender<Offer>,
    receiver: Arc<Mutex<mpsc::Receiver<Offer>>>,
    closed: CancellationToken,
}

/// A queue that holds up to `capacity` offers.
#[must_use]
pub fn in_process(capacity: usize) -> InProcessQueue {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    InProcessQueue { sender, receiver: Arc::new(Mutex::new(receiver)), closed: CancellationToken::new() }
}

impl InProcessQueue {
    /// Ends the queue: no offer is taken or given out any more.
    pub fn close(&self) {
        self.closed.cancel();
    }
}

#[async_trait]
impl Dispatch for InProcessQueue {
    async fn offer(&self, offer: Offer) -> Result<(), DispatchError> {
        if self.closed.is_cancelled() {
            return Err(DispatchError::Closed);
        }
        self.sender.try_send(offer).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => DispatchError::Full,
            mpsc::error::TrySendError::Closed(_) => DispatchError::Closed,
        })
    }
}

#[async_trait]
impl WorkSource for InProcessQueue {
    async fn next(&self) -> Option<Box<dyn Delivery>> {
        // The lock is held by whoever waits first, so closing must not need it.
        let next = async { self.receiver.lock().await.recv().await };
        tokio::select! {
            biased;
            () = self.closed.cancelled() => None,
            offer = next => Some(Box::new(InHand(offer?))),
        }
    }
}

struct InHand(Offer);

#[async_trait]
impl Delivery for InHand {
    fn offer(&self) -> &Offer {
        &self.0
    }

    async fn acknowledge(self: Box<Self>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use leafcutter_domain::BatchId;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn offer(item: u16) -> Offer {
        let (id, batch) = (Uuid::from_u128(item.into()), BatchId(Uuid::nil()));
        Offer { id, batch, items: vec![item], hosts: BTreeMap::new() }
    }

    #[tokio::test]
    async fn offers_come_out_in_the_order_they_went_in_and_a_full_queue_refuses() {
        let queue = in_process(2);
        queue.offer(offer(0)).await.unwrap();
        queue.offer(offer(1)).await.unwrap();
        assert_eq!(queue.offer(offer(2)).await, Err(DispatchError::Full));
        assert_eq!(queue.next().await.unwrap().offer(), &offer(0));
        assert_eq!(queue.next().await.unwrap().offer(), &offer(1));
    }

    #[tokio::test]
    async fn closing_sends_everyone_home_who_waits_for_an_offer() {
        let queue = in_process(2);
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                tokio::spawn(async move { queue.next().await.is_none() })
            })
            .collect();
        tokio::task::yield_now().await;
        queue.close();
        for waiter in waiting {
            assert!(waiter.await.unwrap());
        }
        assert_eq!(queue.offer(offer(0)).await, Err(DispatchError::Closed));
    }
}
