//! What a month's ledger remembers: the sums, the open reservations, and the ids that make repeats harmless.

use super::funds::Funds;
use crate::{AccountId, BatchId, GrantId, ItemIndex, Moment, Period, ReservationId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Credits set aside for a round, as far as they are not settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The batch.
    pub batch: BatchId,
    /// The round.
    pub round: u32,
    /// Items that it was made for.
    pub items: usize,
    /// Credits for each item.
    pub per_item: u64,
    /// Items that are not settled.
    pub unsettled: BTreeSet<ItemIndex>,
    /// The credits still set aside.
    pub held: Funds,
    /// When it was made.
    pub at: Moment,
}

/// What a month's ledger remembers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LedgerState {
    /// The owner; `None` before the month begins.
    pub account: Option<AccountId>,
    /// The month; `None` before it begins.
    pub period: Option<Period>,
    /// The month that this one follows.
    pub previous: Option<Period>,
    /// The month that follows this one, once it has ended.
    pub next: Option<Period>,
    /// The month's allowance.
    pub allowance: u64,
    /// Everything that came in: allowance, carried top-ups, grants.
    pub granted: u64,
    /// Free credits.
    pub available: Funds,
    /// Credits paid for items.
    pub spent: u64,
    /// Free credits that ended with the month.
    pub expired: u64,
    /// Free credits that went on to a later month.
    pub carried_out: u64,
    /// What the close carried to the next month.
    pub carried_at_close: Funds,
    /// Whether the month has ended.
    pub closed: bool,
    /// Open reservations.
    pub reservations: BTreeMap<ReservationId, Reservation>,
    /// Reservations that were settled to their end.
    pub settled: HashSet<ReservationId>,
    /// Grants made here.
    pub grants: HashSet<GrantId>,
    /// Events so far.
    pub entries: u64,
    /// Which of them, counted from 0, ended the month.
    pub close: Option<u64>,
    /// Time of the last event.
    pub last_at: Option<Moment>,
}

impl LedgerState {
    /// Credits set aside.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.reservations.values().map(|reservation| reservation.held.total()).sum()
    }

    /// What lasts beyond the month: carried at its close, or free in it; empty where the month has not begun.
    #[must_use]
    pub fn lasting(&self) -> Funds {
        match self.period {
            _ if self.closed => self.carried_at_close.clone(),
            Some(period) => self.available.lasting_beyond(period),
            None => Funds::default(),
        }
    }

    /// `granted = available + held + spent + expired + carried out`: holds after every event.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.granted == self.available.total() + self.held() + self.spent + self.expired + self.carried_out
    }
}
