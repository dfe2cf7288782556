//! What happened to a chain at the first event that is not right, told from that event, the hashes before it and a few
//! events after it. An event that was moved still has the hash of its old place, which says where that was.

use crate::{Entry, Fault, FaultKind};

/// Places around an event that are tried to find the one for which its hash was made.
const PLACES_TRIED: u64 = 4_096;

/// What is not right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// The revision is not the next one.
    Place,
    /// The hash is not that of the content.
    Hash,
    /// The event before is another one than it names.
    Prev,
}

/// Names what happened. `expected` is the revision that should be here; `recent` holds the hashes before it, the
/// newest last.
pub(crate) fn diagnose(
    doubt: Doubt,
    entry: &Entry,
    following: &[Entry],
    expected: u64,
    recent: &[String],
) -> Fault {
    let scene = Scene { entry, following, expected, recent };
    match doubt {
        Doubt::Place => scene.place(),
        Doubt::Hash => scene.hash(),
        Doubt::Prev => scene.prev(),
    }
}

struct Scene<'a> {
    entry: &'a Entry,
    following: &'a [Entry],
    expected: u64,
    recent: &'a [String],
}

impl Scene<'_> {
    fn fault(&self, revision: u64, kind: FaultKind, what: impl Into<String>) -> Fault {
        Fault { stream: self.entry.stream.clone(), revision, kind, what: what.into() }
    }

    /// Whether an event that belongs exactly here comes later.
    fn comes_later(&self) -> bool {
        let before = self.recent.last().map_or("", String::as_str);
        self.following.iter().any(|one| one.prev == before && one.was_made_at(self.expected))
    }

    fn place(&self) -> Fault {
        let (expected, revision) = (self.expected, self.entry.revision);
        if revision < expected {
            return self.fault(revision, FaultKind::Reordered, "it comes twice, or too late");
        }
        if self.following.iter().any(|one| (expected..revision).contains(&one.revision)) {
            return self.fault(expected, FaultKind::Reordered, format!("event {revision} stands before it"));
        }
        let what = match revision - expected {
            1 => "it is missing".to_owned(),
            _ => format!("it is missing, and so is all up to event {}", revision - 1),
        };
        self.fault(expected, FaultKind::Removed, what)
    }

    fn hash(&self) -> Fault {
        let (expected, entry) = (self.expected, self.entry);
        match self.made_at() {
            Some(made_at) if made_at > expected && self.comes_later() => {
                let what = format!("the one that was written as event {made_at} stands here");
                self.fault(expected, FaultKind::Reordered, what)
            }
            Some(made_at) if made_at > expected => {
                let what =
                    format!("it is missing: what was written as event {made_at} is numbered {expected}");
                self.fault(expected, FaultKind::Removed, what)
            }
            Some(made_at) if self.hash_of(made_at) == Some(&entry.hash) => {
                self.fault(expected, FaultKind::Inserted, format!("it is a copy of event {made_at}"))
            }
            Some(made_at) => {
                let what = format!("what was written as event {made_at} is numbered {expected}");
                self.fault(made_at, FaultKind::Inserted, what)
            }
            None if self.comes_later() => {
                let what = "the one that was written in this place comes after it";
                self.fault(expected, FaultKind::Inserted, what)
            }
            None => self.fault(expected, FaultKind::Changed, "its hash is not that of its content"),
        }
    }

    fn prev(&self) -> Fault {
        let expected = self.expected;
        if self.comes_later() {
            let what = "the one that was written in this place comes after it";
            return self.fault(expected, FaultKind::Inserted, what);
        }
        if expected == 0 {
            let what = "a stream begins without an event before it, and this one names one";
            return self.fault(0, FaultKind::Changed, what);
        }
        let what =
            format!("event {expected} names another hash of it: it was changed, and its hash made anew");
        self.fault(expected - 1, FaultKind::Changed, what)
    }

    /// For which place the event was made, when it is another one.
    fn made_at(&self) -> Option<u64> {
        let here = self.entry.revision;
        let near = (1..=PLACES_TRIED).flat_map(|far| [here.checked_sub(far), here.checked_add(far)]);
        near.flatten().find(|place| self.entry.was_made_at(*place))
    }

    /// The hash of an event before this place, as far as it is remembered.
    fn hash_of(&self, revision: u64) -> Option<&String> {
        let back = usize::try_from(self.expected.checked_sub(revision)?).ok()?;
        self.recent.get(self.recent.len().checked_sub(back)?)
    }
}
