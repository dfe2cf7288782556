//! The audit: heads that were kept, held against the ledger as it is now. A chain alone can be made anew by whoever
//! rewrites it; a head that the service signed earlier cannot.

use crate::{Entry, Fault, Head, HeadEntry, HeadError, Walk, covered::Covered};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

/// Text that holds no heads.
#[derive(Debug, thiserror::Error)]
pub enum HeadsError {
    /// It is no JSON.
    #[error("it is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// A value in it is none.
    #[error("value {0} in it is neither a head nor an answer of /api/credits")]
    NoHead(usize),
    /// There is nothing in it.
    #[error("it holds no head; 'leafcutter credits --json' prints one")]
    Empty,
}

/// Reads heads from text: one, a list, or several after each other, each a head or an answer that holds one as `head`.
///
/// # Errors
/// A value is something else, or there is none.
pub fn read_heads(text: &str) -> Result<Vec<Head>, HeadsError> {
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        match value? {
            Value::Array(list) => values.extend(list),
            value => values.push(value),
        }
    }
    let head = |(at, mut value): (usize, Value)| {
        let head = if value["head"].is_object() { value["head"].take() } else { value };
        Head::deserialize(head).map_err(|_| HeadsError::NoHead(at + 1))
    };
    let heads: Vec<Head> = values.into_iter().enumerate().map(head).collect::<Result<_, _>>()?;
    if heads.is_empty() { Err(HeadsError::Empty) } else { Ok(heads) }
}

/// Why history is not proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// A head is no proof of anything.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The heads are of several accounts.
    #[error("the heads are of several accounts: {one} and {other}; audit each by itself")]
    Accounts {
        /// The account of the oldest head.
        one: String,
        /// Another one.
        other: String,
    },
    /// The signing key is another one.
    #[error(
        "the head of {at} is signed with another key, {key}: if the operator confirms that key, add --accept-key {key}"
    )]
    Key {
        /// Time of the head.
        at: String,
        /// Its key.
        key: String,
    },
    /// The chain has a fault.
    #[error("the chain is broken: {0}")]
    Chain(Fault),
    /// An event that a head names is gone.
    #[error("cut off: at {at} the service signed event {} of {}, which the ledger does not hold any more", entry.revision, entry.stream)]
    Missing {
        /// Time of the head.
        at: String,
        /// What it names.
        entry: HeadEntry,
    },
    /// An event that a head names is another one.
    #[error("rewritten: at {at} the service signed hash {} for event {} of {}, which has hash {now} now", entry.hash, entry.revision, entry.stream)]
    Rewritten {
        /// Time of the head.
        at: String,
        /// What it names.
        entry: HeadEntry,
        /// The hash now.
        now: String,
    },
    /// An event that no head covers is older than the head: it was not there then.
    #[error(
        "inserted: event {revision} of {stream} is of {occurred_at}, and the head that the service signed at {at} does not know it"
    )]
    Backdated {
        /// Time of the head.
        at: String,
        /// The stream.
        stream: String,
        /// Its place there.
        revision: u64,
        /// Time that it claims.
        occurred_at: String,
    },
}

/// What an audit has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Time of the oldest head that was held.
    pub since: String,
    /// Heads that were held.
    pub heads: usize,
    /// Events in the whole chain.
    pub entries: u64,
    /// Months in it.
    pub months: usize,
    /// Events that the oldest head covers: they were not touched since.
    pub covered: u64,
}

/// An audit under way: made of heads, fed with the whole ledger.
#[derive(Debug)]
pub struct Audit {
    /// Oldest first; the present one last.
    heads: Vec<Head>,
    held: usize,
    /// Hashes of the events that heads name, once they were seen.
    seen: HashMap<(String, u64), Option<String>>,
    /// What each head covers, in the order of the heads.
    covered: Vec<Covered>,
    /// The first event that is older than a head which does not cover it.
    backdated: Option<Contradiction>,
    walk: Walk,
}

impl Audit {
    /// An audit of heads that were held, at least one, and of the one that the service shows now, if it was asked.
    /// Every key but that of the oldest head must be among the `accepted`.
    ///
    /// # Errors
    /// A head is not signed, of another account, or signed with a key that is not accepted.
    pub fn new(
        mut held: Vec<Head>,
        present: Option<Head>,
        accepted: &[String],
    ) -> Result<Self, Contradiction> {
        held.sort_by(|one, other| one.at.cmp(&other.at));
        let count = held.len();
        let heads: Vec<Head> = held.into_iter().chain(present).collect();
        for head in &heads {
            agrees(head, &heads[0], accepted)?;
        }
        let named = heads.iter().flat_map(|head| &head.entries);
        let seen = named.map(|entry| ((entry.stream.clone(), entry.revision), None)).collect();
        let covered = heads.iter().map(Covered::by).collect::<Result<_, _>>()?;
        Ok(Self { heads, held: count, seen, covered, backdated: None, walk: Walk::default() })
    }

    /// Takes the next event of the ledger; false once there is a fault.
    pub fn step(&mut self, entry: &Entry) -> bool {
        for (head, covered) in self.heads.iter().zip(&mut self.covered) {
            if !covered.allows(entry) && self.backdated.is_none() {
                let Entry { stream, revision, occurred_at, .. } = entry.clone();
                self.backdated =
                    Some(Contradiction::Backdated { at: head.at.clone(), stream, revision, occurred_at });
            }
        }
        if let Some(seen) = self.seen.get_mut(&(entry.stream.clone(), entry.revision)) {
            *seen = Some(entry.hash.clone());
        }
        self.walk.step(entry)
    }

    /// Holds every head against what was seen, the oldest first.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn finish(self) -> Result<Proof, Contradiction> {
        let walked = self.walk.finish();
        if let Some(fault) = walked.fault {
            return Err(Contradiction::Chain(fault));
        }
        for Head { at, entries, .. } in &self.heads {
            for entry in entries {
                let (at, entry) = (at.clone(), entry.clone());
                match self.seen.get(&(entry.stream.clone(), entry.revision)).cloned().flatten() {
                    Some(now) if now == entry.hash => {}
                    Some(now) => return Err(Contradiction::Rewritten { at, entry, now }),
                    None => return Err(Contradiction::Missing { at, entry }),
                }
            }
        }
        if let Some(backdated) = self.backdated {
            return Err(backdated);
        }
        let since = self.heads.first().map(|head| head.at.clone()).unwrap_or_default();
        let covered = self.covered.first().map_or(0, |covered| covered.events);
        let (heads, months) = (self.held, walked.tails.len());
        Ok(Proof { since, heads, entries: walked.entries, months, covered })
    }
}

fn agrees(head: &Head, first: &Head, accepted: &[String]) -> Result<(), Contradiction> {
    head.verify()?;
    if head.account != first.account {
        let (one, other) = (first.account.clone(), head.account.clone());
        return Err(Contradiction::Accounts { one, other });
    }
    if head.public_key != first.public_key && !accepted.contains(&head.public_key) {
        return Err(Contradiction::Key { at: head.at.clone(), key: head.public_key.clone() });
    }
    Ok(())
}
