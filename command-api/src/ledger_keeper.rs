//! Which month's ledger is the present one, and how it is opened: the month before is closed first, what lasts is
//! carried, and clocks of replicas may disagree. Reserving and granting go through here.

use crate::Commands;
use leafcutter_domain::{
    AccountId, Moment, Period,
    account::Account,
    ledger::{ClosePeriod, Funds, Grant, LedgerRejection, OpenPeriod, PreviousPeriod, Reserve},
};
use leafcutter_event_store::{LedgerId, Streams, TransactError};
use leafcutter_wire::{ApiError, last_month};

/// Months that are tried when clocks disagree about the present one.
const MONTHS_TRIED_MAX: usize = 3;

async fn allowance(accounts: &Streams<Account>, account: AccountId) -> Result<(u64, Moment), ApiError> {
    let known = accounts
        .inspect(account, |folded| folded.state.opened_at.map(|at| (folded.state.monthly_credits, at)))
        .await?;
    known.ok_or(ApiError::NotFound("There is no such account."))
}

impl Commands {
    /// The ledger in which credits of this account move now; opens it, and closes the one before, when it is due.
    pub(crate) async fn open_ledger(
        &self,
        account: AccountId,
        from: Period,
        now: Moment,
    ) -> Result<LedgerId, ApiError> {
        let mut period = from;
        for _ in 0..MONTHS_TRIED_MAX {
            let id = LedgerId { account, period };
            let standing =
                self.ledgers.inspect(id, |folded| folded.state.period.map(|_| folded.state.closed)).await?;
            match standing {
                Some(false) => return Ok(id),
                Some(true) => period = period.next(),
                None => self.begin_month(id, now).await?,
            }
        }
        Err(ApiError::Busy("the month is turning."))
    }

    async fn begin_month(&self, id: LedgerId, now: Moment) -> Result<(), ApiError> {
        let (allowance, opened_at) = allowance(&self.accounts, id.account).await?;
        let before = id.period.plus_months(-1);
        let first = Period::of(opened_at);
        let mut last = last_month(&self.ledgers, id.account, before, first).await?;
        if let Some(open) = last.take_if(|last| !last.closed) {
            self.ledgers.transact(open.id, ClosePeriod { at: now }).await?;
            // Read again: the hash and the sums are those of the close, whoever made it.
            last = last_month(&self.ledgers, id.account, open.id.period, first).await?;
        }
        let (previous, carried) = match last {
            Some(last) => (Some(PreviousPeriod { period: last.id.period, hash: last.hash }), last.lasting),
            None => (None, Funds::default()),
        };
        let open =
            OpenPeriod { account: id.account, period: id.period, previous, allowance, carried, at: now };
        self.ledgers.transact(id, open).await?;
        Ok(())
    }

    /// Sets credits aside in the present month. Before it refuses for want of credits or room, it settles what has
    /// ended among the account's open reservations and decides again. A reservation that is settled already is no
    /// refusal: a twin of the request has used it, or the sweep has given it back, and the batch says which.
    pub(crate) async fn reserve(&self, account: AccountId, reserve: Reserve) -> Result<LedgerId, ApiError> {
        let mut settled = false;
        let mut period = Period::of(reserve.at);
        for _ in 0..2 * MONTHS_TRIED_MAX {
            let id = self.open_ledger(account, period, reserve.at).await?;
            let before = LedgerId { account, period: id.period.plus_months(-1) };
            // That month is closed, so the number only falls and the sum can be too high for a moment only.
            let open_before = self.ledgers.inspect(before, |folded| folded.state.reservations.len()).await?;
            let open_max = reserve.open_max.saturating_sub(open_before);
            let refused = match self.ledgers.transact(id, Reserve { open_max, ..reserve.clone() }).await {
                Ok(_) => return Ok(id),
                Err(refused) => refused,
            };
            match refused {
                TransactError::Rejected(LedgerRejection::ReservationClosed) => return Ok(id),
                TransactError::Rejected(LedgerRejection::Closed) => period = id.period.next(),
                TransactError::Rejected(
                    LedgerRejection::InsufficientCredits { .. } | LedgerRejection::TooManyOpen { .. },
                ) if !settled => {
                    settled = true;
                    for month in [before, id] {
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

    /// Adds credits in the first month from `from` on that takes them, unless a month since then has them already.
    pub(crate) async fn grant(&self, account: AccountId, from: Period, grant: Grant) -> Result<(), ApiError> {
        let mut period = from;
        let last = Period::of(grant.at).next();
        while period <= last {
            let id = LedgerId { account, period };
            let open = self.ledgers.inspect(id, |folded| folded.state.period.is_some()).await?;
            if !open && period >= Period::of(grant.at) {
                self.open_ledger(account, period, grant.at).await?;
            }
            match self.ledgers.transact(id, grant.clone()).await {
                Ok(_) => return Ok(()),
                Err(TransactError::Rejected(LedgerRejection::Closed | LedgerRejection::NotOpen)) => {
                    period = period.next();
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(ApiError::Busy("the month is turning."))
    }
}
