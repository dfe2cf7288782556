//! What is remembered of one batch, one reservation, one late release: the shapes of the rows. Fields added later have
//! a default, so that rows of earlier versions are read.

use leafcutter_dispatch::HostKey;
use leafcutter_domain::{
    AccountId, BatchId, GrantId, ItemIndex, Moment, Period, ReservationId, WorkerId, batch::BatchState,
    ledger::Funds,
};
use leafcutter_event_store::LedgerId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An item that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum OpenItem {
    Pending,
    Running { attempt: u32, worker: WorkerId, deadline: Moment },
}

/// A batch with items that have not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenBatch {
    pub(super) account: AccountId,
    pub(super) items: BTreeMap<ItemIndex, OpenItem>,
    /// The round that runs.
    #[serde(default)]
    pub(super) round: u32,
    /// Starts so far of the items that were started, as far as this round knows.
    #[serde(default)]
    pub(super) starts: BTreeMap<ItemIndex, u32>,
    /// What is known of its pages; nothing is offered before.
    #[serde(default)]
    pub(super) pages: Option<Pages>,
}

/// What of a batch's pages decides when they are offered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Pages {
    /// Items that may run at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) concurrency: Option<u16>,
    /// The items of each host: most batches have few, and a row is written at every step of a batch.
    pub(super) hosts: BTreeMap<HostKey, BTreeSet<ItemIndex>>,
}

impl Pages {
    /// As the batch itself remembers them.
    pub(super) fn of(batch: &BatchState) -> Self {
        let concurrency = batch.submission.as_ref().and_then(|submitted| submitted.options.concurrency);
        let mut pages = Self { concurrency, ..Self::default() };
        for (item, page) in (0..).zip(&batch.items) {
            pages.add(item, &page.url);
        }
        pages
    }

    pub(super) fn add(&mut self, item: ItemIndex, url: &str) {
        if let Some(host) = HostKey::of_text(url) {
            self.hosts.entry(host).or_default().insert(item);
        }
    }

    pub(super) fn host_of(&self, item: ItemIndex) -> Option<HostKey> {
        self.hosts.iter().find(|(_, items)| items.contains(&item)).map(|(host, _)| *host)
    }
}

/// What the place of cookies is to be told of a batch that came with some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum CookieDuty {
    /// The batch runs: they stay.
    Keep,
    /// The batch has ended: they go after a while.
    End,
}

/// Credits set aside that are not settled to their end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenReservation {
    pub(super) account: AccountId,
    pub(super) period: Period,
    pub(super) batch: BatchId,
    pub(super) unsettled: BTreeSet<ItemIndex>,
    /// Whether a batch event has named it.
    pub(super) named: bool,
    pub(super) at: Moment,
}

impl OpenReservation {
    pub(super) fn ledger(&self) -> LedgerId {
        LedgerId { account: self.account, period: self.period }
    }
}

/// Top-up credits released in a closed month, to be granted again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LateRelease {
    pub(super) account: AccountId,
    pub(super) period: Period,
    pub(super) reservation: ReservationId,
    pub(super) item: ItemIndex,
    pub(super) funds: Funds,
}

impl LateRelease {
    pub(super) fn grant(&self) -> GrantId {
        GrantId::of_late_release(self.period, self.reservation, self.item)
    }
}

/// Which reservation: the same id may be open in two months when a submit was repeated across a month's turn.
pub(super) type ReservationKey = (ReservationId, Period);

/// Which late release: the item whose settlement freed the credits.
pub(super) type ReleaseKey = (ReservationKey, ItemIndex);

/// A thing that is remembered, for telling which rows have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Batch(BatchId),
    Reservation(ReservationKey),
    Release(ReleaseKey),
    Cookies(BatchId),
    Erasure(BatchId),
    Aged,
}
