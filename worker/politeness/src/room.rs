//! The waiting room: work whose hosts have to wait, in the order in which it came, and who is next.
//!
//! Two pieces of work for one host go in the order in which they came. A slot that has served a group before may be
//! given work of that group ahead of others, but nobody is passed over more than [`PASSED_OVER_MAX`] times.
//!
//! **Not allowed here:** when a host may be asked; that is `gate`'s.

use crate::{Gate, Start, Turn};
use std::{
    collections::{HashSet, VecDeque},
    hash::Hash,
    time::Instant,
};

/// Pieces of work that wait at a time. Whoever fetches work minds it; what is put back comes
/// on top, one piece for each slot at most.
pub const ROOM_PARTIES_MAX: usize = 256;
/// How often a piece of work that could go may see another go first because it suits the slot better.
pub const PASSED_OVER_MAX: u8 = 8;

/// A piece of work: some items of one group, each of one host.
pub trait Party {
    /// A host's key.
    type Host: Copy + Eq + Hash;
    /// What a slot would rather stay with.
    type Group: PartialEq;
    /// The group of all its items.
    fn group(&self) -> Self::Group;
    /// The hosts of its items in their order; an item of an unknown host can always begin.
    fn hosts(&self) -> impl Iterator<Item = Option<Self::Host>>;
}

/// A piece of work that may go on.
#[derive(Debug)]
pub struct Taken<P: Party> {
    /// The work.
    pub party: P,
    /// Which of its items may begin.
    pub item: usize,
    /// The page as the gate counts it, if the host is known.
    pub start: Option<Start<P::Host>>,
}

#[derive(Debug)]
struct Waiting<P> {
    party: P,
    passed_over: u8,
}

/// Work in the order in which it came.
#[derive(Debug)]
pub struct Room<P> {
    waiting: VecDeque<Waiting<P>>,
}

impl<P: Party> Default for Room<P> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
    }
}

impl<P: Party> Room<P> {
    /// Work comes in, behind all other.
    pub fn enter(&mut self, party: P) {
        self.waiting.push_back(Waiting { party, passed_over: 0 });
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Everything that waits.
    pub fn parties(&self) -> impl Iterator<Item = &P> {
        self.waiting.iter().map(|waiting| &waiting.party)
    }

    /// Everybody goes.
    pub fn clear(&mut self) -> Vec<P> {
        self.waiting.drain(..).map(|waiting| waiting.party).collect()
    }

    /// The next work that may go on, for a slot that would rather stay with this group.
    pub fn take(
        &mut self,
        gate: &mut Gate<P::Host>,
        now: Instant,
        group: Option<&P::Group>,
    ) -> Option<Taken<P>> {
        let (place, item) = self.next(gate, now, group)?;
        let Waiting { party, .. } = self.waiting.remove(place)?;
        let start = party.hosts().nth(item).flatten().and_then(|host| gate.start(host, now));
        Some(Taken { party, item, start })
    }

    /// Pieces of work that could go on now, each looked at by itself.
    #[must_use]
    pub fn ready(&self, gate: &Gate<P::Host>, now: Instant) -> usize {
        let free = |host: Option<P::Host>| host.is_none_or(|host| gate.turn(host, now) == Turn::Now);
        self.parties().filter(|party| party.hosts().any(free)).count()
    }

    /// When time alone lets the next piece of work go on; `None` when none waits for time alone.
    #[must_use]
    pub fn ready_at(&self, gate: &Gate<P::Host>, now: Instant) -> Option<Instant> {
        let hosts: HashSet<P::Host> = self.parties().flat_map(Party::hosts).flatten().collect();
        let times = hosts.into_iter().filter_map(|host| match gate.turn(host, now) {
            Turn::At(at) => Some(at),
            Turn::Now => Some(now),
            Turn::WhenOneEnds => None,
        });
        times.min()
    }

    fn next(
        &mut self,
        gate: &Gate<P::Host>,
        now: Instant,
        group: Option<&P::Group>,
    ) -> Option<(usize, usize)> {
        let (mut awaited, mut first, mut suiting) = (HashSet::new(), None, None);
        for (place, waiting) in self.waiting.iter().enumerate() {
            // Who came first to a host goes first.
            let free = |host: Option<P::Host>| {
                host.is_none_or(|host| !awaited.contains(&host) && gate.turn(host, now) == Turn::Now)
            };
            if let Some(item) = waiting.party.hosts().position(free) {
                let next = *first.get_or_insert((place, item));
                let suits = group.is_some_and(|group| waiting.party.group() == *group);
                if suits {
                    suiting = Some((place, item));
                }
                if suits || group.is_none() || self.waiting[next.0].passed_over >= PASSED_OVER_MAX {
                    break;
                }
            }
            awaited.extend(waiting.party.hosts().flatten());
        }
        let patient = first.is_none_or(|(place, _)| self.waiting[place].passed_over < PASSED_OVER_MAX);
        let taken = if patient { suiting.or(first) } else { first };
        if let Some((passed, _)) = first.filter(|_| taken != first) {
            self.waiting[passed].passed_over += 1;
        }
        taken
    }
}
