//! The statement of an account as a table, newest first, with a chart of its balance. No calls here.

use super::chart::chart;
use crate::client::{
    answers::Pagination,
    output::{printable, table},
};
use serde::Deserialize;

/// How wide the chart is where nobody knows the terminal.
const WIDTH_DEFAULT: u16 = 80;

/// The server's answer.
#[derive(Debug, Deserialize)]
pub(super) struct Statement {
    entries: Vec<Entry>,
    pagination: Pagination,
}

/// An entry, as far as the table shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    at: String,
    kind: String,
    amount: u64,
    change: i64,
    balance: u64,
    held: u64,
    reason: Option<String>,
    batch_id: Option<String>,
    round: Option<u32>,
    items: Vec<u16>,
    attempt: Option<u32>,
}

/// The chart, the table, and where in the statement this page is.
pub(super) fn shown(statement: &Statement) -> String {
    let Statement { entries, pagination } = statement;
    let mut table = table(&["time", "kind", "amount", "change", "balance", "held", "why", "batch"]);
    for entry in entries {
        table.add_row(row(entry));
    }
    let width = table.width().unwrap_or(WIDTH_DEFAULT);
    let oldest_first: Vec<u64> = entries.iter().rev().map(|entry| entry.balance).collect();
    let mut parts = chart(&oldest_first, usize::from(width));
    parts.push(table.to_string());
    let entries = match pagination.total {
        1 => "1 entry".to_owned(),
        many => format!("{many} entries"),
    };
    parts.push(format!("page {} of {}, {entries}", pagination.page, pagination.total_pages));
    parts.join("\n")
}

fn row(entry: &Entry) -> [String; 8] {
    [
        printable(&entry.at),
        printable(&entry.kind),
        entry.amount.to_string(),
        format!("{:+}", entry.change),
        entry.balance.to_string(),
        entry.held.to_string(),
        why(entry),
        printable(entry.batch_id.as_deref().unwrap_or_default()),
    ]
}

/// Reason, round, items and attempt, as far as there are any.
fn why(entry: &Entry) -> String {
    let items: Vec<String> = entry.items.iter().map(ToString::to_string).collect();
    let item = if items.len() == 1 { "item" } else { "items" };
    let parts = [
        entry.reason.as_deref().map(printable),
        entry.round.map(|round| format!("round {round}")),
        (!items.is_empty()).then(|| format!("{item} {}", items.join(" "))),
        entry.attempt.map(|attempt| format!("attempt {attempt}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
