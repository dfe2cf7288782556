//! What the demo shows: progress, the extracted rows, the credits, the end of the service's log.
//!
//! **Not allowed here:** deciding whether any of it is right; `compare` does.

use std::path::Path;

use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::client::{Credits, Item};

/// How much of the service's log is shown when something went wrong.
const LOG_LINES_MAX: usize = 20;

/// How far a batch is: a bar on a terminal, else a line for each change.
pub(crate) struct Progress {
    bar: ProgressBar,
    total: usize,
}

impl Progress {
    pub(crate) fn of(total: usize) -> Self {
        let style = ProgressStyle::with_template("{bar:40} {pos} of {len} pages{msg}");
        let bar = ProgressBar::new(total as u64);
        Self { bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())), total }
    }

    pub(crate) fn show(&self, completed: usize, failed: usize) {
        let done = (completed + failed) as u64;
        let is_news = self.bar.position() != done;
        self.bar.set_message(if failed > 0 { format!(", {failed} failed") } else { String::new() });
        self.bar.set_position(done);
        if is_news && self.bar.is_hidden() {
            println!("{done} of {} pages, {failed} failed", self.total);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.abandon();
    }
}

pub(crate) fn rows(items: &[Item]) {
    let mut table = table(&["page", "outcome", "name", "price", "currency", "available"]);
    for item in items {
        let mut cells = vec![page(item).to_owned(), outcome(item)];
        let fields = ["name", "price", "currency", "available"];
        cells.extend(
            fields.map(|field| item.result.as_ref().map_or_else(String::new, |row| cell(&row[field]))),
        );
        table.add_row(cells);
    }
    println!("\n{table}");
}

/// What each item cost beside what the account's ledger says.
pub(crate) fn ledger(items: &[Item], credits: &Credits) {
    let mut table = table(&["page", "attempts", "credits"]);
    for item in items {
        table.add_row([page(item).to_owned(), item.attempts.to_string(), item.credits_used.to_string()]);
    }
    println!("\n{table}");
    let Credits { period, granted, held, spent, available } = credits;
    println!("Credits of {period}: {granted} granted, {spent} spent, {held} held, {available} available");
}

/// The last lines of the service's log, for somebody who has to find out what went wrong.
pub(crate) fn log_tail(log: &Path) {
    let Ok(text) = std::fs::read_to_string(log) else {
        return;
    };
    let lines: Vec<&str> = text.lines().collect();
    eprintln!("\nThe service's log ends with:");
    for line in &lines[lines.len().saturating_sub(LOG_LINES_MAX)..] {
        eprintln!("  {line}");
    }
}

fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(columns.to_vec());
    table
}

fn page(item: &Item) -> &str {
    item.url.find("/product/").map_or(item.url.as_str(), |at| &item.url[at..])
}

fn outcome(item: &Item) -> String {
    item.error_code.as_ref().map_or_else(|| item.status.clone(), |code| format!("{}: {code}", item.status))
}

fn cell(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
