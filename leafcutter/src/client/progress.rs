//! The progress bar of `scrape` and `batch watch`: items that have ended, over all batches of the command.

use super::{answers::Counts, output::Console};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on the terminal, gone when dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    before: Counts,
    latest: Counts,
}

impl Progress {
    /// A bar that grows to this number of items.
    pub(super) fn begin(console: &Console, total: usize) -> Self {
        let pages = if total == 1 { "page" } else { "pages" };
        let template = format!("{{bar:40}} {{pos}} of {{len}} {pages}, {{elapsed}}{{msg}}");
        let style = ProgressStyle::with_template(&template);
        let bar = console.bar().clone();
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_length(total as u64);
        bar.set_draw_target(console.draw_target());
        Self { bar, before: Counts::default(), latest: Counts::default() }
    }

    /// Where the batch at hand stands.
    pub(super) fn show(&mut self, counts: Counts) {
        self.latest = counts;
        let all = self.before.plus(counts);
        self.bar.set_message(if all.failed > 0 { format!(", {} failed", all.failed) } else { String::new() });
        self.bar.set_position(all.ended() as u64);
    }

    /// The batch at hand has ended; the next one counts on.
    pub(super) fn next_batch(&mut self) {
        self.before = self.before.plus(self.latest);
        self.latest = Counts::default();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
    }
}
