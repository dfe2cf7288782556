//! `projections rebuild`: a version is built beside the live one, and how far it is can be seen.

use super::place::Place;
use crate::client::{Console, Exit};
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use leafcutter_event_store::Position;
use leafcutter_projector::{Progress, catch_up};
use leafcutter_read_models::{ReadModels, Version};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Times that a build runs after a log that grows meanwhile. What is left then is brought in by the swap.
const ROUNDS_MAX: usize = 20;
/// Steps of the bar.
const BAR_STEPS: u64 = 1_000;
/// Between two lines where there is no bar.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Builds the unfinished version to its end, or a new one.
///
/// # Errors
/// The log cannot be read or the tables cannot be written; what was built stays.
pub(super) async fn rebuild(
    console: &Console,
    place: &Place,
    stop: &CancellationToken,
) -> anyhow::Result<Exit> {
    let right = place.exclusive().await?;
    let version = place.versions.to_build(&right).await?;
    let models = place.versions.tables(version).await?;
    let from = models.checkpoint().await?;
    let begin = if from == Position::START { "is being built" } else { "goes on where it was interrupted" };
    console.note(&format!("version {} {begin}; the live version is not touched", version.number));
    if !bring_up(console, place, &models, version, stop).await? {
        console.note("interrupted; the same command goes on from here");
        return Ok(Exit::Interrupted);
    }
    place.versions.built(version, &right).await?;
    Ok(Exit::Completed)
}

/// Brings the tables of a version that nobody else writes to where the log is; `false` when interrupted.
///
/// # Errors
/// The log cannot be read or the tables cannot be written.
pub(super) async fn bring_up(
    console: &Console,
    place: &Place,
    models: &ReadModels,
    version: Version,
    stop: &CancellationToken,
) -> anyhow::Result<bool> {
    let mut shown = Shown::begin(console, models.checkpoint().await?);
    for _ in 0..ROUNDS_MAX {
        let done = shown.done;
        let told = |progress: Progress| shown.show(done, progress);
        if !catch_up(place.log.clone(), models, told, stop).await? {
            return Ok(false);
        }
        if place.log.head().await? <= models.checkpoint().await? {
            break;
        }
    }
    shown.end(version);
    Ok(true)
}

/// The bar, or now and then a line.
pub(super) struct Shown<'c> {
    console: &'c Console,
    bar: ProgressBar,
    began: Instant,
    from: Position,
    done: u64,
    line: Instant,
}

impl<'c> Shown<'c> {
    pub(super) fn begin(console: &'c Console, from: Position) -> Self {
        let style = ProgressStyle::with_template("{bar:40} {percent}% {msg}");
        let bar = console.bar().clone();
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_length(BAR_STEPS);
        bar.set_draw_target(console.draw_target());
        let now = Instant::now();
        Self { console, bar, began: now, from, done: 0, line: now }
    }

    /// Shows how far it is; `before` events were applied by earlier calls.
    pub(super) fn show(&mut self, before: u64, progress: Progress) {
        self.done = before + progress.events;
        let (way, all) = (progress.at.distance_from(self.from), progress.goal.distance_from(self.from));
        let lag = progress.goal.distance_from(progress.at);
        let seconds = self.began.elapsed().as_secs_f64().max(f64::EPSILON);
        #[expect(clippy::cast_precision_loss, reason = "it is shown as a rounded number")]
        let (rate, left) = (self.done as f64 / seconds, seconds * lag as f64 / way.max(1) as f64);
        let left = HumanDuration(Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX));
        let text =
            format!("{} events, {rate:.0}/s, {} behind, {left} left", HumanCount(self.done), HumanCount(lag));
        self.bar.set_position(way.saturating_mul(BAR_STEPS) / all.max(1));
        self.bar.set_message(text.clone());
        if self.bar.is_hidden() && self.line.elapsed() >= LINE_EVERY {
            self.line = Instant::now();
            self.console.note(&text);
        }
    }

    fn end(self, version: Version) {
        if self.done == 0 {
            return;
        }
        let seconds = self.began.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "it is shown as a rounded number")]
        let rate = self.done as f64 / seconds.max(f64::EPSILON);
        let (number, done) = (version.number, HumanCount(self.done));
        self.console.note(&format!("version {number}: {done} events in {seconds:.1} s, {rate:.0}/s"));
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
    }
}
