//! The only way from the client commands to the terminal: results on standard output, everything else on standard
//! error, and neither through the progress bar.

use super::Failure;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

type Sink = Arc<Mutex<dyn Write + Send>>;

/// Standard output and standard error, or what a test puts in their place.
#[derive(Clone)]
pub(crate) struct Console {
    out: Sink,
    err: Sink,
    bar: ProgressBar,
    has_bar: bool,
}

impl Console {
    /// The streams of this process.
    pub(crate) fn standard() -> Self {
        Self::new(Arc::new(Mutex::new(io::stdout())), Arc::new(Mutex::new(io::stderr())), true)
    }

    fn new(out: Sink, err: Sink, has_bar: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self { out, err, bar, has_bar }
    }

    /// The one progress bar, hidden; also later when standard error is no terminal.
    pub(crate) fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// Where the bar may be drawn.
    pub(crate) fn draw_target(&self) -> ProgressDrawTarget {
        if self.has_bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
    }

    /// Prints a result.
    ///
    /// # Errors
    /// Nobody reads standard output any more.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        self.bar.suspend(|| write_line(&self.out, text)).map_err(Failure::Output)
    }

    /// Where results go that come in pieces.
    pub(crate) fn results(&self) -> impl Write {
        Results(Arc::clone(&self.out))
    }

    /// Says something beside the results. Nothing is done when nobody hears it.
    pub(crate) fn note(&self, text: &str) {
        let text = printable(text);
        let _ = self.bar.suspend(|| write_line(&self.err, &format!("leafcutter: {text}")));
    }

    /// Says what went wrong, each single fault on a line of its own.
    pub(super) fn error(&self, failure: &Failure) {
        self.note(&failure.to_string());
        for detail in failure.details() {
            self.note(&format!("  {detail}"));
        }
    }
}

/// Standard output, for what is written piece by piece.
struct Results(Sink);

impl Write for Results {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

fn write_line(sink: &Sink, text: &str) -> io::Result<()> {
    let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
    sink.write_all(text.as_bytes())?;
    sink.write_all(b"\n")?;
    sink.flush()
}

/// A table as wide as the terminal, if there is one.
pub(crate) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.to_vec());
    table
}

/// Text of a page or server in a form that cannot steer the terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char }).collect()
}

#[cfg(test)]
pub(super) mod captured {
    use super::*;

    /// What was written to the console of a test.
    pub(in crate::client) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub(in crate::client) fn lines(&self) -> Vec<String> {
            let bytes = self.0.lock().unwrap().clone();
            String::from_utf8(bytes).unwrap().lines().map(ToOwned::to_owned).collect()
        }

        pub(in crate::client) fn text(&self) -> String {
            self.lines().join("\n")
        }
    }

    /// A console and what is written to its standard output and standard error.
    pub(in crate::client) fn console() -> (Console, Written, Written) {
        let (out, err) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (out_sink, err_sink): (Sink, Sink) = (Arc::clone(&out) as Sink, Arc::clone(&err) as Sink);
        (Console::new(out_sink, err_sink, false), Written(out), Written(err))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_cannot_steer_the_terminal() {
        let (console, _, err) = captured::console();
        console.note("red \u{1b}[31m alert\nfaked line");
        assert_eq!(err.lines(), ["leafcutter: red \u{fffd}[31m alert\u{fffd}faked line"]);
    }
}

/// A number of things in words: "1 page", "2 pages".
pub(super) fn counted(count: u64, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        many => format!("{many} {thing}s"),
    }
}
