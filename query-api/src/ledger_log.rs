//! An account's ledger as the log has it, month after month, never as a cache or a table has it: its streams, its
//! entries in the order of the chain, and its head.

use crate::{QueryState, state::store_unavailable};
use futures::{StreamExt, TryStreamExt, stream};
use leafcutter_domain::{AccountId, Period, ledger::Ledger};
use leafcutter_event_store::{Aggregate, EventStore, LedgerId, StoreError, StoredEvent, StreamName};
use leafcutter_ledger_proof::{Entry, Head, HeadEntry, Tail, covering};
use leafcutter_wire::ApiError;
use serde::Deserialize;
use std::sync::Arc;

/// Months after the last one that is known, which another replica may have begun since.
const MONTHS_AHEAD: i32 = 2;
/// Months of an account that are looked at, the latest ones.
const MONTHS_MAX: usize = 1_200;
/// Streams that are looked at together for one head.
const STREAMS_AT_ONCE: usize = 8;
/// Events in one read.
const PAGE_EVENTS: usize = 500;

/// What is beside a ledger event, taken as text: what cannot be read is empty, and the chain says so.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Beside {
    occurred_at: String,
    prev: String,
    hash: String,
}

/// A stored event as the chain knows it.
pub(crate) fn entry(stored: &StoredEvent) -> Entry {
    let Beside { occurred_at, prev, hash } = serde_json::from_slice(&stored.metadata).unwrap_or_default();
    Entry {
        stream: stored.stream.to_string(),
        revision: stored.revision,
        id: stored.id.to_string(),
        name: stored.name.clone(),
        occurred_at,
        prev,
        hash,
        data: stored.data.clone(),
    }
}

impl QueryState {
    /// The streams that the account's ledger can have, oldest month first.
    pub(crate) async fn ledger_streams(&self, account: AccountId) -> Result<Vec<StreamName>, ApiError> {
        let opened_at = self.accounts.recall(account, |folded| folded.state.opened_at).await?;
        let opened_at = opened_at.ok_or(ApiError::NotFound("There is no such account."))?;
        let (first, now) = (Period::of(opened_at), Period::of(self.clock.now()));
        // Beyond the present month when a clock was ahead: then it is the one in which credits move. A ledger that cannot
        // be folded is read all the same, to say what is wrong with it.
        let known = self.ledgers.last_begun(account, now, first).await.ok().flatten();
        let last = known.map_or(now, |month| month.id.period.max(now)).plus_months(MONTHS_AHEAD);
        let mut months: Vec<Period> = std::iter::successors(Some(last), |month| Some(month.plus_months(-1)))
            .take_while(|month| *month >= first)
            .take(MONTHS_MAX)
            .collect();
        months.reverse();
        Ok(months.into_iter().map(|period| Ledger::stream(LedgerId { account, period })).collect())
    }

    /// Where the account's ledger ends now, signed.
    pub(crate) async fn ledger_head(&self, account: AccountId) -> Result<Head, ApiError> {
        let streams = self.ledger_streams(account).await?;
        let last = |stream: StreamName| async move { self.store.last(&stream).await };
        let found: Vec<Option<StoredEvent>> = stream::iter(streams)
            .map(last)
            .buffered(STREAMS_AT_ONCE)
            .try_collect()
            .await
            .map_err(store_unavailable)?;
        let tails: Vec<Tail> = found.iter().flatten().map(tail).collect();
        Ok(self.signed(account, covering(&tails)))
    }

    /// A head of these entries, of now.
    pub(crate) fn signed(&self, account: AccountId, entries: Vec<HeadEntry>) -> Head {
        self.signer.sign(account.to_string(), self.clock.now().to_string(), entries)
    }
}

fn tail(last: &StoredEvent) -> Tail {
    let Entry { stream, revision, hash, name, .. } = entry(last);
    Tail::new(&stream, revision, &hash, &name)
}

/// Reads an account's ledger from its beginning, a page at a time.
pub(crate) struct LedgerLog {
    store: Arc<dyn EventStore>,
    /// Streams that are not finished, the present one last.
    streams: Vec<StreamName>,
    /// The next revision of the present one.
    next: u64,
    /// The month before the present one, and its next revision.
    before: Option<(StreamName, u64)>,
    /// The first page of the present month, which waits for the end of the one before.
    ahead: Option<Vec<StoredEvent>>,
}

impl LedgerLog {
    /// The ledger in these streams, oldest first.
    pub(crate) fn new(store: Arc<dyn EventStore>, mut streams: Vec<StreamName>) -> Self {
        streams.reverse();
        Self { store, streams, next: 0, before: None, ahead: None }
    }

    /// The next events; none at the end.
    pub(crate) async fn page(&mut self) -> Result<Option<Vec<StoredEvent>>, StoreError> {
        loop {
            if self.ahead.is_some() {
                if let Some(rest) = self.rest_of_month_before().await? {
                    return Ok(Some(rest));
                }
                self.before = None;
            }
            let Some(stream) = self.streams.last() else { return Ok(None) };
            let page = match self.ahead.take() {
                Some(page) => page,
                None => self.store.read(stream, self.next, PAGE_EVENTS).await?,
            };
            if page.is_empty() {
                let ended = self.streams.pop();
                if self.next > 0 {
                    self.before = ended.map(|stream| (stream, self.next));
                }
                self.next = 0;
            } else if self.next == 0 && self.before.is_some() {
                self.ahead = Some(page);
            } else {
                self.next = page.last().map_or(self.next, |last| last.revision + 1);
                return Ok(Some(page));
            }
        }
    }

    /// A month that was open when it was read may have been closed since: this one follows its close, so now it is there.
    async fn rest_of_month_before(&mut self) -> Result<Option<Vec<StoredEvent>>, StoreError> {
        let Some((stream, next)) = &mut self.before else { return Ok(None) };
        let page = self.store.read(stream, *next, PAGE_EVENTS).await?;
        let Some(last) = page.last() else { return Ok(None) };
        *next = last.revision + 1;
        Ok(Some(page))
    }
}

#[cfg(test)]
mod tests;
