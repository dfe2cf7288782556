//! Filters of the global order: by stream or by event type, by prefix or by expression.

use crate::log::Record;
use fancy_regex::Regex;
use leafcutter_eventstoredb_protocol::streams::read_req::{self, filter};
use tonic::Status;

/// Records that are looked at in one go when the client says nothing.
const WINDOW: u32 = 32;

pub(crate) struct Filter {
    by_stream: bool,
    expression: Option<Regex>,
    prefixes: Vec<String>,
    /// Records examined between two checkpoints.
    pub(crate) checkpoint_every: usize,
}

impl Filter {
    pub(crate) fn new(asked: &read_req::Filter) -> Result<Self, Status> {
        let (by_stream, expression) = match &asked.filter {
            Some(filter::Filter::StreamIdentifier(expression)) => (true, expression),
            Some(filter::Filter::EventType(expression)) => (false, expression),
            None => return Err(Status::invalid_argument("a filter needs an expression")),
        };
        let regex = (!expression.regex.is_empty()).then(|| Regex::new(&expression.regex)).transpose();
        let window = match asked.window {
            Some(filter::Window::Max(max)) => max.max(1),
            Some(filter::Window::Count(_)) | None => WINDOW,
        };
        let every = u64::from(window) * u64::from(asked.checkpoint_interval_multiplier.max(1));
        Ok(Self {
            by_stream,
            expression: regex.map_err(|error| Status::invalid_argument(error.to_string()))?,
            prefixes: expression.prefix.clone(),
            checkpoint_every: usize::try_from(every).unwrap_or(usize::MAX),
        })
    }

    pub(crate) fn takes(&self, record: &Record) -> bool {
        let text = if self.by_stream { &record.stream } else { &record.kind };
        match &self.expression {
            Some(expression) => expression.is_match(text).unwrap_or(false),
            None => self.prefixes.iter().any(|prefix| text.starts_with(prefix)),
        }
    }
}
