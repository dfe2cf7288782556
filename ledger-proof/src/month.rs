//! Months of an account: how one follows the other, and which of their ends a head must name.

use crate::{Entry, Fault, FaultKind, HeadEntry};
use serde::Deserialize;
use std::collections::HashSet;

/// The event with which every stream of a ledger begins.
pub(crate) const OPENED: &str = "PeriodOpened";
/// The event that ends a month. What was set aside before is settled after it, in the same stream.
pub(crate) const CLOSED: &str = "PeriodClosed";

/// The last event of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// What a head says of it.
    pub entry: HeadEntry,
    /// Whether it is `PeriodClosed`, whose hash the next month names.
    pub is_close: bool,
}

impl Tail {
    /// The end of a stream whose last event is this one.
    #[must_use]
    pub fn new(stream: &str, revision: u64, hash: &str, name: &str) -> Self {
        let entry = HeadEntry { stream: stream.to_owned(), revision, hash: hash.to_owned() };
        Self { entry, is_close: name == CLOSED }
    }
}

/// What a head names of an account's months, given the end of each, oldest first: the last two months that began, and
/// every earlier one that does not end with its close. The others are covered, for the next month names their close.
#[must_use]
pub fn covering(tails: &[Tail]) -> Vec<HeadEntry> {
    let recent = tails.len().saturating_sub(2);
    let named = |(at, tail): (usize, &Tail)| (at >= recent || !tail.is_close).then(|| tail.entry.clone());
    tails.iter().enumerate().filter_map(named).collect()
}

/// A month as far as it was walked.
#[derive(Debug, Clone)]
pub(crate) struct Month {
    pub(crate) stream: String,
    pub(crate) account: String,
    pub(crate) period: String,
    /// Revision of its close, and the hashes from there on.
    pub(crate) closed: Option<(u64, HashSet<String>)>,
    pub(crate) next_revision: u64,
}

/// What the chain needs of `PeriodOpened`.
#[derive(Deserialize)]
struct Opened {
    account: String,
    period: String,
    previous: Option<Previous>,
}

#[derive(Deserialize)]
struct Previous {
    period: String,
    hash: String,
}

/// The month that this event opens after `before`.
pub(crate) fn opened(entry: &Entry, before: Option<&Month>) -> Result<Month, Fault> {
    let here = |kind, what: String| Fault { stream: entry.stream.clone(), revision: 0, kind, what };
    if entry.name != OPENED {
        let what = format!("a month begins with {OPENED}, and this is {}", entry.name);
        return Err(here(FaultKind::Removed, what));
    }
    let opened: Opened = serde_json::from_slice(&entry.data)
        .map_err(|error| here(FaultKind::Unreadable, format!("{OPENED} cannot be read ({error})")))?;
    let Opened { account, period, previous } = opened;
    if entry.stream != stream_of(&account, &period) {
        let what = format!("it opens {period} of {account}, which has another stream");
        return Err(here(FaultKind::Changed, what));
    }
    follows(&account, previous.as_ref(), before, &here)?;
    Ok(Month { stream: entry.stream.clone(), account, period, closed: None, next_revision: 1 })
}

/// Whether the month named as the previous one is the one before, and ended as it says.
fn follows(
    account: &str,
    previous: Option<&Previous>,
    before: Option<&Month>,
    here: &dyn Fn(FaultKind, String) -> Fault,
) -> Result<(), Fault> {
    let gone = |period: &str| Fault {
        stream: stream_of(account, period),
        revision: 0,
        kind: FaultKind::Removed,
        what: "the whole month is missing, which the next one names as the month before it".to_owned(),
    };
    let put_in = |month: &Month, named: &str| Fault {
        stream: month.stream.clone(),
        revision: 0,
        kind: FaultKind::Inserted,
        what: format!("the month after it names {named} as the month before it"),
    };
    match (before, previous) {
        (None, None) => Ok(()),
        (None, Some(previous)) => Err(gone(&previous.period)),
        (Some(month), None) => Err(put_in(month, "none")),
        (Some(month), Some(_)) if month.account != account => {
            Err(here(FaultKind::Inserted, format!("it is of another account than {}", month.stream)))
        }
        (Some(month), Some(previous)) if previous.period > month.period => Err(gone(&previous.period)),
        (Some(month), Some(previous)) if previous.period < month.period => {
            Err(put_in(month, &previous.period))
        }
        (Some(month), Some(previous)) => closed_as(month, &previous.hash),
    }
}

fn closed_as(month: &Month, named: &str) -> Result<(), Fault> {
    let fault = |revision, kind, what: &str| Fault {
        stream: month.stream.clone(),
        revision,
        kind,
        what: what.to_owned(),
    };
    match &month.closed {
        // The first release named the last event at that time, which was one settled after the close now and then.
        Some((_, hashes)) if hashes.contains(named) => Ok(()),
        Some((revision, _)) => Err(fault(
            *revision,
            FaultKind::Changed,
            "the next month names another hash of it: it, or an event before it, was changed and hashes made anew",
        )),
        None => Err(fault(
            month.next_revision,
            FaultKind::Removed,
            "the end of the month is missing: the next one names its PeriodClosed",
        )),
    }
}

fn stream_of(account: &str, period: &str) -> String {
    format!("ledger-{account}-{period}")
}
