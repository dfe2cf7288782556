//! Runs the libraries where they can do no harm: on a thread with a large stack, panics caught, time limited.
//!
//! A stack overflow ends the process and cannot be caught, so `depth` bounds nesting *and* this gives
//! room to spare. A thread cannot be stopped either: one that is late is left behind and counted, and when
//! too many are late no new work begins. **Not here:** anything about pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::ExtractError;

/// Stack of the extraction thread. Reserved address space; only touched pages cost memory.
const STACK_BYTES: usize = 256 * 1024 * 1024;
/// Longest that a caller waits. The slowest real page seen takes well under a second.
const EXTRACT_TIME_MS: u64 = 30_000;
/// Threads left behind at once; each holds a processor and one page.
const LATE_THREADS_MAX: usize = 8;

static LATE: AtomicUsize = AtomicUsize::new(0);

const RUNNING: u8 = 0;
const LEFT_BEHIND: u8 = 1;
const ENDED: u8 = 2;

/// Held by the thread: says when it has ended, however it ended.
struct Ticket {
    state: Arc<AtomicU8>,
    late: &'static AtomicUsize,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.state.swap(ENDED, Ordering::AcqRel) == LEFT_BEHIND {
            self.late.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Runs `work` on a thread of its own and waits for it, at most [`EXTRACT_TIME_MS`].
pub(crate) fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ExtractError> + Send + 'static,
) -> Result<T, ExtractError> {
    run_within(Duration::from_millis(EXTRACT_TIME_MS), &LATE, work)
}

fn run_within<T: Send + 'static>(
    limit: Duration,
    late: &'static AtomicUsize,
    work: impl FnOnce() -> Result<T, ExtractError> + Send + 'static,
) -> Result<T, ExtractError> {
    if late.load(Ordering::Acquire) >= LATE_THREADS_MAX {
        return Err(ExtractError::Failed(format!(
            "{LATE_THREADS_MAX} earlier pages are still being worked on; try again later"
        )));
    }
    let state = Arc::new(AtomicU8::new(RUNNING));
    let ticket = Ticket { state: Arc::clone(&state), late };
    let (sender, outcome) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("extract".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let _ticket = ticket;
            // Nobody listens to a late answer.
            let _ = sender.send(work());
        })
        .map_err(|error| ExtractError::Failed(format!("no thread to work on: {error}")))?;
    match outcome.recv_timeout(limit) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Disconnected) => Err(panicked(thread.join())),
        Err(RecvTimeoutError::Timeout) => {
            // Counted first, so that a thread that ends just now can take itself off again.
            late.fetch_add(1, Ordering::AcqRel);
            let left =
                state.compare_exchange(RUNNING, LEFT_BEHIND, Ordering::AcqRel, Ordering::Acquire).is_ok();
            if !left {
                late.fetch_sub(1, Ordering::AcqRel);
            }
            tracing::error!(limit_ms = limit.as_millis(), "a page took too long to read");
            Err(ExtractError::Failed(format!("the page took longer than {} ms to read", limit.as_millis())))
        }
    }
}

fn panicked(outcome: std::thread::Result<()>) -> ExtractError {
    let reason = outcome.err().and_then(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned())
    });
    tracing::error!(reason = reason.as_deref().unwrap_or("unknown"), "a parser panicked on a page");
    ExtractError::Failed("a parser gave up on this page".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_failure() {
        let outcome: Result<(), _> = run(|| panic!("boom"));
        assert!(matches!(outcome, Err(ExtractError::Failed(reason)) if reason.contains("gave up")));
    }

    #[test]
    fn work_that_does_not_end_is_left_behind_and_too_much_of_it_refuses_more() {
        static HERE: AtomicUsize = AtomicUsize::new(0);
        let mut releases = Vec::new();
        let mut failures = Vec::new();
        for _ in 0..=LATE_THREADS_MAX {
            let (release, wait) = sync_channel::<()>(1);
            releases.push(release);
            failures.push(run_within(Duration::from_millis(1), &HERE, move || {
                let _ = wait.recv();
                Ok(())
            }));
        }
        let refused = failures.pop().expect("one more than the limit");
        assert!(matches!(refused, Err(ExtractError::Failed(reason)) if reason.contains("earlier pages")));
        for failure in failures {
            assert!(matches!(failure, Err(ExtractError::Failed(reason)) if reason.contains("longer")));
        }
        drop(releases);
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while HERE.load(Ordering::Acquire) > 0 {
            assert!(std::time::Instant::now() < deadline, "a released thread stays counted");
            std::thread::yield_now();
        }
        assert_eq!(run_within(Duration::from_secs(20), &HERE, || Ok(1)), Ok(1));
    }
}
