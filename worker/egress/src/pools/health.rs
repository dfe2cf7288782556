//! Whether a proxy is worth a try: up, or down for a time that grows with each failure.
//!
//! **Not allowed here:** clocks. The time comes from who asks.

use std::time::{Duration, Instant};

/// How long a proxy is left out after its first failure, in milliseconds; each further one doubles it.
const PAUSE_MS: u64 = 5_000;
/// The longest time that a proxy is left out, in milliseconds.
const PAUSE_MS_MAX: u64 = 300_000;
/// Time-outs in a row that count as a failure. One alone may be the target's, which a page chooses.
const SILENCES_MAX: u32 = 3;

/// What is known of a proxy.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    /// Failures since it last worked.
    failures: u32,
    silences: u32,
    down_until: Option<Instant>,
    /// Somebody is finding out whether it works again.
    on_trial: bool,
}

impl Health {
    /// Until when it is left out; none when it is not.
    pub(super) fn down_until(&self, now: Instant) -> Option<Instant> {
        self.down_until.filter(|until| *until > now)
    }

    /// It was chosen. When its time out is over, nobody else takes it until it is known how that went.
    pub(super) fn try_again(&mut self, now: Instant) {
        if self.down_until.is_some() && self.down_until(now).is_none() {
            self.down_until = Some(now + self.pause());
            self.on_trial = true;
        }
    }

    pub(super) fn worked(&mut self) {
        *self = Self::default();
    }

    /// It does not work. Answers how long it is left out; none when that was known, so that the many connections of
    /// one page count once.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Duration> {
        if self.down_until(now).is_some() && !self.on_trial {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        self.silences = 0;
        self.on_trial = false;
        let pause = self.pause();
        self.down_until = Some(now + pause);
        Some(pause)
    }

    /// It took a request and did not answer it.
    pub(super) fn silent(&mut self, now: Instant) -> Option<Duration> {
        self.silences += 1;
        if self.silences < SILENCES_MAX && !self.on_trial { None } else { self.failed(now) }
    }

    fn pause(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(u64::BITS - 1);
        Duration::from_millis(PAUSE_MS.saturating_mul(1 << doublings).min(PAUSE_MS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_pause_up_to_its_bound_and_success_forgets_them() {
        let mut health = Health::default();
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..80 {
            let pause = health.failed(now).unwrap();
            assert_eq!(health.failed(now), None, "the same failure again");
            pauses.push(pause.as_millis());
            now += pause;
            assert_eq!(health.down_until(now), None);
            health.try_again(now);
            assert!(health.down_until(now).is_some(), "one at a time finds out");
        }
        assert_eq!(pauses[..4], [5_000, 10_000, 20_000, 40_000]);
        assert_eq!(*pauses.last().unwrap(), u128::from(PAUSE_MS_MAX));
        health.worked();
        assert_eq!(
            (health.down_until(now), health.failed(now)),
            (None, Some(Duration::from_millis(PAUSE_MS)))
        );
    }

    #[test]
    fn silence_counts_when_it_repeats_or_on_trial() {
        let mut health = Health::default();
        let now = Instant::now();
        assert_eq!((health.silent(now), health.silent(now)), (None, None));
        health.worked();
        assert_eq!((health.silent(now), health.silent(now)), (None, None));
        let pause = health.silent(now).unwrap();
        health.try_again(now + pause);
        assert!(health.silent(now + pause).is_some());
    }
}
