//! Comparing two versions of the read models row by row, while the live one goes on: both are looked at as of the same
//! place in the log, to which the other one is brought first.

use crate::{
    apply::ApplyError,
    build::{Progress, Until, build},
};
use leafcutter_event_store::{EventStore, Position};
use leafcutter_read_models::{ReadModels, Snapshot, TableRow};
use std::{cmp::Ordering, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Differences that are told one by one; the others are counted.
const DIFFERENCES_TOLD_MAX: usize = 20;
/// How long the live version may take to come to where the other one is already.
const LIVE_WAIT_MS: u64 = 60_000;

/// Why two versions were not compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The log or the tables cannot be read or written.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The live version does not follow the log.
    #[error(
        "the live read models stand at {live} and do not come to {other}, where the others are: is the projector running?"
    )]
    LiveStandsStill {
        /// Where the live version is.
        live: Position,
        /// Where the other one is.
        other: Position,
    },
    /// It was stopped before its end.
    #[error("interrupted")]
    Stopped,
}

impl From<leafcutter_read_models::ReadModelError> for CompareError {
    fn from(error: leafcutter_read_models::ReadModelError) -> Self {
        Self::Apply(error.into())
    }
}

/// A row that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The row.
    pub key: String,
    /// As the live version has it.
    pub live: Option<String>,
    /// As the other one has it.
    pub other: Option<String>,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The place in the log as of which both were looked at.
    pub at: Position,
    /// Rows that were compared.
    pub rows: u64,
    /// Rows that differ.
    pub differing: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
}

/// Compares the live version with another one that nobody writes; that one is brought to where the live one is.
///
/// # Errors
/// See [`CompareError`].
pub async fn compare(
    store: Arc<dyn EventStore>,
    live: &ReadModels,
    other: &ReadModels,
    told: impl FnMut(Progress) + Send,
    stop: &CancellationToken,
) -> Result<Comparison, CompareError> {
    let ahead = other.checkpoint().await?;
    if !live.wait_until(ahead, Duration::from_millis(LIVE_WAIT_MS)).await? {
        let live = live.checkpoint().await?;
        return Err(CompareError::LiveStandsStill { live, other: ahead });
    }
    let left = live.snapshot().await?;
    let at = left.checkpoint;
    build(store, other, Until::Position(at), told, stop).await?;
    let right = other.snapshot().await?;
    if right.checkpoint != at {
        return Err(CompareError::Stopped);
    }
    merge(left, right).await
}

async fn merge(mut live: Snapshot, mut other: Snapshot) -> Result<Comparison, CompareError> {
    let mut found = Comparison { at: live.checkpoint, rows: 0, differing: 0, differences: Vec::new() };
    let (mut left, mut right) = (live.next().await?, other.next().await?);
    while left.is_some() || right.is_some() {
        let order = match (&left, &right) {
            (Some(left), Some(right)) => (left.place, &left.key).cmp(&(right.place, &right.key)),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        found.rows += 1;
        match order {
            Ordering::Less => {
                found.note(left.take(), None);
                left = live.next().await?;
            }
            Ordering::Greater => {
                found.note(None, right.take());
                right = other.next().await?;
            }
            Ordering::Equal => {
                if left != right {
                    found.note(left.take(), right.take());
                }
                (left, right) = (live.next().await?, other.next().await?);
            }
        }
    }
    Ok(found)
}

impl Comparison {
    fn note(&mut self, live: Option<TableRow>, other: Option<TableRow>) {
        self.differing += 1;
        let Some(row) = live.as_ref().or(other.as_ref()) else { return };
        if self.differences.len() < DIFFERENCES_TOLD_MAX {
            let (table, key) = (row.table, row.key.clone());
            let text = |row: Option<TableRow>| row.map(|row| row.text);
            self.differences.push(Difference { table, key, live: text(live), other: text(other) });
        }
    }
}
