//! Waiting for a server that is not there yet. The process lives meanwhile and says in `/health/ready` what it waits
//! for; only a fault that time does not mend ends the start.

use super::health::Health;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Pause before the second try; it doubles with each further one.
const PAUSE_FIRST_MS: u64 = 100;
/// The longest pause between two tries.
const PAUSE_MAX_MS: u64 = 2_000;

/// Why a try failed.
pub(crate) enum Fault {
    /// The server is away: worth another try.
    Away(anyhow::Error),
    /// What is set or stored is wrong: nothing to wait for.
    Wrong(anyhow::Error),
}

/// Tries until the part is there.
///
/// # Errors
/// It cannot come: what is set or stored is wrong.
pub(crate) async fn wait_for<T>(
    health: &Health,
    name: &'static str,
    attempt: impl AsyncFn() -> Result<T, Fault>,
) -> anyhow::Result<T> {
    let missing = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&missing);
    health.watch(name, move || {
        let missing: Option<String> = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        async move { missing.map_or(Ok(()), Err) }
    });
    let mut pause = Duration::from_millis(PAUSE_FIRST_MS);
    loop {
        let reason = match attempt().await {
            Ok(part) => {
                *missing.lock().unwrap_or_else(PoisonError::into_inner) = None;
                return Ok(part);
            }
            Err(Fault::Wrong(error)) => return Err(error),
            Err(Fault::Away(reason)) => reason,
        };
        // The log tells all; health, which anybody may ask, only what is missing.
        tracing::warn!(reason = format!("{reason:#}"), "waiting for the {name}");
        *missing.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_string());
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(PAUSE_MAX_MS));
    }
}
