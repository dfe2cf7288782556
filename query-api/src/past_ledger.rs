//! The credits that an account had at a past moment, by replay: of each stream the events up to that moment, as if the
//! later ones had not happened yet. No table is asked, so the answer is right whatever the projector does.

use crate::{
    PresentLedger, QueryState,
    present_ledger::{Books, Month, standing, terms},
    state::{STREAM_PAGE_EVENTS, store_unavailable, unreadable},
};
use leafcutter_domain::{
    AccountId, Decider, Moment, Period,
    account::{Account, AccountState},
    ledger::Ledger,
};
use leafcutter_event_store::{Aggregate, LedgerId, decode};
use leafcutter_wire::{ApiError, walk_back};

/// The books as they were at a moment.
struct Past<'a> {
    state: &'a QueryState,
    account: AccountId,
    at: Moment,
}

impl Past<'_> {
    /// A stream folded up to the moment. Times in a stream never run back, so the first later event ends it.
    async fn folded<A: Aggregate>(&self, id: A::Id) -> Result<<A as Decider>::State, ApiError> {
        let (stream, mut folded, mut next) = (A::stream(id), A::initial(), 0);
        loop {
            let page = self.state.store.read(&stream, next, STREAM_PAGE_EVENTS).await;
            let page = page.map_err(store_unavailable)?;
            for stored in &page {
                let (event, metadata) = decode::<A::Event>(stored).map_err(unreadable)?;
                if metadata.occurred_at > self.at {
                    return Ok(folded);
                }
                folded = A::evolve(folded, &event);
            }
            if page.len() < STREAM_PAGE_EVENTS {
                return Ok(folded);
            }
            next += page.len() as u64;
        }
    }

    async fn month(&self, period: Period) -> Result<Option<Month>, ApiError> {
        let id = LedgerId { account: self.account, period };
        Ok(Month::of(&self.folded::<Ledger>(id).await?))
    }

    async fn account(&self) -> Result<AccountState, ApiError> {
        self.folded::<Account>(self.account).await
    }
}

impl Books for Past<'_> {
    async fn last_begun(&self, from: Period) -> Result<Option<Month>, ApiError> {
        let Some((_, first)) = self.terms().await? else { return Ok(None) };
        let mut last = walk_back(from, first, |period| self.month(period)).await?;
        while let Some(next) = last.as_ref().and_then(|last| last.next) {
            let Some(later) = self.month(next).await? else { break };
            last = Some(later);
        }
        Ok(last)
    }

    async fn terms(&self) -> Result<Option<(u64, Period)>, ApiError> {
        Ok(terms(&self.account().await?))
    }
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
    let refused = |why: &str| Err(ApiError::validation(vec![format!("at: must not be {why}")]));
    if at > state.clock.now() {
        return refused("in the future");
    }
    let past = Past { state, account, at };
    if past.account().await?.opened_at.is_none() {
        return refused("before the account was opened");
    }
    standing(&past, at).await
}
