//! What a batch remembers: its terms, its items and how each round of each item ended.

use super::event::{BatchFailure, Channel, RoundTerms};
use crate::{
    AccountId, BatchId, ErrorCode, ItemIndex, Moment, ScrapeOptions, WorkerId,
    limits::{ATTEMPTS_MAX, RETRY_ROUNDS_MAX},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Phase {
    /// Not submitted.
    #[default]
    New,
    /// Work is open.
    Open,
    /// Every item has ended.
    Completed,
    /// Stopped by the client; running items may still finish.
    Cancelled,
    /// Broken.
    Failed(BatchFailure),
}

/// What the submit said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The batch.
    pub batch: BatchId,
    /// Its owner.
    pub account: AccountId,
    /// What is asked of each page.
    pub options: ScrapeOptions,
    /// Whether pages need cookies.
    pub has_cookies: bool,
    /// Where it came from.
    pub channel: Channel,
    /// Version of the price list.
    pub price_list: u32,
    /// Keyed hash of the request.
    pub fingerprint: Option<String>,
    /// When.
    pub at: Moment,
}

/// A round and how its items ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Credits and attempts.
    pub terms: RoundTerms,
    /// Its items.
    pub items: BTreeSet<ItemIndex>,
    /// Those that have ended, and what that means for the credits set aside.
    pub outcomes: BTreeMap<ItemIndex, RoundOutcome>,
    /// Keyed hash of the retry's idempotency key.
    pub idempotency: Option<String>,
    /// Keyed hash of the retry request.
    pub fingerprint: Option<String>,
}

/// What the end of an item means for the credits that its round set aside for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoundOutcome {
    /// This attempt is charged.
    Completed {
        /// The attempt.
        attempt: u32,
        /// Its price.
        credits: u64,
    },
    /// The attempt failed; its price is usually 0.
    Failed {
        /// The attempt; 0 when none was made.
        attempt: u32,
        /// Its price.
        credits: u64,
        /// Why.
        code: ErrorCode,
    },
    /// The item was pending when the batch was cancelled.
    Cancelled,
    /// The batch broke.
    Broken,
}

/// A running attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The worker's incarnation.
    pub worker: WorkerId,
    /// The worker's name for the claim.
    pub claim: Uuid,
    /// BLAKE3 of the lease token, hex.
    pub lease_hash: String,
    /// When the lease ends.
    pub deadline: Moment,
}

/// Where an item stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemStatus {
    /// Waiting for a worker.
    Pending,
    /// In a worker's hands.
    Running(Running),
    /// Ended with a result.
    Completed,
    /// Ended without one.
    Failed,
    /// Ended by a cancel, or with its broken batch.
    Cancelled,
}

/// One page of the batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The page.
    pub url: String,
    /// Where it stands.
    pub status: ItemStatus,
    /// The round that queued it last.
    pub round: u32,
    /// Starts so far.
    pub attempt: u32,
    /// The last attempt whose objects are erased, with those of all before it; 0: none are.
    pub erased_attempt: u32,
    /// Lease of the last attempt that ended by a report, so that the same report again is recognised.
    pub last_lease: Option<String>,
    /// Attempts of this round that reached the page and failed.
    pub tries: u8,
    /// Times of this round that a worker or browser was lost.
    pub lost: u8,
    /// Times of this round that we took it back.
    pub put_backs: u8,
}

impl RoundOutcome {
    /// What the item cost in its round.
    #[must_use]
    pub fn credits(&self) -> u64 {
        match self {
            Self::Completed { credits, .. } | Self::Failed { credits, .. } => *credits,
            Self::Cancelled | Self::Broken => 0,
        }
    }
}

impl Item {
    /// A page waiting for its first round.
    #[must_use]
    pub fn queued(url: String, round: u32) -> Self {
        Self {
            url,
            status: ItemStatus::Pending,
            round,
            attempt: 0,
            erased_attempt: 0,
            last_lease: None,
            tries: 0,
            lost: 0,
            put_backs: 0,
        }
    }
}

/// What a batch remembers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BatchState {
    /// Where it stands.
    pub phase: Phase,
    /// What the submit said.
    pub submission: Option<Submission>,
    /// Its pages, in submit order.
    pub items: Vec<Item>,
    /// Rounds that began, in order.
    pub rounds: Vec<Round>,
    /// Rounds that may not begin.
    pub abandoned: BTreeSet<u32>,
    /// Time of the last event.
    pub last_at: Option<Moment>,
    /// When an attempt last began or ended whose objects may still be stored; `None` when there are none.
    pub attempted_at: Option<Moment>,
    /// When objects were last erased.
    pub erased_at: Option<Moment>,
}

impl BatchState {
    /// The first round that may still begin.
    #[must_use]
    pub fn next_round(&self) -> u32 {
        let begun = self.rounds.last().map_or(0, |round| round.terms.round);
        begun.max(self.abandoned.last().copied().unwrap_or(0)) + 1
    }

    /// The round of this number, if it began.
    #[must_use]
    pub fn round(&self, number: u32) -> Option<&Round> {
        self.rounds.iter().find(|round| round.terms.round == number)
    }

    /// The item at this position.
    #[must_use]
    pub fn item(&self, index: ItemIndex) -> Option<&Item> {
        self.items.get(usize::from(index))
    }

    /// What the item has cost so far, over all rounds: what the ledger charges for it in all once it is settled.
    #[must_use]
    pub fn credits_used(&self, item: ItemIndex) -> u64 {
        self.rounds.iter().filter_map(|round| round.outcomes.get(&item)).map(RoundOutcome::credits).sum()
    }

    /// Positions of the items that stand like this.
    pub fn indexes(&self, matches: impl Fn(&ItemStatus) -> bool) -> impl Iterator<Item = ItemIndex> {
        (0..).zip(&self.items).filter(move |(_, item)| matches(&item.status)).map(|(index, _)| index)
    }

    /// Positions of the items that have failed.
    #[must_use]
    pub fn failed_items(&self) -> Vec<ItemIndex> {
        self.indexes(|status| matches!(status, ItemStatus::Failed)).collect()
    }

    /// Positions of the items that wait for a worker.
    #[must_use]
    pub fn pending_items(&self) -> Vec<ItemIndex> {
        self.indexes(|status| matches!(status, ItemStatus::Pending)).collect()
    }

    /// Whether any item waits or runs.
    #[must_use]
    pub fn has_open_items(&self) -> bool {
        self.indexes(|status| matches!(status, ItemStatus::Pending | ItemStatus::Running(_))).next().is_some()
    }

    /// Explicit retries so far.
    #[must_use]
    pub fn retries(&self) -> u32 {
        u32::try_from(self.rounds.len().saturating_sub(1)).unwrap_or(RETRY_ROUNDS_MAX)
    }

    /// Attempts that the current round gives each item.
    #[must_use]
    pub fn max_attempts(&self, round: u32) -> u8 {
        self.round(round).map_or(1, |round| round.terms.max_attempts.clamp(1, ATTEMPTS_MAX))
    }
}
