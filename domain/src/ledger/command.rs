//! What may be asked of a month's ledger, and the rules that can forbid it.

use super::{event::PreviousPeriod, event::RefundReason, funds::Funds};
use crate::{
    AccountId, BatchId, ErrorCode, GrantId, ItemIndex, Moment, Period, ReservationId, batch::RoundOutcome,
    batch::command::commands_macro as commands,
};

commands! {
    /// Everything that can be asked of a ledger.
    LedgerCommand { OpenPeriod, Grant, Reserve, Settle, ClosePeriod }
}

/// Begin a month. Open already: nothing to record.
#[derive(Debug, Clone)]
pub struct OpenPeriod {
    /// The owner.
    pub account: AccountId,
    /// The month.
    pub period: Period,
    /// The month before it.
    pub previous: Option<PreviousPeriod>,
    /// The allowance.
    pub allowance: u64,
    /// Top-ups brought along.
    pub carried: Funds,
    /// Now.
    pub at: Moment,
}

/// Add top-up credits. The same grant again: nothing to record, also in a closed month.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The grant.
    pub grant: GrantId,
    /// The credits.
    pub funds: Funds,
    /// The reservation whose late release this gives back.
    pub released_by: Option<ReservationId>,
    /// Now.
    pub at: Moment,
}

/// Set credits aside for a round. The same reservation again: nothing to record.
#[derive(Debug, Clone)]
pub struct Reserve {
    /// The reservation.
    pub reservation: ReservationId,
    /// The batch.
    pub batch: BatchId,
    /// The round.
    pub round: u32,
    /// Its items.
    pub items: Vec<ItemIndex>,
    /// Credits for each.
    pub per_item: u64,
    /// Reservations that may be open at a time, those of other months counted by the caller off this.
    pub open_max: usize,
    /// Now.
    pub at: Moment,
}

/// What becomes of the credits set aside for one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The attempt is paid for.
    Charge {
        /// The attempt.
        attempt: u32,
        /// Its price.
        amount: u64,
        /// Why it failed, if it did.
        failure: Option<ErrorCode>,
    },
    /// Nothing is paid.
    Refund(RefundReason),
}

impl From<RoundOutcome> for Settlement {
    fn from(outcome: RoundOutcome) -> Self {
        match outcome {
            RoundOutcome::Completed { attempt, credits } => {
                Self::Charge { attempt, amount: credits, failure: None }
            }
            RoundOutcome::Failed { credits: 0, .. } => Self::Refund(RefundReason::Failed),
            RoundOutcome::Failed { attempt, credits, code } => {
                Self::Charge { attempt, amount: credits, failure: Some(code) }
            }
            RoundOutcome::Cancelled => Self::Refund(RefundReason::Cancelled),
            RoundOutcome::Broken => Self::Refund(RefundReason::Abandoned),
        }
    }
}

/// One item's settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettlementEntry {
    /// The item.
    pub item: ItemIndex,
    /// What becomes of its credits.
    pub settlement: Settlement,
}

/// Charge or refund items of a reservation. Items that are settled already: nothing to record for them.
#[derive(Debug, Clone)]
pub struct Settle {
    /// The reservation.
    pub reservation: ReservationId,
    /// The items.
    pub entries: Vec<SettlementEntry>,
    /// Now.
    pub at: Moment,
}

/// End the month. Ended already: nothing to record.
#[derive(Debug, Clone)]
pub struct ClosePeriod {
    /// The month that follows; the very next one, should this be no later month.
    pub next: Period,
    /// Now.
    pub at: Moment,
}

/// Why a command was refused; nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerRejection {
    /// The month has not begun.
    #[error("this month's ledger is not open")]
    NotOpen,
    /// The month has ended.
    #[error("this month's ledger is closed; use the next month's")]
    Closed,
    /// Not enough free credits.
    #[error("{needed} credits are needed and {available} are available")]
    InsufficientCredits {
        /// Credits asked for.
        needed: u64,
        /// Credits free.
        available: u64,
    },
    /// As many reservations are open as may be.
    #[error("{open} batches are unfinished, as many as may be")]
    TooManyOpen {
        /// Open reservations.
        open: usize,
    },
    /// The reservation exists with other items.
    #[error("this reservation was made for another request")]
    ReservationMismatch,
    /// The reservation exists at another price: of another request, or of the same one before prices changed.
    #[error("this reservation was made at {per_item} credits an item")]
    ReservationPriced {
        /// What was set aside for an item.
        per_item: u64,
    },
    /// The reservation was settled to its end.
    #[error("this reservation is settled and closed")]
    ReservationClosed,
    /// There is no such reservation.
    #[error("there is no such reservation")]
    ReservationUnknown,
    /// The amount is 0, or larger than any account can hold.
    #[error("an amount must be at least 1 and at most {max}", max = crate::limits::CREDITS_MAX)]
    AmountOutOfBounds,
}
