//! The credits that an account has, now or at a past moment, read from its ledger streams. Nothing is opened: a month
//! that has not begun is answered as it would begin. Where a month's books come from is `Books`; the past ones are
//! in `past_ledger.rs`.

use leafcutter_domain::{
    AccountId, Moment, Period,
    account::{Account, AccountState},
    ledger::{Funds, LedgerState},
};
use leafcutter_event_store::Streams;
use leafcutter_wire::{ApiError, Ledgers};

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
    /// The month that its end names as the next.
    pub(crate) next: Option<Period>,
    /// What lasts beyond it: carried at its close, or free in it.
    lasting: Funds,
}

impl Month {
    /// `None` for a month that has not begun.
    pub(crate) fn of(state: &LedgerState) -> Option<Self> {
        let period = state.period?;
        let (available, held) = (state.available.total(), state.held());
        let LedgerState { allowance, granted, spent, closed, next, .. } = *state;
        let ledger = PresentLedger { period, allowance, granted, held, spent, available };
        Some(Self { ledger, closed, next, lasting: state.lasting() })
    }
}

/// What a month brings by itself, and the account's first month; `None` for an account that is not there.
pub(crate) fn terms(state: &AccountState) -> Option<(u64, Period)> {
    state.opened_at.map(|opened_at| (state.monthly_credits, Period::of(opened_at)))
}

/// The books of one account, as of some moment.
pub(crate) trait Books: Sync {
    /// The last month that had begun; `from` is that of the moment.
    fn last_begun(&self, from: Period) -> impl Future<Output = Result<Option<Month>, ApiError>> + Send;
    /// The month's allowance and the first month; `None` for an account that was not there.
    fn terms(&self) -> impl Future<Output = Result<Option<(u64, Period)>, ApiError>> + Send;
}

/// The credits of the month in which they move at this moment; one that has not begun is told as it would begin: with
/// the allowance, and what the last month that began would carry into it.
pub(crate) async fn standing(books: &impl Books, moment: Moment) -> Result<PresentLedger, ApiError> {
    let present = Period::of(moment);
    let last = match books.last_begun(present).await? {
        // A later one was opened by a replica whose clock is ahead.
        Some(Month { ledger, closed: false, .. }) if ledger.period >= present => return Ok(ledger),
        last => last,
    };
    let (allowance, _) = books.terms().await?.ok_or(ApiError::NotFound("There is no such account."))?;
    let follows = |last: &Month| last.closed.then(|| last.next.unwrap_or(last.ledger.period.next()));
    let period = last.as_ref().and_then(follows).map_or(present, |next| next.max(present));
    // Top-ups may have ended in idle months since.
    let before = period.plus_months(-1);
    let granted = allowance + last.map_or(0, |last| last.lasting.lasting_beyond(before).total());
    Ok(PresentLedger { period, allowance, granted, held: 0, spent: 0, available: granted })
}

/// The books as they are now.
struct Present<'a> {
    ledgers: &'a Ledgers,
    accounts: &'a Streams<Account>,
    account: AccountId,
}

impl Books for Present<'_> {
    async fn last_begun(&self, from: Period) -> Result<Option<Month>, ApiError> {
        let first = self.accounts.recall(self.account, |folded| folded.state.opened_at.map(Period::of));
        let Some(first) = first.await? else { return Ok(None) };
        let Some(last) = self.ledgers.last_begun(self.account, from, first).await? else { return Ok(None) };
        // Read a moment ago.
        Ok(self.ledgers.recall(last.id, |folded| Month::of(&folded.state)).await?)
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
    ledgers: &Ledgers,
    accounts: &Streams<Account>,
    account: AccountId,
    now: Moment,
) -> Result<PresentLedger, ApiError> {
    standing(&Present { ledgers, accounts, account }, now).await
}
