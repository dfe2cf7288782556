//! Log lines on standard error: readable on a terminal, JSON elsewhere. `LEAFCUTTER_LOG` selects what is said.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// What is said by the service: chromiumoxide warns of every browser event that it does not know.
const SERVICE: &str = "info,chromiumoxide=error";
/// What is said by client commands.
const CLIENT: &str = "error,chromiumoxide=off";

/// Starts logging for the whole process.
pub(crate) fn start(service: bool) {
    let selected = std::env::var("LEAFCUTTER_LOG").ok();
    let standard = if service { SERVICE } else { CLIENT };
    let filter = EnvFilter::new(selected.as_deref().unwrap_or(standard));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A log on a full disk loses lines. Complaining about that on the same stream would be a panic.
    let subscriber = subscriber.log_internal_errors(false);
    if std::io::stderr().is_terminal() { subscriber.init() } else { subscriber.json().init() }
}
