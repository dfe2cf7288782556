//! Pauses between tries: they double, up to a bound, and each is drawn at random, so that rivals do not meet again.

use std::time::Duration;
use uuid::Uuid;

/// A random pause between nothing and `first` doubled `tries` times, or `max` if that is less.
pub(crate) fn pause(tries: u32, first: Duration, max: Duration) -> Duration {
    let longest = first.saturating_mul(2_u32.saturating_pow(tries)).min(max);
    // The low half of a random id is as good as any die.
    let drawn = Uuid::new_v4().as_u64_pair().1 % 1_000;
    longest.saturating_mul(u32::try_from(drawn).unwrap_or(0)) / 1_000
}

#[cfg(test)]
mod tests {
    use super::pause;
    use std::time::Duration;

    #[test]
    fn pauses_differ_and_stay_below_a_bound_that_grows() {
        let (first, max) = (Duration::from_millis(2), Duration::from_millis(50));
        for (tries, bound) in [(0, 2), (1, 4), (4, 32), (5, 50), (40, 50)] {
            let drawn: Vec<Duration> = (0..200).map(|_| pause(tries, first, max)).collect();
            assert!(drawn.iter().all(|pause| *pause < Duration::from_millis(bound)));
            assert!(drawn.iter().any(|pause| *pause != drawn[0]));
        }
    }
}
