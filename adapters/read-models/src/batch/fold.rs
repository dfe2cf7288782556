//! How each event changes what a client sees of a batch. A fact that names an item the batch does not have is left
//! out, as in the domain: no rule can have recorded it.

use super::view::{BatchHeader, BatchView, Counts, ItemError, ItemView, Status};
use leafcutter_domain::{
    ItemIndex, Moment,
    batch::{BatchEvent, BatchSubmitted, ItemCompleted, ItemFailed, ItemStarted},
};

/// An event that is not the next one: something before it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event {found} came where {expected} was next")]
pub struct Gap {
    /// The revision that is next.
    pub expected: u64,
    /// The revision that came.
    pub found: u64,
}

/// Applies the event at `revision` of a batch's stream and says whether it was new: one that is in the view already
/// changes nothing. A stream that knows only abandoned rounds is no batch: its view stays `None`.
///
/// # Errors
/// The event before this one is missing.
pub fn fold(view: &mut Option<BatchView>, event: &BatchEvent, revision: u64) -> Result<bool, Gap> {
    match (view, event) {
        (Some(view), event) => view.apply(event, revision),
        (view @ None, BatchEvent::BatchSubmitted(submitted)) => {
            *view = Some(BatchView::begin(submitted, revision));
            Ok(true)
        }
        (None, BatchEvent::SubmissionAbandoned(_)) => Ok(true),
        (None, _) => Err(Gap { expected: 0, found: revision }),
    }
}

impl BatchView {
    /// A batch whose items are about to follow; they count as pending from the start.
    #[must_use]
    pub fn begin(submitted: &BatchSubmitted, revision: u64) -> Self {
        let header = BatchHeader {
            batch: submitted.batch,
            account: submitted.account,
            status: Status::Pending,
            output: submitted.options.output,
            channel: submitted.channel,
            total: submitted.total,
            counts: Counts { pending: submitted.total, ..Counts::default() },
            metadata: submitted.metadata.clone(),
            failure: None,
            created_at: submitted.at,
            finished_at: None,
            revision,
        };
        Self { header, items: Vec::with_capacity(usize::from(submitted.total)) }
    }

    /// Applies the event at `revision` and says whether it was new: one that is in the view already changes nothing.
    ///
    /// # Errors
    /// The event before this one is missing.
    pub fn apply(&mut self, event: &BatchEvent, revision: u64) -> Result<bool, Gap> {
        let expected = self.header.revision + 1;
        if revision < expected {
            return Ok(false);
        }
        if revision > expected {
            return Err(Gap { expected, found: revision });
        }
        self.header.revision = revision;
        self.change(event);
        Ok(true)
    }

    fn change(&mut self, event: &BatchEvent) {
        match event {
            // A batch is submitted once, and an abandoned round is one that never was.
            BatchEvent::BatchSubmitted(_) | BatchEvent::SubmissionAbandoned(_) => {}
            BatchEvent::ItemQueued(queued) => {
                if usize::from(queued.item) == self.items.len() {
                    self.items.push(ItemView::pending(queued.item, queued.url.clone()));
                }
            }
            BatchEvent::ItemStarted(started) => self.start(started),
            BatchEvent::ItemCompleted(completed) => self.complete(completed),
            BatchEvent::ItemFailed(failed) => self.fail(failed),
            BatchEvent::ItemRequeued(requeued) => self.wait_again(requeued.item),
            BatchEvent::RetryRequested(requested) => {
                requested.items.iter().for_each(|&item| self.wait_again(item));
                self.header.status = Status::Running;
                self.header.finished_at = None;
            }
            BatchEvent::BatchCancelled(cancelled) => {
                cancelled.items.iter().for_each(|&item| self.stop(item, cancelled.at));
                self.end(Status::Cancelled, cancelled.at);
            }
            BatchEvent::ResultsErased(erased) => self.erase(erased.at),
            BatchEvent::BatchCompleted(completed) => self.end(Status::Completed, completed.at),
            BatchEvent::BatchFailed(failed) => {
                let open = self.items.iter().filter(|item| !item.status.is_terminal());
                let open: Vec<ItemIndex> = open.map(|item| item.index).collect();
                open.into_iter().for_each(|item| self.stop(item, failed.at));
                self.header.failure = Some(failed.cause);
                self.end(Status::Failed, failed.at);
            }
        }
    }

    fn end(&mut self, status: Status, at: Moment) {
        self.header.status = status;
        self.header.finished_at = Some(at);
    }

    /// Moves an item, and the counts with it.
    fn move_to(&mut self, index: ItemIndex, status: Status) -> Option<&mut ItemView> {
        let item = self.items.get_mut(usize::from(index))?;
        let counts = &mut self.header.counts;
        *counts.of(item.status) = counts.of(item.status).saturating_sub(1);
        *counts.of(status) += 1;
        item.status = status;
        Some(item)
    }

    fn start(&mut self, started: &ItemStarted) {
        if self.header.status == Status::Pending {
            self.header.status = Status::Running;
        }
        if let Some(item) = self.move_to(started.item, Status::Running) {
            item.attempts = started.attempt;
            item.started_at = Some(started.at);
        }
    }

    fn complete(&mut self, completed: &ItemCompleted) {
        if let Some(item) = self.move_to(completed.item, Status::Completed) {
            item.extractor = Some(completed.extractor);
            item.final_url = Some(completed.final_url.clone());
            item.http_status = Some(completed.http_status);
            item.credits += completed.credits;
            item.finished_at = Some(completed.at);
            item.result_key = Some(completed.result.key.clone());
            item.screenshot_key = completed.screenshot.as_ref().map(|picture| picture.key.clone());
        }
    }

    fn fail(&mut self, failed: &ItemFailed) {
        if let Some(item) = self.move_to(failed.item, Status::Failed) {
            item.error = Some(ItemError {
                code: failed.code,
                message: failed.message.clone(),
                retryable: failed.retryable,
            });
            item.final_url.clone_from(&failed.final_url);
            item.http_status = failed.http_status;
            item.credits += failed.credits;
            item.finished_at = Some(failed.at);
        }
    }

    /// Back to the queue, with nothing left of the attempts before but how many they were and what they cost.
    fn wait_again(&mut self, index: ItemIndex) {
        if let Some(item) = self.move_to(index, Status::Pending) {
            let url = std::mem::take(&mut item.url);
            *item =
                ItemView { attempts: item.attempts, credits: item.credits, ..ItemView::pending(index, url) };
        }
    }

    /// What it cost and how it went stays.
    fn erase(&mut self, at: Moment) {
        let stored = self.items.iter_mut().filter(|item| item.result_key.is_some());
        for item in stored {
            item.result_key = None;
            item.screenshot_key = None;
            item.erased_at = Some(at);
        }
    }

    fn stop(&mut self, index: ItemIndex, at: Moment) {
        if let Some(item) = self.move_to(index, Status::Cancelled) {
            item.finished_at = Some(at);
        }
    }
}
