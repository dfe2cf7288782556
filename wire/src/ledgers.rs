//! The months of accounts' ledgers and which of them is the last that has begun. Months follow one another like links: the
//! end of one names the next, so that there is one line of them whatever the clocks of replicas say, and idle months
//! have no link. What was found once is remembered, so that the walk along idle months is made once.

use leafcutter_domain::{
    AccountId, Period,
    ledger::{Funds, Ledger, LedgerRejection, LedgerState},
};
use leafcutter_event_store::{EventStore, Folded, LedgerId, Streams, TransactError};
use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Accounts of which something is remembered; beyond it everything is forgotten and found again.
const ACCOUNTS_MAX: usize = 100_000;
/// Months before a given one in which reservations are looked for: far more than any batch runs.
const MONTHS_BACK_MAX: usize = 12;

type Unread = TransactError<LedgerRejection>;

/// What `look` finds of the last month at or before `from`, and not before `first`, of which it finds anything. Idle
/// months have no stream, so the walk is as long as the idle time.
///
/// # Errors
/// Those of `look`.
pub async fn walk_back<T, E, F: Future<Output = Result<Option<T>, E>>>(
    from: Period,
    first: Period,
    look: impl Fn(Period) -> F,
) -> Result<Option<T>, E> {
    let mut period = from;
    while period >= first {
        let found = look(period).await?;
        if found.is_some() {
            return Ok(found);
        }
        period = period.plus_months(-1);
    }
    Ok(None)
}

/// A month that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunMonth {
    /// Its ledger.
    pub id: LedgerId,
    /// Whether it has ended.
    pub closed: bool,
    /// The month that its end names as the next; also `None` where the first release has ended it.
    pub next: Option<Period>,
    /// What lasts beyond it: carried at its close, or free in it now.
    pub lasting: Funds,
    /// Which entry ended it, counted from 0.
    pub close: Option<u64>,
}

/// What never changes of an account's months once it is so.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// A month that has begun: the last one, when it was looked at.
    begun: Period,
    /// Up to this month all have ended and nothing is held in them.
    settled: Option<Period>,
}

/// The streams of ledgers, and what is remembered of their months.
pub struct Ledgers {
    streams: Streams<Ledger>,
    known: Mutex<HashMap<AccountId, Known>>,
}

impl Deref for Ledgers {
    type Target = Streams<Ledger>;
    fn deref(&self) -> &Streams<Ledger> {
        &self.streams
    }
}

impl Ledgers {
    /// The ledgers of this log.
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>) -> Self {
        Self { streams: Streams::new(store), known: Mutex::default() }
    }

    /// The last month of this account that has begun. `from` is the present month or a later one, `first` that in which
    /// the account was opened.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn last_begun(
        &self,
        account: AccountId,
        from: Period,
        first: Period,
    ) -> Result<Option<BegunMonth>, Unread> {
        let known = self.known().get(&account).map(|known| known.begun);
        let known = match known {
            Some(period) => self.begun(LedgerId { account, period }).await?,
            None => self.walk_back(account, from, first).await?,
        };
        let Some(mut last) = known else { return Ok(None) };
        loop {
            let later = match last.next {
                Some(period) => self.begun(LedgerId { account, period }).await?,
                // Ended by the first release, which did not say what follows.
                None if last.closed => self.walk_back(account, from, last.id.period.next()).await?,
                None => None,
            };
            match later {
                Some(later) => last = later,
                None => break,
            }
        }
        self.remember(account, |known| known.begun = last.id.period, last.id.period);
        Ok(Some(last))
    }

    /// The last month between `from`, or the one after it, and `first` that has begun: the month after `from` is that of
    /// a clock that goes ahead.
    async fn walk_back(
        &self,
        account: AccountId,
        from: Period,
        first: Period,
    ) -> Result<Option<BegunMonth>, Unread> {
        walk_back(from.next(), first, |period| self.begun(LedgerId { account, period })).await
    }

    async fn begun(&self, id: LedgerId) -> Result<Option<BegunMonth>, Unread> {
        self.streams.inspect(id, |folded| begun(id, folded)).await
    }

    /// The months before this one in which something is still held, the latest first, each with its open reservations.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn unsettled_before(&self, id: LedgerId) -> Result<Vec<(LedgerId, usize)>, Unread> {
        let account = id.account;
        let settled = self.known().get(&account).and_then(|known| known.settled);
        let known =
            self.streams.recall(id, |folded| folded.state.period.map(|_| folded.state.previous)).await?;
        let mut period = known.flatten();
        let (mut open, mut newest_settled) = (Vec::new(), None);
        for _ in 0..MONTHS_BACK_MAX {
            let Some(before) = period.filter(|before| settled.is_none_or(|settled| *before > settled)) else {
                break;
            };
            let id = LedgerId { account, period: before };
            let look = |state: &LedgerState| (state.reservations.len(), state.closed, state.previous);
            let (held, closed, previous) = self.streams.inspect(id, |folded| look(&folded.state)).await?;
            if held > 0 || !closed {
                open.push((id, held));
                newest_settled = None;
            } else {
                newest_settled = newest_settled.or(Some(before));
            }
            period = previous;
        }
        if let Some(settled) = newest_settled {
            self.remember(account, |known| known.settled = known.settled.max(Some(settled)), id.period);
        }
        Ok(open)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<AccountId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, account: AccountId, change: impl FnOnce(&mut Known), begun: Period) {
        let mut all = self.known();
        if all.len() >= ACCOUNTS_MAX && !all.contains_key(&account) {
            all.clear();
        }
        change(all.entry(account).or_insert(Known { begun, settled: None }));
    }
}

fn begun(id: LedgerId, folded: &Folded<Ledger>) -> Option<BegunMonth> {
    let state = &folded.state;
    state.period.map(|_| BegunMonth {
        id,
        closed: state.closed,
        next: state.next,
        lasting: state.lasting(),
        close: state.close,
    })
}
