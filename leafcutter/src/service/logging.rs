//! Log lines on standard error: readable on a terminal, JSON elsewhere. `LEAFCUTTER_LOG` selects what is said, but
//! never what may hold secrets.

use anyhow::Context;
use leafcutter_worker::SECRET_LOG_TARGETS;
use std::io::{IsTerminal, stderr};
use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

/// What is said by the service.
const SERVICE: &str = "info";
/// What is said by client commands.
const CLIENT: &str = "error";

/// Libraries that speak to servers, and so may print credentials or content below this level.
const TALKATIVE: [&str; 4] = ["h2", "hyper", "hyper_util", "async_nats"];
const TALKATIVE_LEVEL_MAX: Level = Level::INFO;
/// What is quiet unless it is asked for by name: every statement of every query.
const QUIET: &str = "sqlx=warn";

/// Starts logging for the whole process.
///
/// # Errors
/// `LEAFCUTTER_LOG` is not a selection.
pub(crate) fn start(service: bool) -> anyhow::Result<()> {
    let selected = std::env::var("LEAFCUTTER_LOG").ok().filter(|selected| !selected.is_empty());
    let standard = if service { SERVICE } else { CLIENT };
    let selected = EnvFilter::builder()
        .parse(format!("{QUIET},{}", selected.as_deref().unwrap_or(standard)))
        .context("LEAFCUTTER_LOG must be like `info` or `warn,leafcutter=debug`")?;
    // Apart from the selection, because a finer directive of the operator's would win over a coarser one of ours.
    let harmless = filter_fn(|line| {
        let is_of = |names: &[&str]| names.iter().any(|name| belongs(line.target(), name));
        !is_of(&SECRET_LOG_TARGETS) && (*line.level() <= TALKATIVE_LEVEL_MAX || !is_of(&TALKATIVE))
    });
    // A full disk may refuse the log line too, and saying so on the same way out would panic in mid request.
    let lines = fmt::layer().with_writer(stderr).log_internal_errors(false);
    let lines: Box<dyn Layer<Registry> + Send + Sync> =
        if stderr().is_terminal() { lines.boxed() } else { lines.json().boxed() };
    tracing_subscriber::registry().with(lines.with_filter(harmless)).with(selected).init();
    Ok(())
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
