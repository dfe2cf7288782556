//! The movements of credits. Their stored form is public and hashed: names and fields stay as they are.

use super::funds::Funds;
use crate::{
    AccountId, BatchId, ErrorCode, GrantId, ItemIndex, Moment, Period, ReservationId, event::events,
};
use serde::{Deserialize, Serialize};

events! {
    /// Everything that can happen to credits.
    LedgerEvent { PeriodOpened, CreditsGranted, CreditsReserved, CreditsCharged, CreditsRefunded, PeriodClosed }
}

/// The end of the month that this one follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviousPeriod {
    /// The month.
    pub period: Period,
    /// Hash of its `PeriodClosed` in the chain, hex.
    pub hash: String,
}

/// A month began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeriodOpened {
    /// The owner.
    pub account: AccountId,
    /// The month.
    pub period: Period,
    /// The month before it in this account's chain, unless this is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousPeriod>,
    /// The month's allowance.
    pub allowance: u64,
    /// Top-ups brought along.
    #[serde(default, skip_serializing_if = "Funds::is_empty")]
    pub carried: Funds,
    /// When.
    pub at: Moment,
}

/// Top-up credits were added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreditsGranted {
    /// The grant; the same one is never added twice.
    pub grant: GrantId,
    /// The credits and how long they last.
    pub funds: Funds,
    /// The reservation of a closed month whose release is given back here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_by: Option<ReservationId>,
    /// When.
    pub at: Moment,
}

/// Credits were set aside for a round of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreditsReserved {
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
    /// Credits for all.
    pub total: u64,
    /// When.
    pub at: Moment,
}

/// An item was paid for from what was set aside for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreditsCharged {
    /// The reservation.
    pub reservation: ReservationId,
    /// The batch.
    pub batch: BatchId,
    /// The item.
    pub item: ItemIndex,
    /// The attempt that is paid for.
    pub attempt: u32,
    /// Its price.
    pub amount: u64,
    /// What was set aside for the item beyond its price, and is free again.
    pub released: u64,
    /// Why the item failed, when a failed one is paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<ErrorCode>,
    /// The part of `released` that lasts beyond this month, when the month was already closed: it is granted
    /// again in a later month.
    #[serde(default, skip_serializing_if = "Funds::is_empty")]
    pub carried_out: Funds,
    /// When.
    pub at: Moment,
}

/// Why credits that were set aside are free again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefundReason {
    /// The item failed.
    Failed,
    /// The item was pending when its batch was cancelled.
    Cancelled,
    /// The round never began, or the batch broke.
    Abandoned,
}

/// Items were not charged; what was set aside for them is free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreditsRefunded {
    /// The reservation.
    pub reservation: ReservationId,
    /// The batch.
    pub batch: BatchId,
    /// The items.
    pub items: Vec<ItemIndex>,
    /// Credits for all of them.
    pub amount: u64,
    /// Why.
    pub reason: RefundReason,
    /// The part of `amount` that lasts beyond this month, when the month was already closed.
    #[serde(default, skip_serializing_if = "Funds::is_empty")]
    pub carried_out: Funds,
    /// When.
    pub at: Moment,
}

/// The month ended: nothing new is set aside in it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeriodClosed {
    /// Free credits that last longer and go to the next month.
    pub carried_out: Funds,
    /// Free credits that end with the month.
    pub expired: u64,
    /// The month that follows, whatever a clock says: idle months between are passed over for good, so that there is one
    /// line of months. Missing where the first release has ended the month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Period>,
    /// When.
    pub at: Moment,
}
