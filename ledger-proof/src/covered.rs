//! What a head covers: the events up to those that it names. What it does not cover came later, and says so. Not here:
//! whether what it names is still there.

use crate::{Entry, Head, HeadError, month::CLOSED};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How far the clock that an event was written by may be behind the one that a head was signed by.
const CLOCK_SKEW_S_MAX: i64 = 600;

/// A head on its way along the events, oldest first.
#[derive(Debug)]
pub(crate) struct Covered {
    /// The last covered revision of each stream that the head names.
    named: BTreeMap<String, u64>,
    /// A month that it does not name, and whose close was seen.
    closed: String,
    /// No event that it does not cover is older.
    later: Timestamp,
    /// Events that it covers.
    pub(crate) events: u64,
}

impl Covered {
    /// # Errors
    /// The head is of no time.
    pub(crate) fn by(head: &Head) -> Result<Self, HeadError> {
        let at: Timestamp = head.at.parse().map_err(|_| HeadError::NoTime { at: head.at.clone() })?;
        let later = at.saturating_sub(SignedDuration::from_secs(CLOCK_SKEW_S_MAX));
        let later = later.map_err(|_| HeadError::NoTime { at: head.at.clone() })?;
        let named = head.entries.iter().map(|entry| (entry.stream.clone(), entry.revision)).collect();
        Ok(Self { named, closed: String::new(), later, events: 0 })
    }

    /// Whether the next event is covered, or of a time at which it may have come after the head.
    pub(crate) fn allows(&mut self, entry: &Entry) -> bool {
        let is_covered = match self.named.get(&entry.stream) {
            Some(revision) => entry.revision <= *revision,
            // An earlier month is covered up to its close, which the month after it names.
            None => {
                let is_earlier = self.named.last_key_value().is_some_and(|(last, _)| entry.stream < *last);
                is_earlier && self.closed != entry.stream
            }
        };
        self.events += u64::from(is_covered);
        if entry.name == CLOSED {
            self.closed.clone_from(&entry.stream);
        }
        is_covered || entry.occurred_at.parse::<Timestamp>().is_ok_and(|at| at >= self.later)
    }
}
