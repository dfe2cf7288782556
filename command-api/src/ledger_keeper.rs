//! Which month's ledger is the present one, and how it is opened: the month before is closed first, what lasts is
//! carried, and clocks of replicas may disagree. Reserving and granting go through here.
//!
//! Months are one line: an account's first is that in which it was opened, and the end of each names the next. Whoever
//! comes with another month in mind, because its clock is behind, follows the line; else what a month carries on would
//! be carried twice.

use crate::Commands;
use leafcutter_domain::{
    AccountId, Moment, Period,
    account::Account,
    ledger::{ClosePeriod, Funds, Grant, LedgerRejection, OpenPeriod, PreviousPeriod, Reserve},
};
use leafcutter_event_store::{LedgerId, Streams, TransactError};
use leafcutter_wire::{ApiError, BegunMonth};

/// Times that the line of months is looked at while replicas with other clocks go on with it: two for each link.
const LOOKS_MAX: usize = 8;

const NO_SUCH_ACCOUNT: ApiError = ApiError::NotFound("There is no such account.");

/// The month in which the account was opened.
async fn first_month(accounts: &Streams<Account>, account: AccountId) -> Result<Period, ApiError> {
    let opened = accounts.recall(account, |folded| folded.state.opened_at.map(Period::of)).await?;
    opened.ok_or(NO_SUCH_ACCOUNT)
}

async fn allowance(accounts: &Streams<Account>, account: AccountId) -> Result<u64, ApiError> {
    let known =
        accounts.inspect(account, |folded| folded.state.opened_at.map(|_| folded.state.monthly_credits));
    known.await?.ok_or(NO_SUCH_ACCOUNT)
}

impl Commands {
    /// The ledger in which credits of this account move at `now`, which is that month's or a later one: opens it, and
    /// closes the one before, when it is due.
    pub(crate) async fn open_ledger(&self, account: AccountId, now: Moment) -> Result<LedgerId, ApiError> {
        let (wanted, first) = (Period::of(now), first_month(&self.accounts, account).await?);
        for _ in 0..LOOKS_MAX {
            let (period, previous, carried) = match self.ledgers.last_begun(account, wanted, first).await? {
                None => (first, None, Funds::default()),
                Some(BegunMonth { id, closed: false, .. }) if id.period >= wanted => return Ok(id),
                Some(BegunMonth { id, closed: false, .. }) => {
                    self.ledgers.transact(id, ClosePeriod { next: wanted, at: now }).await?;
                    continue;
                }
                Some(BegunMonth { id, next, lasting, close, .. }) => {
                    let period = next.unwrap_or(wanted.max(id.period.next()));
                    // Not that of the last entry: what was open is settled after the close.
                    let hash = self.ledgers.hash_at(id, close.unwrap_or_default()).await?.unwrap_or_default();
                    (period, Some(PreviousPeriod { period: id.period, hash }), lasting)
                }
            };
            let allowance = allowance(&self.accounts, account).await?;
            let open = OpenPeriod { account, period, previous, allowance, carried, at: now };
            self.ledgers.transact(LedgerId { account, period }, open).await?;
        }
        Err(ApiError::Busy("the month is turning."))
    }

    /// Sets credits aside in the present month. Before it refuses for want of credits or room, it settles what has
    /// ended among the account's open reservations and decides again. A reservation that is settled already is no
    /// refusal: a twin of the request has used it, or the sweep has given it back, and the batch says which.
    pub(crate) async fn reserve(&self, account: AccountId, reserve: Reserve) -> Result<LedgerId, ApiError> {
        let mut settled = false;
        for _ in 0..LOOKS_MAX {
            let id = self.open_ledger(account, reserve.at).await?;
            let before = self.ledgers.unsettled_before(id).await?;
            // Those months are closed, so the number only falls and the sum can be too high for a moment only.
            let open_before: usize = before.iter().map(|(_, open)| open).sum();
            let open_max = reserve.open_max.saturating_sub(open_before);
            let refused = match self.ledgers.transact(id, Reserve { open_max, ..reserve.clone() }).await {
                Ok(_) => return Ok(id),
                Err(refused) => refused,
            };
            match refused {
                TransactError::Rejected(LedgerRejection::ReservationClosed) => return Ok(id),
                // Another replica has turned the month.
                TransactError::Rejected(LedgerRejection::Closed) => {}
                TransactError::Rejected(
                    LedgerRejection::InsufficientCredits { .. } | LedgerRejection::TooManyOpen { .. },
                ) if !settled => {
                    settled = true;
                    for month in before.into_iter().map(|(month, _)| month).chain([id]) {
                        self.settle_ledger(month).await?;
                    }
                }
                TransactError::Rejected(LedgerRejection::TooManyOpen { open }) => {
                    return Err(ApiError::TooManyPending { open: open + open_before });
                }
                refused => return Err(refused.into()),
            }
        }
        Err(ApiError::Busy("the month is turning."))
    }

    /// Adds credits in the present month, unless it or one since `from` has them already.
    pub(crate) async fn grant(&self, account: AccountId, from: Period, grant: Grant) -> Result<(), ApiError> {
        let mut period = from;
        for _ in 0..LOOKS_MAX {
            // Looked for in the past months first: a grant that was made opens no month.
            let now = Period::of(grant.at);
            let last = if period < now { now } else { self.open_ledger(account, grant.at).await?.period };
            while period <= last {
                match self.ledgers.transact(LedgerId { account, period }, grant.clone()).await {
                    Ok(_) => return Ok(()),
                    Err(TransactError::Rejected(LedgerRejection::Closed | LedgerRejection::NotOpen)) => {}
                    Err(error) => return Err(error.into()),
                }
                period = period.next();
            }
            period = last;
        }
        Err(ApiError::Busy("the month is turning."))
    }
}
