//! The credits that an account had at a past moment, by replay: of each stream the events up to that moment, as if the
//! later ones had not happened yet. No table is asked, so the answer is right whatever the projector does.

use crate::{
    PresentLedger, QueryState,
    present_ledger::{Books, Month, standing, terms},
    state::unreadable,
};
use leafcutter_domain::{AccountId, Decider, Moment, Period, account::Account, ledger::Ledger};
use leafcutter_event_store::{Aggregate, LedgerId, decode};
use leafcutter_wire::{ApiError, walk_back};

/// The books as they were at a moment.
struct Past<'a> {
    state: &'a QueryState,
    account: AccountId,
    at: Moment,
    /// The month's allowance and the first month.
    terms: (u64, Period),
}

impl Past<'_> {
    async fn month(&self, period: Period) -> Result<Option<Month>, ApiError> {
        let id = LedgerId { account: self.account, period };
        Ok(Month::of(&folded::<Ledger>(self.state, id, self.at).await?))
    }
}

impl Books for Past<'_> {
    async fn last_begun(&self, from: Period) -> Result<Option<Month>, ApiError> {
        let (_, first) = self.terms;
        let mut last = walk_back(from, first, |period| self.month(period)).await?;
        while let Some(next) = last.as_ref().and_then(|last| last.next) {
            let Some(later) = self.month(next).await? else { break };
            last = Some(later);
        }
        Ok(last)
    }

    async fn terms(&self) -> Result<Option<(u64, Period)>, ApiError> {
        Ok(Some(self.terms))
    }
}

/// A stream folded up to the moment. Times in a stream never run back, so the first later event ends it.
async fn folded<A: Aggregate>(
    state: &QueryState,
    id: A::Id,
    at: Moment,
) -> Result<<A as Decider>::State, ApiError> {
    let (mut pages, mut folded) = (state.pages(A::stream(id), 0), A::initial());
    while let Some(page) = pages.next().await? {
        for stored in &page {
            let (event, metadata) = decode::<A::Event>(stored).map_err(unreadable)?;
            if metadata.occurred_at > at {
                return Ok(folded);
            }
            folded = A::evolve(folded, &event);
        }
    }
    Ok(folded)
}

/// Reads the credits that an account had at `at`, everything of that very moment included.
///
/// # Errors
/// The moment is before the account was opened or in the future, or the log cannot be read.
pub(crate) async fn past_ledger(
    state: &QueryState,
    account: AccountId,
    at: Moment,
) -> Result<PresentLedger, ApiError> {
    let refused = |why: &str| ApiError::validation(vec![format!("at: must not be {why}")]);
    if at > state.clock.now() {
        return Err(refused("in the future"));
    }
    match terms(&folded::<Account>(state, account, at).await?) {
        None => {
            let opened_at = state.accounts.recall(account, |folded| folded.state.opened_at).await?;
            let opened_at = opened_at.ok_or(ApiError::NotFound("There is no such account."))?;
            Err(refused(&format!("before the account was opened ({opened_at})")))
        }
        Some(terms) => standing(&Past { state, account, at, terms }, at).await,
    }
}
