//! The memory as rows and back. A row of another version that cannot be read is left out with an error in the log;
//! deleting the file makes the reactions read the log from its beginning.

use super::{memory::Memory, open::Key};
use leafcutter_domain::{BatchId, Period, ReservationId};
use leafcutter_reaction_memory::{Change, Remembered};
use serde::{Serialize, de::DeserializeOwned};
use std::str::FromStr;

const BATCH: &str = "batch";
const RESERVATION: &str = "reservation";
const RELEASE: &str = "release";
const COOKIES: &str = "cookies";
const ERASURE: &str = "erasure";
const AGED: &str = "aged";
/// The one row of its kind.
const ONLY: &str = "only";

impl Memory {
    /// What the tables hold. Every reservation is looked at once, because outcomes may have been left unsettled,
    /// and the place of cookies is told once more of every batch that has some.
    pub(super) fn from_rows(rows: Vec<Remembered>) -> Self {
        let mut memory = Self::default();
        for row in &rows {
            if memory.take_in(row).is_none() {
                tracing::error!(
                    kind = row.kind,
                    id = row.id,
                    "a remembered row cannot be read and is left out"
                );
            }
        }
        memory.unsettled = memory.reservations.keys().copied().collect();
        memory.cookies_untold = memory.cookies.keys().copied().collect();
        let unknown = memory.batches.iter().filter(|(_, open)| open.pages.is_none());
        memory.unknown_pages = unknown.map(|(batch, _)| *batch).collect();
        memory
    }

    fn take_in(&mut self, row: &Remembered) -> Option<()> {
        match row.kind.as_str() {
            BATCH => drop(self.batches.insert(row.id.parse().ok()?, content(row)?)),
            RESERVATION => drop(self.reservations.insert(pair::<Period>(&row.id)?, content(row)?)),
            RELEASE => {
                let (reservation, item) = row.id.rsplit_once('/')?;
                let key = (pair::<Period>(reservation)?, item.parse().ok()?);
                self.releases.insert(key, content(row)?);
            }
            ERASURE => drop(self.erasures.insert(row.id.parse().ok()?)),
            AGED => self.aged_to = content::<String>(row)?.parse().ok()?,
            COOKIES => drop(self.cookies.insert(row.id.parse().ok()?, content(row)?)),
            _ => return None,
        }
        Some(())
    }

    /// The rows that have changed since the last call.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|key| self.change(key)).collect()
    }

    fn change(&self, key: Key) -> Change {
        match key {
            Key::Batch(batch) => change(BATCH, row_id(batch), self.batches.get(&batch)),
            Key::Reservation(key) => {
                change(RESERVATION, format!("{}/{}", key.0, key.1), self.reservations.get(&key))
            }
            Key::Erasure(batch) => change(ERASURE, row_id(batch), self.erasures.get(&batch)),
            Key::Aged => change(AGED, ONLY.to_owned(), Some(&self.aged_to.to_string())),
            Key::Cookies(batch) => change(COOKIES, row_id(batch), self.cookies.get(&batch)),
            Key::Release(key) => {
                let ((reservation, period), item) = key;
                change(RELEASE, format!("{reservation}/{period}/{item}"), self.releases.get(&key))
            }
        }
    }
}

fn row_id(batch: BatchId) -> String {
    batch.to_string()
}

fn pair<T: FromStr>(id: &str) -> Option<(ReservationId, T)> {
    let (reservation, rest) = id.split_once('/')?;
    Some((reservation.parse().ok()?, rest.parse().ok()?))
}

fn content<T: DeserializeOwned>(row: &Remembered) -> Option<T> {
    serde_json::from_str(&row.content).ok()
}

fn change(kind: &str, id: String, content: Option<&impl Serialize>) -> Change {
    let kind = kind.to_owned();
    match content.and_then(|content| serde_json::to_string(content).ok()) {
        Some(content) => Change::Put(Remembered { kind, id, content }),
        None => Change::Forget { kind, id },
    }
}
