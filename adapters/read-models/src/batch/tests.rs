//! Given events, what a client sees.

use super::{BatchView, Gap, Status, fold};
use leafcutter_domain::{
    AccountId, BatchId, ErrorCode, ItemIndex, Moment, Period, ReservationId, ScrapeOptions, Usage, WorkerId,
    batch::{
        BatchCancelled, BatchCompleted, BatchEvent, BatchFailed, BatchFailure, BatchSubmitted, Channel,
        EraseReason, Extractor, ItemCompleted, ItemFailed, ItemQueued, ItemRequeued, ItemStarted,
        RequeueCause, ResultsErased, RetryRequested, RoundTerms, StoredObject, SubmissionAbandoned,
    },
};
use std::str::FromStr;

const ID: &str = "7c0b4e5e-9f0d-4c1c-8f3b-2f6a90e1d7a4";

fn at(second: i64) -> Moment {
    Moment::from_millis(second * 1_000)
}

fn terms(round: u32) -> RoundTerms {
    let batch = BatchId::from_str(ID).unwrap();
    RoundTerms {
        round,
        reservation: ReservationId::of(batch, round),
        period: Period::of(at(0)),
        per_item: 2,
        max_attempts: 1,
        retry_any_failure: false,
    }
}

/// The submit of a batch of `total` items, at second 0.
fn submitted(total: u16) -> Vec<BatchEvent> {
    let submitted = BatchSubmitted {
        batch: BatchId::from_str(ID).unwrap(),
        account: AccountId::from_str(ID).unwrap(),
        total,
        options: ScrapeOptions::default(),
        has_cookies: false,
        channel: Channel::Api,
        metadata: None,
        price_list: 1,
        terms: terms(1),
        fingerprint: None,
        at: at(0),
    };
    let items =
        (0..total).map(|item| ItemQueued { item, url: format!("https://x/{item}"), at: at(0) }.into());
    std::iter::once(submitted.into()).chain(items).collect()
}

fn started(item: ItemIndex, attempt: u32, second: i64) -> BatchEvent {
    let id = ID.parse().unwrap();
    let (worker, claim, lease_hash) = (WorkerId(id), id, String::new());
    ItemStarted { item, round: 1, attempt, worker, claim, lease_hash, deadline: at(99), at: at(second) }
        .into()
}

fn completed(item: ItemIndex, second: i64) -> BatchEvent {
    ItemCompleted {
        item,
        round: 1,
        attempt: 1,
        result: StoredObject { key: format!("result-{item}"), hash: String::new(), bytes: 4 },
        screenshot: None,
        final_url: "https://x/end".to_owned(),
        http_status: 200,
        extractor: Extractor::None,
        usage: Usage::default(),
        credits: 2,
        at: at(second),
    }
    .into()
}

fn failed(item: ItemIndex, second: i64) -> BatchEvent {
    ItemFailed {
        item,
        round: 1,
        attempt: 1,
        code: ErrorCode::HttpStatus,
        message: "The page answered 500.".to_owned(),
        retryable: true,
        final_url: None,
        http_status: Some(500),
        usage: Usage::default(),
        credits: 0,
        at: at(second),
    }
    .into()
}

fn retried(item: ItemIndex, second: i64) -> BatchEvent {
    let (has_cookies, idempotency, fingerprint) = (false, None, None);
    RetryRequested {
        items: vec![item],
        terms: terms(2),
        has_cookies,
        idempotency,
        fingerprint,
        at: at(second),
    }
    .into()
}

fn view(events: &[BatchEvent]) -> BatchView {
    let mut view = None;
    for (revision, event) in (0..).zip(events) {
        fold(&mut view, event, revision).unwrap();
    }
    view.unwrap()
}

fn given(total: u16, more: impl IntoIterator<Item = BatchEvent>) -> BatchView {
    view(&submitted(total).into_iter().chain(more).collect::<Vec<_>>())
}

fn statuses(view: &BatchView) -> Vec<Status> {
    view.items.iter().map(|item| item.status).collect()
}

#[test]
fn a_batch_is_pending_until_an_item_starts() {
    let view = given(2, []);
    assert_eq!((view.header.status, view.header.counts.pending, view.items.len()), (Status::Pending, 2, 2));
    let view = given(2, [started(1, 1, 5)]);
    assert_eq!(view.header.status, Status::Running);
    assert_eq!(statuses(&view), [Status::Pending, Status::Running]);
    assert_eq!(view.items[1].started_at, Some(at(5)));
}

#[test]
fn a_batch_with_failures_is_completed_when_every_item_has_ended() {
    let end: BatchEvent = BatchCompleted { at: at(9) }.into();
    let view = given(2, [started(0, 1, 1), started(1, 1, 2), completed(0, 8), failed(1, 9), end]);
    assert_eq!((view.header.status, view.header.finished_at), (Status::Completed, Some(at(9))));
    assert_eq!((view.header.counts.completed, view.header.counts.failed), (1, 1));
    assert_eq!((view.items[0].credits, view.items[0].result_key.as_deref()), (2, Some("result-0")));
    let error = view.items[1].error.clone().unwrap();
    assert_eq!((error.code, error.retryable, view.items[1].credits), (ErrorCode::HttpStatus, true, 0));
}

#[test]
fn a_retry_puts_the_failed_items_back_and_leaves_the_others() {
    let end: BatchEvent = BatchCompleted { at: at(9) }.into();
    let history = [started(0, 1, 1), started(1, 1, 2), completed(0, 8), failed(1, 9), end];
    let before = given(2, history.clone());
    let after = given(2, history.into_iter().chain([retried(1, 10)]));
    assert_eq!((after.header.status, after.header.finished_at), (Status::Running, None));
    assert_eq!((after.header.counts.failed, after.header.counts.pending), (0, 1));
    assert_eq!(after.items[0], before.items[0]);
    let item = &after.items[1];
    assert_eq!((item.status, item.attempts, &item.error), (Status::Pending, 1, &None));
    assert_eq!((item.started_at, item.finished_at, item.http_status), (None, None, None));
}

#[test]
fn an_item_shows_what_all_its_rounds_cost() {
    let dear = |second| match failed(0, second) {
        BatchEvent::ItemFailed(failed) => BatchEvent::from(ItemFailed { credits: 3, ..failed }),
        other => other,
    };
    let end = |second| BatchEvent::from(BatchCompleted { at: at(second) });
    let credits = |history: Vec<BatchEvent>| given(1, history).items[0].credits;
    let failed_once = vec![started(0, 1, 1), dear(2), end(2)];
    assert_eq!(credits(failed_once.clone()), 3);
    let runs_again = [failed_once, vec![retried(0, 3), started(0, 2, 4)]].concat();
    assert_eq!(credits(runs_again.clone()), 3);
    assert_eq!(credits([runs_again, vec![completed(0, 5), end(5)]].concat()), 3 + 2);
}

#[test]
fn a_cancel_ends_the_batch_at_once_while_running_items_go_on() {
    let cancelled: BatchEvent = BatchCancelled { items: vec![1], at: at(3) }.into();
    let view = given(2, [started(0, 1, 1), cancelled.clone()]);
    assert_eq!((view.header.status, view.header.finished_at), (Status::Cancelled, Some(at(3))));
    assert_eq!(statuses(&view), [Status::Running, Status::Cancelled]);
    let view = given(2, [started(0, 1, 1), cancelled, completed(0, 7)]);
    assert_eq!((view.header.status, view.header.counts.completed), (Status::Cancelled, 1));
}

#[test]
fn a_requeued_item_is_pending_in_a_running_batch() {
    let (item, round, attempt, cause) = (0, 1, 1, RequeueCause::WorkerLost);
    let requeued: BatchEvent = ItemRequeued { item, round, attempt, cause, at: at(2) }.into();
    let view = given(1, [started(0, 1, 1), requeued]);
    assert_eq!((view.header.status, view.items[0].status), (Status::Running, Status::Pending));
    assert_eq!((view.items[0].attempts, view.items[0].started_at), (1, None));
}

#[test]
fn a_broken_batch_ends_its_open_items() {
    let failed: BatchEvent = BatchFailed { cause: BatchFailure::ReservationMissing, at: at(4) }.into();
    let view = given(2, [started(0, 1, 1), completed(0, 2), failed]);
    assert_eq!((view.header.status, view.header.failure.is_some()), (Status::Failed, true));
    assert_eq!(statuses(&view), [Status::Completed, Status::Cancelled]);
}

#[test]
fn a_stream_of_abandoned_rounds_is_no_batch_until_one_is_submitted() {
    let mut view = None;
    fold(&mut view, &SubmissionAbandoned { round: 1, at: at(0) }.into(), 0).unwrap();
    assert_eq!(view, None);
    for (revision, event) in (1..).zip(submitted(1)) {
        fold(&mut view, &event, revision).unwrap();
    }
    assert_eq!(view.unwrap().header.revision, 2);
}

#[test]
fn an_event_twice_changes_nothing_and_a_missing_one_is_noticed() {
    let mut view = Some(given(1, [started(0, 1, 1)]));
    let before = view.clone();
    assert_eq!(fold(&mut view, &started(0, 1, 1), 2), Ok(false));
    assert_eq!(fold(&mut view, &completed(0, 3), 4), Err(Gap { expected: 3, found: 4 }));
    assert_eq!(view, before);
}

#[test]
fn erasing_takes_the_results_of_before_and_nothing_else() {
    let mut events = submitted(2);
    events.extend([started(0, 1, 1), started(1, 1, 1), completed(0, 2), failed(1, 3)]);
    events.push(BatchCompleted { at: at(3) }.into());
    let before = view(&events);
    events.push(ResultsErased { reason: EraseReason::Age, at: at(9) }.into());
    let mut after = view(&events);
    assert_eq!((after.items[0].erased_at, after.items[1].erased_at), (Some(at(9)), None));
    assert_eq!(after.items[0].result_key, None);
    after.items[0].result_key.clone_from(&before.items[0].result_key);
    after.items[0].erased_at = None;
    after.header.revision = before.header.revision;
    assert_eq!(after, before);
}
