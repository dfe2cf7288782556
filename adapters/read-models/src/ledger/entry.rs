//! One movement of credits, as its owner reads it.

use leafcutter_domain::{
    AccountId, BatchId, ErrorCode, ItemIndex, Moment, Period, ReservationId, ledger::RefundReason,
};
use leafcutter_event_store::Position;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// The month began with its allowance and what the month before carried.
    Opened,
    /// Top-up credits were added.
    Granted,
    /// Credits were set aside for a round of a batch.
    Reserved,
    /// An item was paid for.
    Charged,
    /// Credits that were set aside are free again.
    Refunded,
    /// The month ended.
    Closed,
}

impl EntryKind {
    /// Every kind, in the order of a month's life.
    pub const ALL: [Self; 6] =
        [Self::Opened, Self::Granted, Self::Reserved, Self::Charged, Self::Refunded, Self::Closed];

    /// The word on the wire and in the tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Granted => "granted",
            Self::Reserved => "reserved",
            Self::Charged => "charged",
            Self::Refunded => "refunded",
            Self::Closed => "closed",
        }
    }

    /// The name of the event that an entry of this kind tells of.
    #[must_use]
    pub fn event_name(self) -> &'static str {
        match self {
            Self::Opened => "PeriodOpened",
            Self::Granted => "CreditsGranted",
            Self::Reserved => "CreditsReserved",
            Self::Charged => "CreditsCharged",
            Self::Refunded => "CreditsRefunded",
            Self::Closed => "PeriodClosed",
        }
    }
}

/// Why credits moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The month brought its allowance.
    Allowance,
    /// Credits were bought or given.
    TopUp,
    /// A closed month freed credits that last longer.
    LateRelease,
    /// The item has a result.
    Completed,
    /// The item failed with this code, which has a price.
    FailedWith(ErrorCode),
    /// What was set aside was given back.
    Refund(RefundReason),
    /// The month ended.
    MonthEnd,
}

impl Reason {
    /// The word on the wire and in the tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowance => "allowance",
            Self::TopUp => "topUp",
            Self::LateRelease => "lateRelease",
            Self::Completed => "completed",
            Self::FailedWith(code) => code.as_str(),
            Self::Refund(RefundReason::Failed) => "failed",
            Self::Refund(RefundReason::Cancelled) => "cancelled",
            Self::Refund(RefundReason::Abandoned) => "abandoned",
            Self::MonthEnd => "monthEnd",
        }
    }

    /// Every reason, for tables and documents.
    pub fn all() -> impl Iterator<Item = Self> {
        let refunds = [RefundReason::Failed, RefundReason::Cancelled, RefundReason::Abandoned];
        let plain = [Self::Allowance, Self::TopUp, Self::LateRelease, Self::Completed, Self::MonthEnd];
        let failures = ErrorCode::ALL.iter().map(|code| Self::FailedWith(*code));
        plain.into_iter().chain(refunds.map(Self::Refund)).chain(failures)
    }

    /// The reason of this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::all().find(|reason| reason.as_str() == word)
    }
}

/// One event of a ledger: what it moved, and what was left after it. In a month
/// `balance = balance before + change`; the first entry starts from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The month whose books it is in.
    pub period: Period,
    /// Revision of its event in that month's stream.
    pub revision: u64,
    /// What moved.
    pub kind: EntryKind,
    /// When.
    pub at: Moment,
    /// Credits that moved: came in, were set aside, paid, given back; at a close what was free until then.
    pub amount: u64,
    /// By how much the free credits grew; below 0 where they shrank.
    pub change: i64,
    /// Free credits after it.
    pub balance: u64,
    /// Credits set aside after it.
    pub held: u64,
    /// Credits paid in this month after it.
    pub spent: u64,
    /// The batch that it is about.
    pub batch: Option<BatchId>,
    /// The round of credits set aside.
    pub round: Option<u32>,
    /// What was set aside, for the entries that set aside, pay and give back; of a late release where it was freed.
    pub reservation: Option<ReservationId>,
    /// The items that it is about, in ascending order of their reservation.
    pub items: Vec<ItemIndex>,
    /// The attempt that is paid for.
    pub attempt: Option<u32>,
    /// Why; setting credits aside needs no reason but its batch.
    pub reason: Option<Reason>,
}

/// An entry with its owner and the event that it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEntry {
    /// The owner.
    pub account: AccountId,
    /// What moved.
    pub entry: LedgerEntry,
    /// Id of the event.
    pub event: Uuid,
    /// Position of the event in the log.
    pub position: Position,
}

/// Which entries of an account are asked for.
#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    /// Those of this moment or later.
    pub from: Option<Moment>,
    /// Those of before this moment.
    pub to: Option<Moment>,
    /// Those about this batch.
    pub batch: Option<BatchId>,
    /// Those about this item, among others.
    pub item: Option<ItemIndex>,
    /// Those of these kinds; empty for all.
    pub kinds: Vec<EntryKind>,
}

impl EntryFilter {
    /// Whether every entry of the account is asked for.
    pub(crate) fn is_all(&self) -> bool {
        let Self { from, to, batch, item, kinds } = self;
        from.is_none() && to.is_none() && batch.is_none() && item.is_none() && kinds.is_empty()
    }
}

/// Some entries of a statement.
#[derive(Debug, Clone, Default)]
pub struct EntryPage {
    /// The entries, the last of the latest month first.
    pub entries: Vec<RecordedEntry>,
    /// How many the whole list has.
    pub total: u64,
}
