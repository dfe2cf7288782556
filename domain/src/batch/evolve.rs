//! How each fact changes what a batch remembers. Cannot fail: facts are true already. An item that a fact names
//! but the batch does not have is left out, since no rule of this version can have recorded it.

use super::{
    event::{BatchEvent, BatchSubmitted, ItemRequeued, ItemStarted, RequeueCause, RetryRequested},
    state::{BatchState, Item, ItemStatus, Phase, Round, RoundOutcome, Running, Submission},
};
use crate::{DomainEvent, ErrorCode, ItemIndex};

pub(super) fn evolve(mut state: BatchState, event: &BatchEvent) -> BatchState {
    state.last_at = Some(event.at());
    match event {
        BatchEvent::BatchSubmitted(submitted) => begin(&mut state, submitted),
        BatchEvent::ItemQueued(queued) => queue(&mut state, queued.item, queued.url.clone()),
        BatchEvent::ItemStarted(started) => start(&mut state, started),
        BatchEvent::ItemCompleted(completed) => {
            state.attempted_at = Some(completed.at);
            let outcome = RoundOutcome::Completed { attempt: completed.attempt, credits: completed.credits };
            end(&mut state, completed.item, completed.round, ItemStatus::Completed, outcome);
        }
        BatchEvent::ItemFailed(failed) => {
            if failed.attempt > 0 {
                state.attempted_at = Some(failed.at);
            }
            let outcome =
                RoundOutcome::Failed { attempt: failed.attempt, credits: failed.credits, code: failed.code };
            end(&mut state, failed.item, failed.round, ItemStatus::Failed, outcome);
        }
        BatchEvent::ItemRequeued(requeued) => requeue(&mut state, requeued),
        BatchEvent::RetryRequested(requested) => retry(&mut state, requested),
        BatchEvent::BatchCancelled(cancelled) => {
            state.phase = Phase::Cancelled;
            for &index in &cancelled.items {
                end_open(&mut state, index, RoundOutcome::Cancelled);
            }
        }
        BatchEvent::BatchCompleted(_) => state.phase = Phase::Completed,
        BatchEvent::BatchFailed(failed) => {
            state.phase = Phase::Failed(failed.cause);
            let open: Vec<ItemIndex> = state
                .indexes(|status| matches!(status, ItemStatus::Pending | ItemStatus::Running(_)))
                .collect();
            for index in open {
                end_open(&mut state, index, RoundOutcome::Broken);
            }
        }
        BatchEvent::SubmissionAbandoned(abandoned) => {
            state.abandoned.insert(abandoned.round);
        }
        BatchEvent::ResultsErased(erased) => {
            state.attempted_at = None;
            state.erased_at = Some(erased.at);
            state.items.iter_mut().for_each(|item| item.erased_attempt = item.attempt);
        }
    }
    state
}

fn begin(state: &mut BatchState, submitted: &BatchSubmitted) {
    state.phase = Phase::Open;
    state.submission = Some(Submission {
        batch: submitted.batch,
        account: submitted.account,
        options: submitted.options.clone(),
        has_cookies: submitted.has_cookies,
        channel: submitted.channel,
        price_list: submitted.price_list,
        fingerprint: submitted.fingerprint.clone(),
        at: submitted.at,
    });
    state.rounds.push(Round {
        terms: submitted.terms,
        items: (0..submitted.total).collect(),
        outcomes: Default::default(),
        idempotency: None,
        fingerprint: None,
    });
}

fn queue(state: &mut BatchState, index: ItemIndex, url: String) {
    if usize::from(index) == state.items.len() {
        let round = state.rounds.first().map_or(1, |round| round.terms.round);
        state.items.push(Item::queued(url, round));
    }
}

fn start(state: &mut BatchState, started: &ItemStarted) {
    if let Some(item) = state.items.get_mut(usize::from(started.item)) {
        item.attempt = started.attempt;
        state.attempted_at = Some(started.at);
        item.status = ItemStatus::Running(Running {
            worker: started.worker,
            claim: started.claim,
            lease_hash: started.lease_hash.clone(),
            deadline: started.deadline,
        });
    }
}

/// Leaves the running state. The lease is remembered only when its holder reported, so that the same report again
/// is known for a repeat, and a report that comes after the item was taken back is refused.
fn leave(item: &mut Item, next: ItemStatus, reported: bool) {
    if let ItemStatus::Running(running) = std::mem::replace(&mut item.status, next)
        && reported
    {
        item.last_lease = Some(running.lease_hash);
    }
}

/// Whether this end was told by the worker. `WORKER_LOST` is what is said of one that told nothing.
fn reported(outcome: &RoundOutcome) -> bool {
    match outcome {
        RoundOutcome::Completed { .. } => true,
        RoundOutcome::Failed { code, .. } => *code != ErrorCode::WorkerLost,
        RoundOutcome::Cancelled | RoundOutcome::Broken => false,
    }
}

fn end(state: &mut BatchState, index: ItemIndex, round: u32, status: ItemStatus, outcome: RoundOutcome) {
    if let Some(item) = state.items.get_mut(usize::from(index)) {
        leave(item, status, reported(&outcome));
    }
    if let Some(round) = state.rounds.iter_mut().find(|candidate| candidate.terms.round == round) {
        round.outcomes.insert(index, outcome);
    }
}

fn end_open(state: &mut BatchState, index: ItemIndex, outcome: RoundOutcome) {
    if let Some(round) = state.item(index).map(|item| item.round) {
        end(state, index, round, ItemStatus::Cancelled, outcome);
    }
}

fn requeue(state: &mut BatchState, requeued: &ItemRequeued) {
    if let Some(item) = state.items.get_mut(usize::from(requeued.item)) {
        leave(item, ItemStatus::Pending, matches!(requeued.cause, RequeueCause::AttemptFailed(_)));
        let counter = match requeued.cause {
            // A crashed browser is no fault of the page and costs no attempt.
            RequeueCause::AttemptFailed(ErrorCode::BrowserCrashed) => &mut item.lost,
            RequeueCause::AttemptFailed(_) => &mut item.tries,
            RequeueCause::WorkerLost => &mut item.lost,
            RequeueCause::PutBack => &mut item.put_backs,
        };
        *counter = counter.saturating_add(1);
    }
}

fn retry(state: &mut BatchState, requested: &RetryRequested) {
    state.phase = Phase::Open;
    for &index in &requested.items {
        if let Some(item) = state.items.get_mut(usize::from(index)) {
            let (attempt, erased_attempt) = (item.attempt, item.erased_attempt);
            let last_lease = item.last_lease.take();
            *item = Item {
                attempt,
                erased_attempt,
                last_lease,
                ..Item::queued(std::mem::take(&mut item.url), requested.terms.round)
            };
        }
    }
    state.rounds.push(Round {
        terms: requested.terms,
        items: requested.items.iter().copied().collect(),
        outcomes: Default::default(),
        idempotency: requested.idempotency.clone(),
        fingerprint: requested.fingerprint.clone(),
    });
}
