//! How work reaches workers and how they answer: the ports `Dispatch`, `WorkSource`, `WorkDesk` and `Lease`, with an
//! adapter inside the process and one over the broker NATS. What work *is* (claims, leases, outcomes) is decided at
//! the desk, which lives in `command-api`; the broker is never the truth. Not here: rules, persistence, HTTP.

mod desk;
mod host;
mod in_process;
mod lease;
pub mod nats;

pub use desk::{
    Assignment, ClaimAnswer, ClaimRequest, Cookies, DeskError, FailedPage, LeaseToken, Outcome, Report,
    ReportAnswer, ScrapedPage, WorkDesk,
};
pub use host::HostKey;
pub use in_process::{InProcessQueue, in_process};
pub use lease::{Held, Lease, SoleOwner};

use async_trait::async_trait;
use leafcutter_domain::{BatchId, ItemIndex};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Items of one batch, offered to whichever slot takes them first.
///
/// An offer is a hint: it may be lost, repeated or out of date. Only a claim at the desk starts an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Made from what is offered and roughly when, so that a broker can drop a repeat of the same offer.
    pub id: Uuid,
    /// The batch.
    pub batch: BatchId,
    /// At most `OFFER_ITEMS_MAX` items.
    pub items: Vec<ItemIndex>,
    /// The hosts of their pages, as far as they are known, so that a worker need not start an item to learn that its
    /// host has to wait.
    pub hosts: BTreeMap<ItemIndex, HostKey>,
}

/// Items of one batch that one slot may take at a time.
pub const OFFER_ITEMS_MAX: usize = 8;

/// The queue did not take the offer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DispatchError {
    /// As many offers as the queue holds; they stay open and are made again.
    #[error("the queue holds as many offers as it may")]
    Full,
    /// The queue is gone.
    #[error("the queue is closed")]
    Closed,
    /// The broker does not answer; the offer may or may not have been taken, and is made again.
    #[error("{0}; the offer is made again")]
    Unavailable(String),
}

/// The sending side, used by the dispatch reaction.
#[async_trait]
pub trait Dispatch: Send + Sync {
    /// Puts an offer on the queue.
    ///
    /// # Errors
    /// The queue is full or closed and nothing was taken, or the broker does not answer and it may have been.
    async fn offer(&self, offer: Offer) -> Result<(), DispatchError>;
}

/// The receiving side, used by a worker that has a permit in hand.
#[async_trait]
pub trait WorkSource: Send + Sync {
    /// The next offer; `None` when the queue is closed and no more will come.
    async fn next(&self) -> Option<Box<dyn Delivery>>;
}

/// An offer in a worker's hands.
#[async_trait]
pub trait Delivery: Send + Sync {
    /// What is offered.
    fn offer(&self) -> &Offer;
    /// Says that every item of the offer was reported or refused; without it the broker delivers again.
    async fn acknowledge(self: Box<Self>);
}
