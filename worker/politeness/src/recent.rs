//! A bounded table of what was learnt, each entry with an end.

use std::{borrow::Borrow, collections::HashMap, hash::Hash, time::Instant};

/// A table that forgets what is over, and when it is full the entry that ends soonest.
#[derive(Debug)]
pub struct Recent<K, V> {
    entries_max: usize,
    entries: HashMap<K, (Instant, V)>,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    /// An empty table of at most this many entries.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self { entries_max: entries_max.max(1), entries: HashMap::new() }
    }

    /// The entry, unless it is over.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q, now: Instant) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).filter(|(until, _)| *until > now).map(|(_, value)| value)
    }

    /// Keeps an entry until then, instead of what had its key.
    pub fn put(&mut self, key: K, value: V, until: Instant, now: Instant) {
        if self.entries.len() >= self.entries_max && !self.entries.contains_key(&key) {
            self.entries.retain(|_, (until, _)| *until > now);
        }
        if self.entries.len() >= self.entries_max && !self.entries.contains_key(&key) {
            let soonest =
                self.entries.iter().min_by_key(|(_, (until, _))| *until).map(|(key, _)| key.clone());
            soonest.map(|key| self.entries.remove(&key));
        }
        self.entries.insert(key, (until, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_entry_ends_and_a_full_table_forgets_the_one_that_ends_soonest() {
        let (mut table, now) = (Recent::new(2), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        table.put("a", 1, at(10), now);
        table.put("b", 2, at(5), now);
        assert_eq!((table.get("a", now), table.get("b", at(5))), (Some(&1), None));
        table.put("c", 3, at(20), now);
        assert_eq!(
            (table.get("a", now), table.get("b", now), table.get("c", now)),
            (Some(&1), None, Some(&3))
        );
        table.put("d", 4, at(40), at(15));
        assert_eq!((table.get("a", now), table.get("c", now)), (None, Some(&3)), "what is over goes first");
        table.put("d", 5, at(40), at(15));
        assert_eq!(table.get("d", now), Some(&5));
    }
}
