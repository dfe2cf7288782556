//! Runs the libraries where they can do no harm: on a thread with a large stack, panics caught.
//!
//! A stack overflow ends the process and cannot be caught, so `depth` bounds nesting *and* this gives
//! room to spare. **Not here:** anything about pages.

use crate::ExtractError;

/// Stack of the extraction thread. Reserved address space; only touched pages cost memory.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// Runs `work` to its end on a thread of its own.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> Result<T, ExtractError> + Send) -> Result<T, ExtractError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("extract".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)
            .map_err(|error| ExtractError::Failed(format!("no thread to work on: {error}")))?;
        thread.join().unwrap_or_else(|panic| {
            let reason = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "unknown reason".to_owned());
            tracing::error!(reason, "a parser panicked on a page");
            Err(ExtractError::Failed("a parser gave up on this page".to_owned()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_failure() {
        let outcome: Result<(), _> = run(|| panic!("boom"));
        assert!(matches!(outcome, Err(ExtractError::Failed(_))));
    }
}
