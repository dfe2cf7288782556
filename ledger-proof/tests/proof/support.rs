//! A ledger of three months, made as the service makes it, and ways to tamper with it.

use leafcutter_ledger_proof::{ChainLink, Entry, Fault, Walk, Walked, event_id, link_hash};

pub(crate) const ACCOUNT: &str = "00000000-0000-0000-0000-000000000001";

pub(crate) fn stream(period: &str) -> String {
    format!("ledger-{ACCOUNT}-{period}")
}

/// Makes the link of an entry anew, after the one before.
pub(crate) fn link(entry: &mut Entry, prev: &str) {
    entry.prev = prev.to_owned();
    entry.id = event_id(&entry.stream, entry.revision, &entry.name, &entry.data).to_string();
    let Entry { stream, revision, id, name, occurred_at, prev, data, .. } = &*entry;
    let link = ChainLink { prev, stream, revision: *revision, id, name, occurred_at, data };
    entry.hash = link_hash(&link);
}

fn entry(period: &str, revision: u64, name: &str, data: String) -> Entry {
    Entry {
        stream: stream(period),
        revision,
        id: String::new(),
        name: name.to_owned(),
        occurred_at: format!("{period}-01T00:00:{revision:02}.000Z"),
        prev: String::new(),
        hash: String::new(),
        data: data.into_bytes(),
    }
}

/// A month with so many movements; closed, with movements after the close, unless it is the last.
pub(crate) fn month(
    period: &str,
    previous: Option<(&str, &str)>,
    moves: u64,
    closed: Option<u64>,
) -> Vec<Entry> {
    let previous = previous.map_or(String::new(), |(period, hash)| {
        format!(",\"previous\":{{\"period\":\"{period}\",\"hash\":\"{hash}\"}}")
    });
    let data = format!("{{\"account\":\"{ACCOUNT}\",\"period\":\"{period}\"{previous}}}");
    let mut entries = vec![entry(period, 0, "PeriodOpened", data)];
    for number in 1..=moves {
        entries.push(entry(period, number, "CreditsCharged", format!("{{\"item\":{number}}}")));
    }
    if let Some(late) = closed {
        entries.push(entry(period, moves + 1, "PeriodClosed", "{}".to_owned()));
        for number in moves + 2..moves + 2 + late {
            entries.push(entry(period, number, "CreditsRefunded", format!("{{\"item\":{number}}}")));
        }
    }
    chained(entries)
}

/// The entries of one stream with every link made anew.
pub(crate) fn chained(mut entries: Vec<Entry>) -> Vec<Entry> {
    let mut prev = String::new();
    for entry in &mut entries {
        link(entry, &prev);
        prev.clone_from(&entry.hash);
    }
    entries
}

/// The hash of the month's close.
pub(crate) fn close_of(entries: &[Entry]) -> &str {
    &entries.iter().find(|entry| entry.name == "PeriodClosed").unwrap().hash
}

/// August with two late movements, October (September was idle), and November, which is open.
pub(crate) fn ledger() -> Vec<Entry> {
    let august = month("2026-08", None, 3, Some(2));
    let october = month("2026-10", Some(("2026-08", close_of(&august))), 6, Some(0));
    let november = month("2026-11", Some(("2026-10", close_of(&october))), 4, None);
    [august, october, november].concat()
}

pub(crate) fn walk(entries: &[Entry]) -> Walked {
    let mut walk = Walk::default();
    for entry in entries {
        if !walk.step(entry) {
            break;
        }
    }
    walk.finish()
}

/// The fault of a ledger that has one.
pub(crate) fn fault(entries: &[Entry]) -> Fault {
    walk(entries).fault.expect("the ledger has a fault")
}

/// Where in the ledger an event is.
pub(crate) fn at(entries: &[Entry], period: &str, revision: u64) -> usize {
    let is = |entry: &Entry| entry.stream == stream(period) && entry.revision == revision;
    entries.iter().position(is).unwrap()
}

/// Numbers the events of each stream from 0, as someone would who covers a gap.
pub(crate) fn renumber(entries: &mut [Entry]) {
    let mut next = (String::new(), 0);
    for entry in entries {
        next = if entry.stream == next.0 { (next.0, next.1 + 1) } else { (entry.stream.clone(), 0) };
        entry.revision = next.1;
    }
}
