//! Log lines on standard error: readable on a terminal, JSON elsewhere. `LEAFCUTTER_LOG` selects what is said, but
//! never what may hold secrets.

use leafcutter_worker::SECRET_LOG_TARGETS;
use std::io::{IsTerminal, stderr};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

/// What is said by the service.
const SERVICE: &str = "info";
/// What is said by client commands.
const CLIENT: &str = "error";

/// Starts logging for the whole process.
pub(crate) fn start(service: bool) {
    let selected = std::env::var("LEAFCUTTER_LOG").ok().filter(|selected| !selected.is_empty());
    let standard = if service { SERVICE } else { CLIENT };
    let selected = EnvFilter::new(selected.as_deref().unwrap_or(standard));
    // Apart from the selection, because a finer directive of the operator's would win over a coarser one of ours.
    let harmless = filter_fn(|line| !SECRET_LOG_TARGETS.iter().any(|secret| belongs(line.target(), secret)));
    // A full disk may refuse the log line too, and saying so on the same way out would panic in mid request.
    let lines = fmt::layer().with_writer(stderr).log_internal_errors(false);
    let lines: Box<dyn Layer<Registry> + Send + Sync> =
        if stderr().is_terminal() { lines.boxed() } else { lines.json().boxed() };
    tracing_subscriber::registry().with(lines.with_filter(harmless)).with(selected).init();
}

/// Whether a target is this crate or one of its modules.
fn belongs(target: &str, crate_name: &str) -> bool {
    target.strip_prefix(crate_name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_told_from_one_whose_name_begins_alike() {
        assert!(belongs("chromiumoxide::handler", "chromiumoxide") && belongs("tungstenite", "tungstenite"));
        assert!(!belongs("chromiumoxide_cdp", "chromiumoxide"));
    }
}
