//! Single items: claims, results, failures that wait for another try, and items taken back.

use super::*;
use crate::limits::{CLOCK_SKEW_MS_MAX, LOST_REQUEUES_MAX, MESSAGE_CHARS_MAX, PUT_BACKS_MAX};

fn requeued(events: &[BatchEvent]) -> RequeueCause {
    match events {
        [BatchEvent::ItemRequeued(requeued)] => requeued.cause,
        other => panic!("not queued again: {other:?}"),
    }
}

fn failed(events: &[BatchEvent]) -> &ItemFailed {
    match events {
        [BatchEvent::ItemFailed(failed), ..] => failed,
        other => panic!("not failed: {other:?}"),
    }
}

#[test]
fn a_pending_item_starts_with_the_next_attempt() {
    let given = submitted(2).after(start(1));
    assert!(matches!(status(&given, 1), ItemStatus::Running(running) if running.lease_hash == lease(1)));
    assert_eq!(given.state.items[1].attempt, 1);
    let again = given.after(put_back(1, 1)).after(start(1));
    assert_eq!(again.state.items[1].attempt, 2);
}

#[test]
fn the_same_claim_again_changes_nothing_while_the_item_runs() {
    let again = StartItem { lease_hash: "another".into(), ..start(0) };
    assert_eq!(submitted(1).after(start(0)).when(again), Ok(vec![]));
}

#[test]
fn an_item_that_is_not_pending_refuses_other_claims() {
    let other = StartItem { claim: Uuid::from_u128(99), ..start(0) };
    let running = submitted(2).after(start(0));
    assert_eq!(running.when(other.clone()), Err(BatchRejection::ItemNotPending));
    let completed = running.after(complete(0));
    assert_eq!(completed.when(other.clone()), Err(BatchRejection::ItemNotPending));
    let cancelled = submitted(2).after(cancel());
    assert_eq!(cancelled.when(other), Err(BatchRejection::ItemNotPending));
}

#[test]
fn a_batch_refuses_what_is_said_of_items_it_does_not_have() {
    let given = submitted(2);
    assert_eq!(given.when(start(2)), Err(BatchRejection::NoSuchItem));
    assert_eq!(given.when(complete(2)), Err(BatchRejection::NoSuchItem));
    assert_eq!(given.when(fail(2, ErrorCode::Blocked)), Err(BatchRejection::NoSuchItem));
    assert_eq!(given.when(put_back(2, 1)), Err(BatchRejection::NoSuchItem));
    assert_eq!(given.when(expire(2, 1)), Err(BatchRejection::NoSuchItem));
    assert_eq!(given.when(cookies_gone(2)), Err(BatchRejection::NoSuchItem));
}

#[test]
fn a_result_is_never_charged_above_what_was_set_aside() {
    let given = submitted(2).after(start(0)).after(ReportCompleted { credits: 9, ..complete(0) });
    let outcome = RoundOutcome::Completed { attempt: 1, credits: PER_ITEM };
    assert_eq!(given.state.rounds[0].outcomes[&0], outcome);
}

#[test]
fn a_failure_is_never_charged_above_what_was_set_aside() {
    let report = ReportFailed { credits: 9, ..fail(0, ErrorCode::TooLarge) };
    let events = submitted(2).after(start(0)).when(report).unwrap();
    assert_eq!(failed(&events).credits, PER_ITEM);
}

#[test]
fn the_same_report_again_changes_nothing() {
    let completed = submitted(2).after(start(0)).after(complete(0));
    assert_eq!(completed.when(complete(0)), Ok(vec![]));
    let ended = submitted(2).after(start(0)).after(fail(0, ErrorCode::TooLarge));
    assert_eq!(ended.when(fail(0, ErrorCode::TooLarge)), Ok(vec![]));
    let waiting = submitted_with_attempts(2, false).after(start(0)).after(fail(0, ErrorCode::Blocked));
    assert_eq!(waiting.when(fail(0, ErrorCode::Blocked)), Ok(vec![]));
    let crashed = submitted(2).after(start(0)).after(fail(0, ErrorCode::BrowserCrashed));
    assert_eq!(crashed.when(fail(0, ErrorCode::BrowserCrashed)), Ok(vec![]));
}

#[test]
fn a_report_with_another_lease_is_refused() {
    let other = || ReportCompleted { lease_hash: "another".into(), ..complete(0) };
    assert_eq!(submitted(1).when(other()), Err(BatchRejection::LeaseEnded));
    assert_eq!(submitted(1).after(start(0)).when(other()), Err(BatchRejection::LeaseEnded));
}

#[test]
fn a_report_is_taken_up_to_the_deadline_and_not_after() {
    let given = submitted(1).after(start(0));
    assert!(given.when(ReportCompleted { at: at(70), ..complete(0) }).is_ok());
    let late = ReportCompleted { at: at(71), ..complete(0) };
    assert_eq!(given.when(late), Err(BatchRejection::LeaseEnded));
    let late = ReportFailed { at: at(71), ..fail(0, ErrorCode::Blocked) };
    assert_eq!(given.when(late), Err(BatchRejection::LeaseEnded));
}

#[test]
fn a_report_of_an_item_that_was_taken_back_is_refused() {
    let started = || submitted(2).after(start(0));
    let taken = [started().after(expire(0, 1)), started().after(put_back(0, 1)), started().after(broken())];
    for given in taken {
        assert_eq!(given.when(complete(0)), Err(BatchRejection::LeaseEnded));
    }
    let lost = started().after(cancel()).after(expire(0, 1));
    assert_eq!(lost.when(fail(0, ErrorCode::Blocked)), Err(BatchRejection::LeaseEnded));
}

#[test]
fn a_failure_that_may_end_otherwise_waits_while_attempts_are_left() {
    let given = submitted_with_attempts(2, false).after(start(0));
    let events = given.when(fail(0, ErrorCode::Blocked)).unwrap();
    assert_eq!(requeued(&events), RequeueCause::AttemptFailed(ErrorCode::Blocked));
    let second = given.after(fail(0, ErrorCode::Blocked)).after(start(0));
    let events = second.when(fail(0, ErrorCode::Blocked)).unwrap();
    assert_eq!((failed(&events).attempt, failed(&events).retryable), (2, true));
}

#[test]
fn a_failure_that_cannot_end_otherwise_ends_the_item_unless_the_round_asks_for_all() {
    for code in ErrorCode::ALL.iter().filter(|code| !code.retryable()) {
        let events = submitted_with_attempts(3, false).after(start(0)).when(fail(0, *code)).unwrap();
        assert_eq!(failed(&events).code, *code);
        let events = submitted_with_attempts(3, true).after(start(0)).when(fail(0, *code)).unwrap();
        assert_eq!(requeued(&events), RequeueCause::AttemptFailed(*code));
    }
}

#[test]
fn a_crashed_browser_costs_no_attempt_and_is_forgiven_three_times() {
    let mut given = submitted(2);
    for _ in 0..LOST_REQUEUES_MAX {
        given = given.after(start(0)).after(fail(0, ErrorCode::BrowserCrashed));
        assert_eq!(*status(&given, 0), ItemStatus::Pending);
    }
    assert_eq!((given.state.items[0].tries, given.state.items[0].lost), (0, LOST_REQUEUES_MAX));
    let events = given.after(start(0)).when(fail(0, ErrorCode::BrowserCrashed)).unwrap();
    assert_eq!(failed(&events).code, ErrorCode::BrowserCrashed);
}

#[test]
fn an_expired_lease_is_forgiven_three_times_and_then_the_worker_is_lost() {
    let mut given = submitted(2);
    // Each lease lasts 60 s and begins when the one before has ended.
    let expire = |attempt: u32| ExpireLease { at: at(10 + 61 * i64::from(attempt)), ..expire(0, attempt) };
    for attempt in 1..=u32::from(LOST_REQUEUES_MAX) {
        given = given.after(start(0));
        assert_eq!(requeued(&given.when(expire(attempt)).unwrap()), RequeueCause::WorkerLost);
        given = given.after(expire(attempt));
    }
    let events = given.after(start(0)).when(expire(4)).unwrap();
    assert_eq!((failed(&events).code, failed(&events).credits), (ErrorCode::WorkerLost, 0));
}

#[test]
fn a_lease_does_not_expire_before_its_deadline() {
    let early = ExpireLease { at: at(70), ..expire(0, 1) };
    assert_eq!(submitted(1).after(start(0)).when(early), Err(BatchRejection::LeaseAlive));
}

#[test]
fn a_lease_is_as_long_as_meant_where_another_clock_is_ahead_and_bounded_where_one_has_jumped() {
    let lease = |ahead: i64| {
        let other = StartItem { at: at(10 + ahead), deadline: at(70 + ahead), ..start(1) };
        let events = submitted(2).after(other).when(start(0)).unwrap();
        let [BatchEvent::ItemStarted(started)] = events.as_slice() else { panic!("{events:?}") };
        started.deadline
    };
    assert_eq!(lease(0), at(70));
    assert_eq!(lease(100), at(170));
    assert_eq!(lease(86_400), at(70).plus_millis(CLOCK_SKEW_MS_MAX));
}

#[test]
fn what_is_said_of_another_attempt_changes_nothing() {
    for given in [submitted(1), submitted(1).after(start(0)), half_failed()] {
        assert_eq!(given.when(expire(0, 2)), Ok(vec![]));
        assert_eq!(given.when(put_back(0, 2)), Ok(vec![]));
    }
}

#[test]
fn an_item_that_we_took_back_waits_again_up_to_a_bound() {
    let mut given = submitted(2);
    for attempt in 1..=u32::from(PUT_BACKS_MAX) {
        given = given.after(start(0));
        assert_eq!(requeued(&given.when(put_back(0, attempt)).unwrap()), RequeueCause::PutBack);
        given = given.after(put_back(0, attempt));
    }
    assert_eq!((given.state.items[0].tries, given.state.items[0].lost), (0, 0));
    let events = given.after(start(0)).when(put_back(0, u32::from(PUT_BACKS_MAX) + 1)).unwrap();
    assert_eq!(failed(&events).code, ErrorCode::WorkerLost);
}

#[test]
fn an_item_whose_cookies_are_gone_fails_without_an_attempt() {
    let events = submitted(2).when(cookies_gone(0)).unwrap();
    assert_eq!((failed(&events).attempt, failed(&events).credits), (0, 0));
    assert_eq!(failed(&events).code, ErrorCode::CookiesExpired);
}

#[test]
fn an_item_that_does_not_wait_cannot_fail_waiting() {
    assert_eq!(submitted(1).after(start(0)).when(cookies_gone(0)), Ok(vec![]));
    assert_eq!(half_failed().when(cookies_gone(0)), Ok(vec![]));
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let report = ReportFailed { message: "ö".repeat(MESSAGE_CHARS_MAX + 1), ..fail(0, ErrorCode::TooLarge) };
    let events = submitted(2).after(start(0)).when(report).unwrap();
    assert_eq!(failed(&events).message, "ö".repeat(MESSAGE_CHARS_MAX));
}
