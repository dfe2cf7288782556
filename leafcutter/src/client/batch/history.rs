//! What happened to a batch, as a table: a row for each event. No calls here.

use crate::client::output::{printable, table};
use serde::Deserialize;

/// The server's answer.
#[derive(Debug, Deserialize)]
pub(super) struct History {
    events: Vec<Event>,
}

/// An event, as far as the table shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    at: String,
    r#type: String,
    items: Vec<u16>,
    url: Option<String>,
    round: Option<u32>,
    attempt: Option<u32>,
    worker: Option<String>,
    proxy_country: Option<String>,
    duration_ms: Option<u64>,
    code: Option<String>,
    reason: Option<String>,
    credits: Option<u64>,
}

/// The table.
pub(super) fn told(history: &History) -> String {
    let mut table = table(&[
        "time",
        "event",
        "items",
        "round",
        "attempt",
        "worker",
        "proxy",
        "took",
        "credits",
        "page or reason",
    ]);
    for event in &history.events {
        table.add_row(row(event));
    }
    table.to_string()
}

fn row(event: &Event) -> [String; 10] {
    let items: Vec<String> = event.items.iter().map(ToString::to_string).collect();
    let worker = event.worker.as_deref().unwrap_or_default();
    let why = [event.code.as_ref(), event.reason.as_ref(), event.url.as_ref()].into_iter().flatten();
    [
        printable(&event.at),
        printable(&event.r#type),
        items.join(" "),
        number(event.round.map(u64::from)),
        number(event.attempt.map(u64::from)),
        // Lives of workers that began together differ at their end.
        printable(worker.rsplit('-').next().unwrap_or_default()),
        printable(event.proxy_country.as_deref().unwrap_or_default()),
        event.duration_ms.map_or_else(String::new, |duration| format!("{duration} ms")),
        number(event.credits),
        why.map(|text| printable(text)).collect::<Vec<_>>().join(": "),
    ]
}

fn number(value: Option<u64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
