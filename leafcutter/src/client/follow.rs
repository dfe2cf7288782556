//! Follows a batch to its end, with polls that cost the server little, and prints its items.

use super::{
    Exit, Failure,
    answers::Batch,
    api::{Answer, Api, Call},
    output::Console,
    progress::Progress,
};
use std::time::Duration;
use uuid::Uuid;

/// Pause after the first poll.
const POLL_WAIT_MS_MIN: u64 = 200;
/// Longest pause between polls: 30 requests a minute.
const POLL_WAIT_MS_MAX: u64 = 2_000;
/// How much longer each pause is than the one before, in percent.
const POLL_WAIT_GROWTH_PERCENT: u64 = 125;
/// How long a batch is followed.
const FOLLOW_HOURS_MAX: u64 = 24;

/// Path of a batch.
pub(super) fn path(batch: Uuid) -> String {
    format!("/api/batch/scrape/{batch}")
}

/// Waits until nothing of the batch runs any more and returns it with its results.
///
/// # Errors
/// The server refused, went away, or the batch takes longer than anyone waits.
pub(super) async fn to_the_end(api: &Api, batch: Uuid, progress: &mut Progress) -> Result<Answer, Failure> {
    let bound = Duration::from_secs(FOLLOW_HOURS_MAX * 3_600);
    let ended = tokio::time::timeout(bound, poll(api, batch, progress)).await;
    ended.unwrap_or(Err(Failure::NotEnded { hours: FOLLOW_HOURS_MAX }))?;
    api.call(&Call::get(path(batch))).await
}

async fn poll(api: &Api, batch: Uuid, progress: &mut Progress) -> Result<(), Failure> {
    let call = format!("{}?include=summary", path(batch));
    let mut known = None;
    let mut wait_ms = POLL_WAIT_MS_MIN;
    loop {
        let answer = api.call(&Call::get(call.as_str()).unless(known.as_ref())).await?;
        if !answer.is_unchanged() {
            let batch: Batch = answer.read()?;
            progress.show(batch.counts());
            if batch.has_ended() {
                return Ok(());
            }
            known = answer.tag().cloned();
        }
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        wait_ms = (wait_ms * POLL_WAIT_GROWTH_PERCENT / 100).min(POLL_WAIT_MS_MAX);
    }
}

/// Prints a line for each item, in submit order, and says how it came out.
///
/// # Errors
/// Nobody reads standard output any more.
pub(super) fn print_lines(console: &Console, batch: &Batch) -> Result<Exit, Failure> {
    for item in &batch.items {
        console.print(&item.line())?;
    }
    Ok(exit_of(batch))
}

/// How a command ends that was about this batch.
pub(super) fn exit_of(batch: &Batch) -> Exit {
    if batch.is_complete() { Exit::Completed } else { Exit::SomeFailed }
}
