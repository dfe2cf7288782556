//! The walk along an account's ledger, month after month, event after event: every hash is computed again, and the
//! first that is not what it should be ends the walk. A few events are read beyond it, which tell what happened.

use crate::{
    ChainLink, Fault, FaultKind, Tail,
    diagnosis::{Doubt, diagnose},
    event_id, link_hash,
    month::{CLOSED, Month, OPENED, opened},
};
use serde::Deserialize;
use std::collections::{HashSet, VecDeque};

/// Events that are looked at beyond the first wrong one.
const LOOK_AHEAD_EVENTS: usize = 16;
/// Hashes that are remembered of the events before.
const LOOK_BACK_EVENTS: usize = 16;

/// A ledger event as far as the chain knows it; read from a line of the export, other fields are left aside.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its stream.
    pub stream: String,
    /// Its place there, from 0.
    pub revision: u64,
    /// Its id, hyphenated.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Time in the metadata, as stored.
    pub occurred_at: String,
    /// Hash of the event before it in the stream; empty for the first.
    pub prev: String,
    /// Its own hash.
    pub hash: String,
    /// The stored data, byte for byte.
    #[serde(deserialize_with = "text_as_bytes")]
    pub data: Vec<u8>,
}

fn text_as_bytes<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    String::deserialize(deserializer).map(String::into_bytes)
}

impl Entry {
    /// Whether its hash is that of its content at this place, after the event that it names.
    pub(crate) fn was_made_at(&self, revision: u64) -> bool {
        let Self { stream, id, name, occurred_at, prev, hash, data, .. } = self;
        *hash == link_hash(&ChainLink { prev, stream, revision, id, name, occurred_at, data })
    }
}

/// What a walk came to.
#[derive(Debug, Clone)]
pub struct Walked {
    /// Events that are right, up to the first fault.
    pub entries: u64,
    /// The end of each month, oldest first, as far as it was walked.
    pub tails: Vec<Tail>,
    /// Time of the first event.
    pub since: Option<String>,
    /// The first fault.
    pub fault: Option<Fault>,
}

/// A walk under way.
#[derive(Debug, Default)]
pub struct Walk {
    month: Option<Month>,
    tails: Vec<Tail>,
    entries: u64,
    since: Option<String>,
    last_at: String,
    /// Hashes of the last events of this stream, the newest last.
    recent: VecDeque<String>,
    suspect: Option<Suspect>,
    fault: Option<Fault>,
}

/// The first wrong event, until what follows has told what happened.
#[derive(Debug)]
struct Suspect {
    doubt: Doubt,
    entry: Entry,
    following: Vec<Entry>,
}

impl Walk {
    /// Takes the next event: months in their order, each from its beginning. False once the walk has ended at a fault.
    pub fn step(&mut self, entry: &Entry) -> bool {
        if self.fault.is_some() {
            return false;
        }
        if let Some(suspect) = &mut self.suspect {
            if suspect.entry.stream == entry.stream && suspect.following.len() < LOOK_AHEAD_EVENTS {
                suspect.following.push(entry.clone());
                return true;
            }
            self.conclude();
            return false;
        }
        match self.take(entry) {
            Ok(()) => true,
            Err(Wrong::Fault(fault)) => {
                self.fault = Some(fault);
                false
            }
            Err(Wrong::Doubt(doubt)) => {
                self.suspect = Some(Suspect { doubt, entry: entry.clone(), following: Vec::new() });
                true
            }
        }
    }

    /// Whether every event so far is right.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.fault.is_none() && self.suspect.is_none()
    }

    /// Ends the walk.
    #[must_use]
    pub fn finish(mut self) -> Walked {
        self.conclude();
        let Self { entries, tails, since, fault, .. } = self;
        Walked { entries, tails, since, fault }
    }

    fn conclude(&mut self) {
        if let Some(Suspect { doubt, entry, following }) = self.suspect.take() {
            let expected = self.expected_revision(&entry);
            let recent: &[String] = if expected == 0 { &[] } else { self.recent.make_contiguous() };
            self.fault = Some(diagnose(doubt, &entry, &following, expected, recent));
        }
    }

    /// The revision that comes next in the stream of this event.
    fn expected_revision(&self, entry: &Entry) -> u64 {
        let month = self.month.as_ref().filter(|month| month.stream == entry.stream);
        month.map_or(0, |month| month.next_revision)
    }

    fn take(&mut self, entry: &Entry) -> Result<(), Wrong> {
        let expected = self.expected_revision(entry);
        if expected == 0 {
            self.is_later_month(entry)?;
        }
        let prev = if expected == 0 { "" } else { self.recent.back().map_or("", String::as_str) };
        if entry.revision != expected {
            return Err(Wrong::Doubt(Doubt::Place));
        }
        if !entry.was_made_at(entry.revision) {
            return Err(Wrong::Doubt(Doubt::Hash));
        }
        if entry.prev != prev {
            return Err(Wrong::Doubt(Doubt::Prev));
        }
        self.is_right_in_itself(entry, expected)?;
        if expected == 0 {
            self.month = Some(opened(entry, self.month.as_ref()).map_err(Wrong::Fault)?);
            self.recent.clear();
        }
        self.keep(entry);
        Ok(())
    }

    fn is_later_month(&self, entry: &Entry) -> Result<(), Wrong> {
        match &self.month {
            Some(month) if month.stream >= entry.stream => {
                let what = format!("it comes after {}", month.stream);
                Err(fault(entry, FaultKind::Reordered, what))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a link that fits is also one that the service would have made.
    fn is_right_in_itself(&self, entry: &Entry, expected: u64) -> Result<(), Wrong> {
        if entry.id != event_id(&entry.stream, entry.revision, &entry.name, &entry.data).to_string() {
            let what = "its id is not that of its content, though its hash is: both are made anew";
            return Err(fault(entry, FaultKind::Changed, what.to_owned()));
        }
        if expected == 0 {
            return Ok(());
        }
        if entry.occurred_at < self.last_at {
            let what =
                format!("it is of {}, before the event before it ({})", entry.occurred_at, self.last_at);
            return Err(fault(entry, FaultKind::Changed, what));
        }
        let ended = self.month.as_ref().is_some_and(|month| month.closed.is_some());
        if entry.name == OPENED || (entry.name == CLOSED && ended) {
            return Err(fault(entry, FaultKind::Inserted, format!("a month has one {}", entry.name)));
        }
        Ok(())
    }

    fn keep(&mut self, entry: &Entry) {
        let Entry { stream, revision, name, occurred_at, hash, .. } = entry;
        self.entries += 1;
        self.since.get_or_insert_with(|| occurred_at.clone());
        self.last_at.clone_from(occurred_at);
        if self.recent.len() == LOOK_BACK_EVENTS {
            self.recent.pop_front();
        }
        self.recent.push_back(hash.clone());
        let tail = Tail::new(stream, *revision, hash, name);
        match self.tails.last_mut().filter(|_| *revision > 0) {
            Some(last) => *last = tail,
            None => self.tails.push(tail),
        }
        if let Some(month) = &mut self.month {
            month.next_revision = revision + 1;
            if name == CLOSED {
                month.closed = Some((*revision, HashSet::new()));
            }
            if let Some((_, hashes)) = &mut month.closed {
                hashes.insert(hash.clone());
            }
        }
    }
}

enum Wrong {
    /// What happened is clear.
    Fault(Fault),
    /// What follows must tell.
    Doubt(Doubt),
}

fn fault(entry: &Entry, kind: FaultKind, what: String) -> Wrong {
    Wrong::Fault(Fault { stream: entry.stream.clone(), revision: entry.revision, kind, what })
}
