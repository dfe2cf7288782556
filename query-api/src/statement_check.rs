//! Compares the statement in the tables with the one that the log tells, row by row. Only entries that the tables must
//! have by now are compared: what is appended meanwhile may be in one and not yet in the other.

use crate::{QueryState, state::store_unavailable};
use leafcutter_domain::{AccountId, Period, ledger::Ledger};
use leafcutter_event_store::{Aggregate, EventStore, LedgerId, Position};
use leafcutter_read_models::{EntryFilter, LedgerEntry, ReadModelError, ReadModels, RecordedEntry};
use leafcutter_wire::ApiError;
use std::sync::Arc;

/// Rows in one read.
const ROWS: u32 = 500;

/// A comparison under way.
pub(crate) struct StatementCheck {
    account: AccountId,
    store: Arc<dyn EventStore>,
    /// Everything up to here is in the tables.
    up_to: Position,
    /// The version of the tables that is live when it begins; none once nothing is compared any more.
    models: Option<ReadModels>,
    /// Entries of the log that wait to be compared, of one month and one after another.
    waiting: Vec<RecordedEntry>,
    /// The month, and the revision after those that were given.
    month: Option<(Period, u64)>,
    difference: Option<String>,
}

impl StatementCheck {
    /// A comparison with the tables as they are once they hold what the log holds now.
    pub(crate) async fn begin(state: &QueryState, account: AccountId) -> Result<Self, ApiError> {
        let up_to = state.store.head().await.map_err(store_unavailable)?;
        let models = state.tables_current().await.ok();
        let lag = "the read models lag behind the log or do not answer, so they were not compared";
        let difference = models.is_none().then(|| lag.to_owned());
        let (store, waiting) = (Arc::clone(&state.store), Vec::new());
        Ok(Self { account, store, up_to, models, waiting, month: None, difference })
    }

    /// Takes the next entry of the log.
    pub(crate) async fn step(&mut self, entry: RecordedEntry) -> Result<(), ApiError> {
        let LedgerEntry { period, revision, .. } = entry.entry;
        if self.month.is_some_and(|(month, _)| month != period) {
            self.end_of_month().await?;
        }
        self.month = Some((period, revision + 1));
        if self.models.is_some() && entry.position <= self.up_to {
            self.waiting.push(entry);
        }
        if self.waiting.len() == ROWS as usize {
            self.compare().await;
        }
        Ok(())
    }

    /// Compares what is left, and says what differs. `is_whole`: the log was read to its end.
    pub(crate) async fn finish(mut self, is_whole: bool) -> Result<Option<String>, ApiError> {
        self.compare().await;
        if is_whole {
            let newest = self.newest().await;
            self.is_in_log(newest).await?;
        }
        Ok(self.difference)
    }

    /// Compares the entries that wait, and what the tables have beyond them.
    async fn end_of_month(&mut self) -> Result<(), ApiError> {
        self.compare().await;
        let Some((period, next)) = self.month else { return Ok(()) };
        let beyond = self.rows(period, next, 1).await.into_iter().next();
        self.is_in_log(beyond).await
    }

    /// Notes a row of which the log knows nothing.
    async fn is_in_log(&mut self, row: Option<RecordedEntry>) -> Result<(), ApiError> {
        let Some(RecordedEntry { entry: LedgerEntry { period, revision, .. }, .. }) = row else {
            return Ok(());
        };
        let stream = Ledger::stream(LedgerId { account: self.account, period });
        if self.store.read(&stream, revision, 1).await.map_err(store_unavailable)?.is_empty() {
            self.differ(format!("{period}: event {revision} is in the read models and not in the log"));
        }
        Ok(())
    }

    async fn compare(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        let Some(LedgerEntry { period, revision, .. }) = waiting.first().map(|first| &first.entry) else {
            return;
        };
        let mut rows = self.rows(*period, *revision, ROWS).await.into_iter();
        if self.models.is_none() {
            return;
        }
        if let Some(difference) = waiting.iter().find_map(|entry| difference(entry, rows.next().as_ref())) {
            self.differ(difference);
        }
    }

    /// Keeps the first difference; nothing is compared after it.
    fn differ(&mut self, difference: String) {
        self.difference.get_or_insert(difference);
        self.models = None;
    }

    async fn rows(&mut self, period: Period, from: u64, limit: u32) -> Vec<RecordedEntry> {
        let Some(models) = &self.models else { return Vec::new() };
        let rows = models.statement(self.account, period, from, limit).await;
        self.answered(rows).unwrap_or_default()
    }

    async fn newest(&mut self) -> Option<RecordedEntry> {
        let page = self.models.as_ref()?.entries(self.account, &EntryFilter::default(), 1, 1).await;
        self.answered(page)?.entries.into_iter().next()
    }

    fn answered<T>(&mut self, answer: Result<T, ReadModelError>) -> Option<T> {
        if let Err(error) = &answer {
            tracing::error!(%error, "the read models cannot be compared with the log");
            self.differ("the read models do not answer, so they were not compared to their end".to_owned());
        }
        answer.ok()
    }
}

/// The first thing in which an entry of the log and its row differ.
fn difference(log: &RecordedEntry, row: Option<&RecordedEntry>) -> Option<String> {
    let LedgerEntry { period, revision, .. } = &log.entry;
    let at = format!("{period}: event {revision}");
    let Some(row) = row.filter(|row| row.entry.revision == *revision) else {
        return Some(format!("{at} is in the log and not in the read models"));
    };
    if log == row {
        return None;
    }
    let (ours, theirs) = (&log.entry, &row.entry);
    let fields = [
        ("id", log.event.to_string(), row.event.to_string()),
        ("position", log.position.to_string(), row.position.to_string()),
        ("kind", ours.kind.as_str().to_owned(), theirs.kind.as_str().to_owned()),
        ("time", ours.at.to_string(), theirs.at.to_string()),
        ("amount", ours.amount.to_string(), theirs.amount.to_string()),
        ("change", ours.change.to_string(), theirs.change.to_string()),
        ("balance", ours.balance.to_string(), theirs.balance.to_string()),
        ("held", ours.held.to_string(), theirs.held.to_string()),
        ("spent", ours.spent.to_string(), theirs.spent.to_string()),
    ];
    let differs = fields.iter().find(|(_, log, row)| log != row);
    Some(match differs {
        Some((field, log, row)) => format!("{at} has {field} {log} in the log and {row} in the read models"),
        None => format!("{at} is about something else in the read models"),
    })
}
