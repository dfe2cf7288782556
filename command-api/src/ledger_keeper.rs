//! Which month's ledger is the present one, and how it is opened: the month before is closed first, what lasts is
//! carried, and clocks of replicas may disagree. Reserving and granting go through here.

use crate::Commands;
use leafcutter_domain::{
    AccountId, Moment, Period,
    account::Account,
    ledger::{ClosePeriod, Funds, Grant, Ledger, LedgerRejection, OpenPeriod, PreviousPeriod, Reserve},
};
use leafcutter_event_store::{LedgerId, Streams, TransactError};
use leafcutter_wire::ApiError;

/// Months that are tried when clocks disagree about the present one.
const MONTHS_TRIED_MAX: usize = 3;

/// The last month that has begun at or before `period`.
struct LastMonth {
    id: LedgerId,
    closed: bool,
    /// What lasts beyond it: carried at its close, or free in it now.
    lasting: Funds,
    hash: String,
}

async fn allowance(accounts: &Streams<Account>, account: AccountId) -> Result<(u64, Moment), ApiError> {
    let known = accounts
        .inspect(account, |folded| folded.state.opened_at.map(|at| (folded.state.monthly_credits, at)))
        .await?;
    known.ok_or(ApiError::NotFound("There is no such account."))
}

async fn last_month(
    ledgers: &Streams<Ledger>,
    account: AccountId,
    from: Period,
    first: Period,
) -> Result<Option<LastMonth>, ApiError> {
    let mut period = from;
    // Idle months have no stream, so the walk is as long as the idle time, and once a month at most.
    while period >= first {
        let id = LedgerId { account, period };
        let found = ledgers
            .inspect(id, |folded| {
                let state = &folded.state;
                state.period.map(|_| LastMonth {
                    id,
                    closed: state.closed,
                    lasting: if state.closed {
                        state.carried_at_close.clone()
                    } else {
                        state.available.lasting_beyond(period)
                    },
                    hash: folded.head_hash().unwrap_or_default().to_owned(),
                })
            })
            .await?;
        if found.is_some() {
            return Ok(found);
        }
        period = period.plus_months(-1);
    }
    Ok(None)
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
    /// ended among the account's open reservations and decides again.
    pub(crate) async fn reserve(&self, account: AccountId, reserve: Reserve) -> Result<LedgerId, ApiError> {
        let mut settled = false;
        let mut period = Period::of(reserve.at);
        for _ in 0..2 * MONTHS_TRIED_MAX {
            let id = self.open_ledger(account, period, reserve.at).await?;
            let refused = match self.ledgers.transact(id, reserve.clone()).await {
                Ok(_) => return Ok(id),
                Err(refused) => refused,
            };
            match refused {
                TransactError::Rejected(LedgerRejection::Closed) => period = id.period.next(),
                TransactError::Rejected(
                    LedgerRejection::InsufficientCredits { .. } | LedgerRejection::TooManyOpen { .. },
                ) if !settled => {
                    settled = true;
                    for month in [id.period.plus_months(-1), id.period] {
                        self.settle_ledger(LedgerId { account, period: month }).await?;
                    }
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
