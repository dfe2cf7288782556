//! What a run of events changes in the tables, gathered so that it becomes one transaction. No SQL and no events
//! here: the projector fills it, `sqlite/write.rs` carries it out.

use crate::{BatchView, LedgerBalance, RecordedEntry, text};
use leafcutter_domain::{AccountId, Moment};
use leafcutter_event_store::{Position, StreamName};
use std::collections::BTreeMap;

/// A batch as its row holds it, and as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchChange {
    /// As the row holds it; `None` when there is no row.
    pub before: Option<BatchView>,
    /// As it is now.
    pub after: BatchView,
}

/// What an account used, in one day or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Attempts that ended an item.
    pub requests: u64,
    /// Wall time of those that measured it, in milliseconds.
    pub latency_ms: u64,
    /// Number of those that measured it.
    pub latency_samples: u64,
    /// Credits charged.
    pub credits: u64,
    /// Tokens of language models, asked and answered.
    pub tokens: u64,
    /// CAPTCHAs solved.
    pub captchas: u64,
}

impl Usage {
    /// Adds `other`.
    pub fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.latency_ms += other.latency_ms;
        self.latency_samples += other.latency_samples;
        self.credits += other.credits;
        self.tokens += other.tokens;
        self.captchas += other.captchas;
    }
}

/// What an account used in one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageDay {
    /// The day, `yyyy-mm-dd`, UTC.
    pub day: String,
    /// What was used.
    pub usage: Usage,
}

/// A stream that waits because one of its events could not be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The stream.
    pub stream: StreamName,
    /// Revision of the event.
    pub revision: u64,
    /// Position of the event.
    pub position: Position,
    /// Why, for the operator.
    pub reason: String,
}

/// What a run of events changes.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Batches that have new events.
    pub batches: Vec<BatchChange>,
    /// Where the credits of ledger streams with new events are now.
    pub ledgers: BTreeMap<StreamName, LedgerBalance>,
    /// Entries of ledgers that are new.
    pub entries: Vec<RecordedEntry>,
    /// What to add to an account's day.
    pub usage: BTreeMap<(AccountId, String), Usage>,
    /// Streams that wait from now on.
    pub quarantined: Vec<Quarantined>,
    /// Streams that wait no more.
    pub released: Vec<StreamName>,
}

impl Changes {
    /// Adds what was used at `at`.
    pub fn add_usage(&mut self, account: AccountId, at: Moment, usage: Usage) {
        self.usage.entry((account, at.day())).or_default().add(usage);
    }

    /// How many batches more or fewer each account has in each state.
    pub(crate) fn count_changes(&self) -> Result<BTreeMap<(AccountId, String), i64>, crate::ReadModelError> {
        let mut counts = BTreeMap::new();
        for BatchChange { before, after } in &self.batches {
            if let Some(before) = before {
                *counts.entry((before.header.account, text::word(&before.header.status)?)).or_default() -= 1;
            }
            *counts.entry((after.header.account, text::word(&after.header.status)?)).or_default() += 1;
        }
        counts.retain(|_, change| *change != 0);
        Ok(counts)
    }
}
