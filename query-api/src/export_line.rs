//! One line of an export of credits: a ledger event as it is stored, its place in the chain, and what it moved. What
//! cannot be read is empty and never leaves a line out: the chain must be whole.

use crate::{
    causes::{CauseEvent, Causes},
    download::{cell, cell_of_all},
    ledger_log::entry,
};
use leafcutter_domain::{ItemIndex, ledger::LedgerEvent};
use leafcutter_event_store::{StoredEvent, decode};
use leafcutter_ledger_proof::Entry;
use leafcutter_read_models::{LedgerBalance, LedgerEntry};
use serde::Serialize;
use uuid::Uuid;

/// The columns of the CSV form: all fields of the JSON form but the data.
pub(crate) const CSV_COLUMNS: [&str; 18] = [
    "stream",
    "revision",
    "id",
    "name",
    "occurredAt",
    "prev",
    "hash",
    "position",
    "kind",
    "amount",
    "change",
    "balance",
    "held",
    "batch",
    "items",
    "attempt",
    "reason",
    "causes",
];

/// A line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExportLine {
    stream: String,
    revision: u64,
    id: String,
    name: String,
    occurred_at: String,
    prev: String,
    hash: String,
    position: String,
    #[serde(flatten)]
    moved: Moved,
    /// Why, where it was asked for.
    causes: Option<Vec<CauseEvent>>,
    /// What it is read from.
    #[serde(skip)]
    entry: Option<LedgerEntry>,
    /// The stored bytes, exactly.
    data: String,
}

/// What the entry moved; nothing is known of an event that cannot be read.
#[derive(Debug, Default, Serialize)]
struct Moved {
    kind: Option<&'static str>,
    amount: Option<u64>,
    change: Option<i64>,
    balance: Option<u64>,
    held: Option<u64>,
    batch: Option<Uuid>,
    items: Vec<ItemIndex>,
    attempt: Option<u32>,
    reason: Option<&'static str>,
}

impl From<LedgerEntry> for Moved {
    fn from(entry: LedgerEntry) -> Self {
        Self {
            kind: Some(entry.kind.as_str()),
            amount: Some(entry.amount),
            change: Some(entry.change),
            balance: Some(entry.balance),
            held: Some(entry.held),
            batch: entry.batch.map(|batch| batch.0),
            items: entry.items,
            attempt: entry.attempt,
            reason: entry.reason.map(|reason| reason.as_str()),
        }
    }
}

impl ExportLine {
    /// The line of the event that is next in the books.
    pub(crate) fn new(stored: &StoredEvent, books: &mut Option<LedgerBalance>) -> Self {
        if stored.revision == 0 {
            *books = None;
        }
        let event = decode::<LedgerEvent>(stored).ok().map(|(event, _)| event);
        let entered = event.and_then(|event| LedgerBalance::enter(books, &event, stored.revision).ok());
        let moves = entered.flatten();
        let moved = moves.clone().map(Moved::from).unwrap_or_default();
        let Entry { stream, revision, id, name, occurred_at, prev, hash, data } = entry(stored);
        // The service writes JSON; bytes that are no text were not written by it, and their hash will not fit.
        let data = String::from_utf8_lossy(&data).into_owned();
        let position = stored.position.to_string();
        Self {
            stream,
            revision,
            id,
            name,
            occurred_at,
            prev,
            hash,
            position,
            moved,
            causes: None,
            entry: moves,
            data,
        }
    }

    /// What moved, if it is known.
    pub(crate) fn entry(&self) -> Option<&LedgerEntry> {
        self.entry.as_ref()
    }

    /// Says why it moved.
    pub(crate) fn explain(&mut self, causes: &Causes) {
        self.causes = Some(self.entry.as_ref().map_or_else(Vec::new, |entry| causes.events(entry)));
    }

    /// Time in the metadata, as stored.
    pub(crate) fn occurred_at(&self) -> &str {
        &self.occurred_at
    }

    /// The cells of its row, in the order of the columns.
    pub(crate) fn cells(&self) -> [String; CSV_COLUMNS.len()] {
        let (moved, causes) = (&self.moved, self.causes.iter().flatten());
        let causes: Vec<String> = causes.map(|cause| format!("{}@{}", cause.id, cause.position)).collect();
        [
            self.stream.clone(),
            self.revision.to_string(),
            self.id.clone(),
            self.name.clone(),
            self.occurred_at.clone(),
            self.prev.clone(),
            self.hash.clone(),
            self.position.clone(),
            cell(moved.kind),
            cell(moved.amount),
            cell(moved.change),
            cell(moved.balance),
            cell(moved.held),
            cell(moved.batch),
            cell_of_all(&moved.items),
            cell(moved.attempt),
            cell(moved.reason),
            cell_of_all(&causes),
        ]
    }
}
