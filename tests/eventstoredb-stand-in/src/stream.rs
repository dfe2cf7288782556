//! One stream of the log: what of it is visible, and whether an append may follow. Not here: places in the log.

use crate::log::{Expected, Record, Refused, Written};
use std::sync::Arc;

/// In a stream's metadata: everything before is hidden; this value hides the whole stream.
pub(crate) const HIDE_ALL: u64 = i64::MAX as u64;
#[derive(Default)]
pub(crate) struct Stream {
    pub(crate) records: Vec<Arc<Record>>,
    pub(crate) hidden_before: u64,
    pub(crate) count_max: Option<u64>,
    pub(crate) tombstoned: bool,
}

impl Stream {
    pub(crate) fn last(&self) -> Option<u64> {
        (self.records.len() as u64).checked_sub(1)
    }

    pub(crate) fn is_soft_deleted(&self) -> bool {
        self.hidden_before == HIDE_ALL
    }

    pub(crate) fn visible(&self) -> &[Arc<Record>] {
        let kept = self.count_max.map_or(0, |max| (self.records.len() as u64).saturating_sub(max));
        let from = usize::try_from(self.hidden_before.max(kept)).unwrap_or(usize::MAX);
        self.records.get(from..).unwrap_or_default()
    }

    /// Where these ids are already, one after another.
    pub(crate) fn holds_at(&self, from: u64, new: &[Record]) -> Option<Written> {
        let from = usize::try_from(from).ok()?;
        let there = self.records.get(from..from.checked_add(new.len())?)?;
        let last = there.last()?;
        let same = there.iter().zip(new).all(|(old, new)| old.id == new.id);
        same.then(|| Written { revision: Some(last.revision), place: Some(last.place()) })
    }
}

/// The first answer again when it is a repeat; `None` when it may be written.
pub(crate) fn check(stream: &Stream, expected: Expected, new: &[Record]) -> Result<Option<Written>, Refused> {
    if stream.tombstoned {
        return Err(Refused::Deleted);
    }
    let next = stream.records.len() as u64;
    let wanted = match expected {
        Expected::StreamExists if stream.is_soft_deleted() => return Err(Refused::Deleted),
        Expected::StreamExists if next == 0 => return Err(Refused::Conflict { actual: None }),
        Expected::Any | Expected::StreamExists => return Ok(repeat_anywhere(stream, new)),
        Expected::NoStream if stream.is_soft_deleted() => next,
        Expected::NoStream => 0,
        Expected::Revision(revision) => revision.saturating_add(1),
    };
    if wanted == next {
        return Ok(None);
    }
    stream.holds_at(wanted, new).map(Some).ok_or(Refused::Conflict { actual: stream.last() })
}

fn repeat_anywhere(stream: &Stream, new: &[Record]) -> Option<Written> {
    let first = new.first()?;
    let at = stream.records.iter().rposition(|record| record.id == first.id)?;
    stream.holds_at(at as u64, new)
}
