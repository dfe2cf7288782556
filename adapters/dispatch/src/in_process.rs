//! The embedded queue: offers in memory, first come first served. It forgets everything with the process, which
//! is safe because the dispatch reaction offers all open work again at start.

use crate::{Delivery, Dispatch, DispatchError, Offer, WorkSource};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

/// Both ends of the embedded queue.
#[derive(Clone)]
pub struct InProcessQueue {
    sender: mpsc::Sender<Offer>,
    receiver: Arc<Mutex<mpsc::Receiver<Offer>>>,
}

/// A queue that holds up to `capacity` offers.
#[must_use]
pub fn in_process(capacity: usize) -> InProcessQueue {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    InProcessQueue { sender, receiver: Arc::new(Mutex::new(receiver)) }
}

impl InProcessQueue {
    /// Ends the queue: no offer is taken or given out any more.
    pub async fn close(&self) {
        let mut receiver = self.receiver.lock().await;
        receiver.close();
        while receiver.try_recv().is_ok() {}
    }
}

#[async_trait]
impl Dispatch for InProcessQueue {
    async fn offer(&self, offer: Offer) -> Result<(), DispatchError> {
        self.sender.try_send(offer).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => DispatchError::Full,
            mpsc::error::TrySendError::Closed(_) => DispatchError::Closed,
        })
    }
}

#[async_trait]
impl WorkSource for InProcessQueue {
    async fn next(&self) -> Option<Box<dyn Delivery>> {
        let offer = self.receiver.lock().await.recv().await?;
        Some(Box::new(InHand(offer)))
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
