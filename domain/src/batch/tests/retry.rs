//! Retries: which items they take, and when there is none.

use super::*;
use crate::limits::RETRY_ROUNDS_MAX;

/// Runs the one failed item again, in vain.
fn fail_again(given: Given<Batch>) -> Given<Batch> {
    given.after(start(1)).after(fail(1, ErrorCode::TooLarge))
}

#[test]
fn a_retry_takes_every_failed_item_and_no_other() {
    let events = half_failed().when(retry(2)).unwrap();
    let [BatchEvent::RetryRequested(requested)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((&requested.items, requested.terms), (&vec![1], terms(2)));
    let after = half_failed().after(retry(2));
    assert_eq!((status(&after, 0), status(&after, 1)), (&ItemStatus::Completed, &ItemStatus::Pending));
    assert_eq!((after.state.phase, after.state.items[1].round), (Phase::Open, 2));
}

#[test]
fn a_retried_item_counts_its_attempts_on_and_its_tries_anew() {
    let terms = |round| RoundTerms { max_attempts: 2, ..terms(round) };
    let given = given::<Batch>([]).after(SubmitBatch { terms: terms(1), ..submit(1) });
    let try_once = |given: Given<Batch>| given.after(start(0)).after(fail(0, ErrorCode::Blocked));
    let retried = try_once(try_once(given)).after(RequestRetry { terms: terms(2), ..retry(2) });
    let item = &retried.state.items[0];
    assert_eq!((item.attempt, item.tries), (2, 0));
    assert_eq!(*status(&try_once(retried), 0), ItemStatus::Pending);
}

#[test]
fn a_late_repeat_of_a_report_from_before_the_retry_changes_nothing() {
    let given = half_failed().after(retry(2));
    assert_eq!(given.when(fail(1, ErrorCode::TooLarge)), Ok(vec![]));
}

#[test]
fn the_same_retry_again_changes_nothing() {
    let keyed = RequestRetry { idempotency: Some("k".into()), fingerprint: Some("f".into()), ..retry(2) };
    let given = half_failed().after(keyed.clone());
    assert_eq!(given.when(keyed.clone()), Ok(vec![]));
    assert_eq!(fail_again(given).when(keyed), Ok(vec![]));
}

#[test]
fn another_retry_under_the_same_key_is_refused() {
    let keyed = RequestRetry { idempotency: Some("k".into()), fingerprint: Some("f".into()), ..retry(2) };
    let given = half_failed().after(keyed.clone());
    let other = RequestRetry { fingerprint: Some("g".into()), ..keyed };
    assert_eq!(given.when(other), Err(BatchRejection::IdempotencyKeyReused));
}

#[test]
fn a_batch_that_is_open_cancelled_or_broken_cannot_be_retried() {
    assert_eq!(submitted(1).when(retry(2)), Err(BatchRejection::NotFinished));
    assert_eq!(submitted(1).after(cancel()).when(retry(2)), Err(BatchRejection::Cancelled));
    let phase = Phase::Failed(BatchFailure::ReservationMissing);
    let refusal = Err(BatchRejection::AlreadyTerminal(phase));
    assert_eq!(submitted(1).after(broken()).when(retry(2)), refusal);
}

#[test]
fn a_batch_without_failed_items_cannot_be_retried() {
    let given = submitted(1).after(start(0)).after(complete(0));
    assert_eq!(given.when(retry(2)), Err(BatchRejection::NoFailedItems));
    assert_eq!(given.state.may_retry(), Err(BatchRejection::NoFailedItems));
}

#[test]
fn a_batch_is_retried_twenty_times_and_no_more() {
    let mut given = half_failed();
    for round in 2..RETRY_ROUNDS_MAX + 2 {
        given = fail_again(given.after(retry(round)));
    }
    assert_eq!(given.when(retry(RETRY_ROUNDS_MAX + 2)), Err(BatchRejection::RetryLimit));
}

#[test]
fn a_batch_with_cookies_is_retried_only_with_cookies() {
    let given = given::<Batch>([]).after(SubmitBatch { has_cookies: true, ..submit(1) });
    let given = given.after(cookies_gone(0));
    assert_eq!(given.when(retry(2)), Err(BatchRejection::CookiesExpired));
    assert!(given.when(RequestRetry { has_cookies: true, ..retry(2) }).is_ok());
}

#[test]
fn a_retry_in_a_round_that_is_taken_or_abandoned_learns_the_next_one() {
    let taken = BatchRejection::RoundTaken { round: 1, next: 2 };
    assert_eq!(half_failed().when(retry(1)), Err(taken));
    let swept = half_failed().after(AbandonRound { round: 2, at: at(90) });
    let abandoned = BatchRejection::RoundAbandoned { round: 2, next: 3 };
    assert_eq!(swept.when(retry(2)), Err(abandoned));
    assert!(swept.when(retry(3)).is_ok());
}
