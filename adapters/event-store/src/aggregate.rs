//! Which stream an aggregate's events are in. The names are private to this file and to the log.

use crate::StreamName;
use leafcutter_domain::{
    AccountId, BatchId, Decider, DomainEvent, Period, account::Account, batch::Batch, ledger::Ledger,
    price_lists::PriceLists, quarantine::Quarantine,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, hash::Hash};

/// An aggregate with a place in the log.
pub trait Aggregate:
    Decider<
        State: Clone + Serialize + DeserializeOwned + Send + Sync,
        Command: Send + Sync,
        Event: DomainEvent + Clone + Send + Sync,
        Rejection: fmt::Debug + fmt::Display + Send,
    > + Send
    + Sync
    + 'static
{
    /// What names one of them.
    type Id: Copy + Eq + Hash + fmt::Debug + Send + Sync;
    /// The first part of the stream's name.
    const CATEGORY: &'static str;
    /// Whether each event's metadata carries the hash chain.
    const CHAINED: bool;
    /// The stream of one of them.
    fn stream(id: Self::Id) -> StreamName;
}

impl Aggregate for Batch {
    type Id = BatchId;
    const CATEGORY: &'static str = "batch";
    const CHAINED: bool = false;
    fn stream(id: BatchId) -> StreamName {
        StreamName::new(Self::CATEGORY, id)
    }
}

/// One month of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerId {
    /// The account.
    pub account: AccountId,
    /// The month.
    pub period: Period,
}

impl fmt::Display for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.account, self.period)
    }
}

impl Aggregate for Ledger {
    type Id = LedgerId;
    const CATEGORY: &'static str = "ledger";
    const CHAINED: bool = true;
    fn stream(id: LedgerId) -> StreamName {
        StreamName::new(Self::CATEGORY, id)
    }
}

impl Aggregate for Account {
    type Id = AccountId;
    const CATEGORY: &'static str = "account";
    const CHAINED: bool = false;
    fn stream(id: AccountId) -> StreamName {
        StreamName::new(Self::CATEGORY, id)
    }
}

/// What the quarantine is about, of which there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OfReadModels;

impl Aggregate for Quarantine {
    type Id = OfReadModels;
    const CATEGORY: &'static str = "quarantine";
    const CHAINED: bool = false;
    fn stream(_: OfReadModels) -> StreamName {
        StreamName::new(Self::CATEGORY, "read-models")
    }
}

impl Aggregate for PriceLists {
    /// There is one.
    type Id = ();
    const CATEGORY: &'static str = "prices";
    const CHAINED: bool = false;
    fn stream((): ()) -> StreamName {
        StreamName::new(Self::CATEGORY, "lists")
    }
}
