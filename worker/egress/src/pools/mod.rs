//! Upstream proxies: which there are, where they stand, and whose turn it is.
//!
//! Chosen is, among those that serve a place, one that is not down and has rested longest. What is down is tried
//! again when its time is over, by the next item that comes, or earlier when nothing else is left.
//!
//! **Not allowed here:** connections (`chain` makes them), and what belongs to one item (`route`).

mod chain;
mod file;
mod health;
mod route;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use leafcutter_domain::ProxyPlace;

pub use file::ProxyFileError;
pub use route::Route;

pub(crate) use chain::Duplex;
use chain::Upstream;
use health::Health;

/// Items whose last proxy is remembered, so that their next attempt takes another.
const ITEMS_REMEMBERED_MAX: usize = 4_096;

/// The proxies of an operator. Cheap to clone; clones share what they learn.
#[derive(Clone, Default)]
pub struct ProxyPools {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    members: Vec<Member>,
    book: Mutex<Book>,
}

/// A proxy and where it stands.
struct Member {
    place: ProxyPlace,
    upstream: Upstream,
}

/// What changes. It is never held across a wait.
#[derive(Default)]
struct Book {
    /// One for each member.
    states: Vec<State>,
    /// Counts the choices, to know who has rested longest.
    turn: u64,
    /// The last choice for each of the latest items, the oldest first.
    latest: VecDeque<(String, usize)>,
}

#[derive(Clone, Default)]
struct State {
    used: u64,
    health: Health,
}

impl ProxyPools {
    /// Reads the operator's file, passwords included.
    ///
    /// # Errors
    /// The file or a password cannot be read, or something in it cannot be understood. The error names the place in
    /// the file and never what is written there.
    pub fn read(file: &Path) -> Result<Self, ProxyFileError> {
        file::members(file).map(Self::of)
    }

    /// The places that the file has proxies for, without their passwords, which only those need who use them.
    ///
    /// # Errors
    /// As [`ProxyPools::read`], but for the passwords.
    pub fn places_in(file: &Path) -> Result<BTreeSet<ProxyPlace>, ProxyFileError> {
        file::places(file).map(asked_places)
    }

    /// The places that a caller may ask for: those that are named, `global`, and `eu` when a member country is named.
    #[must_use]
    pub fn places(&self) -> BTreeSet<ProxyPlace> {
        asked_places(self.shared.members.iter().map(|member| member.place))
    }

    /// The way out of one attempt at an item: through one proxy of the place, the same for all of its connections,
    /// and another than at the item's last attempt when there is another. `item` names the item among all others.
    #[must_use]
    pub fn route(&self, place: ProxyPlace, item: impl Into<String>) -> Route {
        Route::new(self.clone(), place, item.into())
    }

    fn of(members: Vec<Member>) -> Self {
        let states = vec![State::default(); members.len()];
        let book = Mutex::new(Book { states, ..Book::default() });
        Self { shared: Arc::new(Shared { members, book }) }
    }

    /// The proxy whose turn it is, not one of `tried`. None when there is none left.
    fn choose(&self, place: ProxyPlace, item: &str, tried: &[usize], now: Instant) -> Option<usize> {
        let mut book = self.book();
        let before = book.latest.iter().find(|(known, _)| known == item).map(|(_, member)| *member);
        let serving = self.shared.members.iter().enumerate().filter(|(_, member)| member.place.serves(place));
        let left = serving.map(|(index, _)| index).filter(|index| !tried.contains(index));
        let chosen = left.min_by_key(|index| {
            let State { used, health } = &book.states[*index];
            (health.down_until(now), before == Some(*index), *used)
        })?;
        book.turn += 1;
        let turn = book.turn;
        let state = &mut book.states[chosen];
        state.used = turn;
        state.health.try_again(now);
        book.remember(item, chosen);
        Some(chosen)
    }

    fn upstream(&self, member: usize) -> &Upstream {
        &self.shared.members[member].upstream
    }

    fn worked(&self, member: usize) {
        self.book().states[member].health.worked();
    }

    fn failed(&self, member: usize, now: Instant) {
        if let Some(pause) = self.book().states[member].health.failed(now) {
            self.tell(member, pause);
        }
    }

    fn silent(&self, member: usize, now: Instant) {
        if let Some(pause) = self.book().states[member].health.silent(now) {
            self.tell(member, pause);
        }
    }

    fn tell(&self, member: usize, pause: std::time::Duration) {
        let Member { place, upstream } = &self.shared.members[member];
        tracing::warn!(%place, proxy = %upstream, pause_s = pause.as_secs(), "an upstream proxy is left out for a while");
    }

    /// Whole between any two statements, so a poisoned lock is as good as another.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.shared.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn remember(&mut self, item: &str, member: usize) {
        self.latest.retain(|(known, _)| known != item);
        if self.latest.len() >= ITEMS_REMEMBERED_MAX {
            self.latest.pop_front();
        }
        self.latest.push_back((item.to_owned(), member));
    }
}

/// What can be asked for when proxies stand in these places.
fn asked_places(named: impl IntoIterator<Item = ProxyPlace>) -> BTreeSet<ProxyPlace> {
    let regions = [ProxyPlace::Eu, ProxyPlace::Global];
    let with_regions =
        |place: ProxyPlace| regions.into_iter().filter(move |region| place.serves(*region)).chain([place]);
    named.into_iter().flat_map(with_regions).collect()
}

impl fmt::Debug for ProxyPools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyPools").field("places", &self.places()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn pools(places: &[&str]) -> ProxyPools {
        let member = |(number, place): (usize, &&str)| Member {
            place: place.parse().unwrap(),
            upstream: Upstream::plain(format!("proxy-{number}"), 3128),
        };
        ProxyPools::of(places.iter().enumerate().map(member).collect())
    }

    fn place(text: &str) -> ProxyPlace {
        text.parse().unwrap()
    }

    #[test]
    fn countries_make_up_their_regions() {
        let texts = |pools: &ProxyPools| pools.places().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(&pools(&["de", "us"])), ["global", "eu", "de", "us"]);
        assert_eq!(texts(&pools(&["us"])), ["global", "us"]);
        assert!(texts(&pools(&[])).is_empty());
    }

    #[test]
    fn the_one_that_rested_longest_is_taken_and_a_place_is_served_by_its_own_only() {
        let pools = pools(&["de", "fr", "us"]);
        let now = Instant::now();
        let taken = |asked: &str, item: &str| pools.choose(place(asked), item, &[], now).unwrap();
        assert_eq!(
            [taken("eu", "a"), taken("eu", "b"), taken("eu", "c"), taken("global", "d")],
            [0, 1, 0, 2]
        );
        assert_eq!([taken("us", "e"), taken("us", "f"), taken("de", "g")], [2, 2, 0]);
        assert_eq!(pools.choose(place("gb"), "h", &[], now), None);
    }

    #[test]
    fn the_next_attempt_at_an_item_takes_another_proxy_while_there_is_one() {
        let pools = pools(&["de", "de"]);
        let now = Instant::now();
        let first = pools.choose(place("de"), "item", &[], now).unwrap();
        pools.choose(place("de"), "other", &[], now).unwrap();
        assert_ne!(pools.choose(place("de"), "item", &[], now).unwrap(), first);
        for number in 0..=ITEMS_REMEMBERED_MAX {
            pools.choose(place("de"), &number.to_string(), &[], now);
        }
        assert_eq!(pools.book().latest.len(), ITEMS_REMEMBERED_MAX);
    }

    #[test]
    fn what_failed_is_left_out_until_its_time_is_over_or_nothing_else_is_there() {
        let pools = pools(&["de", "de"]);
        let now = Instant::now();
        pools.failed(0, now);
        for item in ["a", "b", "c"] {
            assert_eq!(pools.choose(place("de"), item, &[], now), Some(1));
        }
        assert_eq!(pools.choose(place("de"), "d", &[1], now), Some(0), "better a bad one than none");
        let later = now + Duration::from_mins(10);
        let taken = ["e", "f", "g", "h"].map(|item| pools.choose(place("de"), item, &[], later).unwrap());
        assert_eq!(taken, [1, 0, 1, 1], "its time is over, and one at a time finds out");
        pools.worked(0);
        assert_eq!(pools.choose(place("de"), "i", &[], later), Some(0));
    }
}
