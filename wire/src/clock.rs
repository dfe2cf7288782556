//! The one clock of the service. It notices when the machine's time jumps, because times go into the log for good:
//! while it is unsure, commands are refused and nothing is kept.

use leafcutter_domain::Moment;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A difference between wall time and steady time that is no drift any more.
const JUMP_MS: i64 = 10_000;
/// How long wall time must go steadily after a jump before it is believed.
const SETTLE_MS: u64 = 5_000;

/// The machine's time jumped a moment ago.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the machine's clock has jumped; commands are refused until it goes steadily again")]
pub struct ClockJumped;

#[derive(Clone)]
enum Source {
    System(Arc<Mutex<Anchor>>),
    Given(Arc<dyn Fn() -> Moment + Send + Sync>),
}

/// Wall time and steady time taken at once.
struct Anchor {
    wall: Moment,
    steady: Instant,
    jumped_at: Option<Instant>,
}

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Source);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        let anchor = Anchor { wall: wall_time(), steady: Instant::now(), jumped_at: None };
        Self(Source::System(Arc::new(Mutex::new(anchor))))
    }

    /// A clock that a test drives.
    #[must_use]
    pub fn given(now: impl Fn() -> Moment + Send + Sync + 'static) -> Self {
        Self(Source::Given(Arc::new(now)))
    }

    /// The time, for reading and for work that must go on.
    #[must_use]
    pub fn now(&self) -> Moment {
        match &self.0 {
            Source::System(_) => wall_time(),
            Source::Given(now) => now(),
        }
    }

    /// The time, for a command of a client.
    ///
    /// # Errors
    /// The machine's time has jumped and has not gone steadily since.
    pub fn steady_now(&self) -> Result<Moment, ClockJumped> {
        match &self.0 {
            Source::System(anchor) => {
                let mut anchor = anchor.lock().unwrap_or_else(PoisonError::into_inner);
                anchor.check(wall_time(), Instant::now())
            }
            Source::Given(now) => Ok(now()),
        }
    }
}

impl Anchor {
    fn check(&mut self, wall: Moment, steady: Instant) -> Result<Moment, ClockJumped> {
        let expected = self.wall.plus_millis(millis(steady.duration_since(self.steady)));
        let off = wall.millis().abs_diff(expected.millis());
        let jumped = off > JUMP_MS.unsigned_abs();
        (self.wall, self.steady) = (wall, steady);
        if jumped {
            tracing::error!(off_ms = off, "the machine's clock has jumped");
            self.jumped_at = Some(steady);
        }
        match self.jumped_at {
            Some(at) if steady.duration_since(at) < Duration::from_millis(SETTLE_MS) => Err(ClockJumped),
            Some(_) | None => {
                self.jumped_at = None;
                Ok(wall)
            }
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn wall_time() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::from_millis(millis(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor(steady: Instant) -> Anchor {
        Anchor { wall: Moment::from_millis(1_000_000), steady, jumped_at: None }
    }

    #[test]
    fn a_clock_that_goes_steadily_is_believed() {
        let start = Instant::now();
        let later = start + Duration::from_hours(1);
        let wall = Moment::from_millis(1_000_000 + 3_600_000 + 50);
        assert_eq!(anchor(start).check(wall, later), Ok(wall));
    }

    #[test]
    fn a_jump_is_refused_until_the_clock_has_settled() {
        let start = Instant::now();
        let mut anchor = anchor(start);
        let back = Moment::from_millis(0);
        assert_eq!(anchor.check(back, start), Err(ClockJumped));
        assert_eq!(anchor.check(back.plus_millis(1_000), start + Duration::from_secs(1)), Err(ClockJumped));
        let settled = back.plus_millis(6_000);
        assert_eq!(anchor.check(settled, start + Duration::from_secs(6)), Ok(settled));
    }
}
