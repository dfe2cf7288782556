//! Requests a minute and key, counted in fixed windows in memory; a replica counts for itself.

use leafcutter_domain::KeyId;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const WINDOW_S: u64 = 60;
/// Keys counted at a time; windows that have ended are dropped first.
const KEYS_MAX: usize = 100_000;

/// Counts requests by key.
#[derive(Debug)]
pub struct RateLimit {
    per_minute: u32,
    windows: Mutex<HashMap<KeyId, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    start: Instant,
    used: u32,
}

/// Where a key stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) reset_s: u64,
    pub(crate) allowed: bool,
}

impl RateLimit {
    /// So many requests a minute and key; 0: no limit.
    #[must_use]
    pub fn per_minute(per_minute: u32) -> Self {
        Self { per_minute, windows: Mutex::default() }
    }

    /// Counts a request; `None` when there is no limit.
    pub(crate) fn count(&self, key: KeyId, now: Instant) -> Option<Standing> {
        if self.per_minute == 0 {
            return None;
        }
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = |window: &Window| now.duration_since(window.start) >= Duration::from_secs(WINDOW_S);
        if windows.len() >= KEYS_MAX {
            windows.retain(|_, window| !ended(window));
        }
        let window = windows.entry(key).or_insert(Window { start: now, used: 0 });
        if ended(window) {
            *window = Window { start: now, used: 0 };
        }
        let allowed = window.used < self.per_minute;
        window.used = window.used.saturating_add(u32::from(allowed));
        let remaining = self.per_minute - window.used;
        let left = Duration::from_secs(WINDOW_S).saturating_sub(now.duration_since(window.start));
        let reset_s = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        Some(Standing { limit: self.per_minute, remaining, reset_s, allowed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_has_used_its_minute_waits_for_the_next() {
        let limit = RateLimit::per_minute(2);
        let key = KeyId("7c0b4e5e-9f0d-4c1c-8f3b-2f6a90e1d7a4".parse().unwrap());
        let start = Instant::now();
        let remaining: Vec<_> =
            (0..3).filter_map(|_| limit.count(key, start)).map(|s| (s.allowed, s.remaining)).collect();
        assert_eq!(remaining, [(true, 1), (true, 0), (false, 0)]);
        let next = limit.count(key, start + Duration::from_secs(WINDOW_S)).unwrap();
        assert!(next.allowed);
    }
}
