//! The credits that an account has, now or at a past moment, read from its ledger streams. Nothing is opened: a month
//! that has not begun is answered as it would begin. Where a month's books come from is `Books`; the past ones are
//! in `past_ledger.rs`.

use leafcutter_domain::{
    AccountId, Moment, Period,
    account::{Account, AccountState},
    ledger::{Funds, Ledger, LedgerState},
};
use leafcutter_event_store::{LedgerId, Streams};
use leafcutter_wire::{ApiError, last_begun};

/// Months that are tried when clocks of replicas disagree about the present one.
const MONTHS_TRIED_MAX: usize = 3;

/// An account's credits in the present month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresentLedger {
    /// The month.
    pub period: Period,
    /// The month's allowance.
    pub allowance: u64,
    /// Everything that came in.
    pub granted: u64,
    /// Credits set aside.
    pub held: u64,
    /// Credits paid.
    pub spent: u64,
    /// Credits free.
    pub available: u64,
}

/// A month that has begun.
pub(crate) struct Month {
    ledger: PresentLedger,
    closed: bool,
    /// What lasts beyond it: carried at its close, or free in it.
    lasting: Funds,
}

impl Month {
    /// `None` for a month that has not begun.
    pub(crate) fn of(state: &LedgerState) -> Option<Self> {
        let period = state.period?;
        let (available, held) = (state.available.total(), state.held());
        let LedgerState { allowance, granted, spent, closed, .. } = *state;
        let lasting =
            if closed { state.carried_at_close.clone() } else { state.available.lasting_beyond(period) };
        let ledger = PresentLedger { period, allowance, granted, held, spent, available };
        Some(Self { ledger, closed, lasting })
    }
}

/// What a month brings by itself, and the account's first month; `None` for an account that is not there.
pub(crate) fn terms(state: &AccountState) -> Option<(u64, Period)> {
    state.opened_at.map(|opened_at| (state.monthly_credits, Period::of(opened_at)))
}

/// The books of one account, as of some moment.
pub(crate) trait Books: Sync {
    /// A month that had begun.
    fn month(&self, period: Period) -> impl Future<Output = Result<Option<Month>, ApiError>> + Send;
    /// The month's allowance and the first month; `None` for an account that was not there.
    fn terms(&self) -> impl Future<Output = Result<Option<(u64, Period)>, ApiError>> + Send;
}

/// The credits of the month in which they move at this moment.
pub(crate) async fn standing(books: &impl Books, moment: Moment) -> Result<PresentLedger, ApiError> {
    let mut period = Period::of(moment);
    for _ in 0..MONTHS_TRIED_MAX {
        match books.month(period).await? {
            Some(Month { ledger, closed: false, .. }) => return Ok(ledger),
            // Closed by a replica whose clock is ahead.
            Some(_) => period = period.next(),
            None => return to_come(books, period).await,
        }
    }
    Err(ApiError::Busy("the month is turning."))
}

/// The month as it would begin: the allowance, and what the last month that began would carry into it.
async fn to_come(books: &impl Books, period: Period) -> Result<PresentLedger, ApiError> {
    let terms = books.terms().await?;
    let (allowance, first) = terms.ok_or(ApiError::NotFound("There is no such account."))?;
    let before = period.plus_months(-1);
    let last = last_begun(before, first, |month| books.month(month)).await?;
    // Top-ups may have ended in idle months since.
    let granted = allowance + last.map_or(0, |last| last.lasting.lasting_beyond(before).total());
    Ok(PresentLedger { period, allowance, granted, held: 0, spent: 0, available: granted })
}

/// The books as they are now.
struct Present<'a> {
    ledgers: &'a Streams<Ledger>,
    accounts: &'a Streams<Account>,
    account: AccountId,
}

impl Books for Present<'_> {
    async fn month(&self, period: Period) -> Result<Option<Month>, ApiError> {
        let id = LedgerId { account: self.account, period };
        Ok(self.ledgers.inspect(id, |folded| Month::of(&folded.state)).await?)
    }

    async fn terms(&self) -> Result<Option<(u64, Period)>, ApiError> {
        Ok(self.accounts.inspect(self.account, |folded| terms(&folded.state)).await?)
    }
}

/// Reads the present month's credits of an account.
///
/// # Errors
/// The log cannot be read, or knows no such account.
pub async fn present_ledger(
    ledgers: &Streams<Ledger>,
    accounts: &Streams<Account>,
    account: AccountId,
    now: Moment,
) -> Result<PresentLedger, ApiError> {
    standing(&Present { ledgers, accounts, account }, now).await
}
