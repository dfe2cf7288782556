//! The credits that an account has now, read from its ledger streams. Nothing is opened: a month that has not begun
//! is answered as it would begin.

use leafcutter_domain::{
    AccountId, Moment, Period,
    account::Account,
    ledger::{Ledger, LedgerState},
};
use leafcutter_event_store::{LedgerId, Streams};
use leafcutter_wire::{ApiError, last_month};

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
    let mut period = Period::of(now);
    for _ in 0..MONTHS_TRIED_MAX {
        let id = LedgerId { account, period };
        let open = ledgers.inspect(id, |folded| present(&folded.state)).await?;
        match open {
            Some(Some(ledger)) => return Ok(ledger),
            // Closed by a replica whose clock is ahead.
            Some(None) => period = period.next(),
            None => return to_come(ledgers, accounts, account, period).await,
        }
    }
    Err(ApiError::Busy("the month is turning."))
}

/// `None` for a month that has not begun, `Some(None)` for one that has ended.
#[expect(clippy::option_option, reason = "begun, ended and not begun are three things")]
fn present(state: &LedgerState) -> Option<Option<PresentLedger>> {
    let period = state.period?;
    let ledger = PresentLedger {
        period,
        allowance: state.allowance,
        granted: state.granted,
        held: state.held(),
        spent: state.spent,
        available: state.available.total(),
    };
    Some(Some(ledger).filter(|_| !state.closed))
}

/// The month as it would begin: the allowance, and what the last month that began would carry into it.
async fn to_come(
    ledgers: &Streams<Ledger>,
    accounts: &Streams<Account>,
    account: AccountId,
    period: Period,
) -> Result<PresentLedger, ApiError> {
    let known = |state: &leafcutter_domain::account::AccountState| {
        state.opened_at.map(|opened_at| (state.monthly_credits, Period::of(opened_at)))
    };
    let known = accounts.inspect(account, |folded| known(&folded.state)).await?;
    let (allowance, first) = known.ok_or(ApiError::NotFound("There is no such account."))?;
    let before = period.plus_months(-1);
    let last = last_month(ledgers, account, before, first).await?;
    // Top-ups may have ended in idle months since.
    let granted = allowance + last.map_or(0, |last| last.lasting.lasting_beyond(before).total());
    Ok(PresentLedger { period, allowance, granted, held: 0, spent: 0, available: granted })
}
