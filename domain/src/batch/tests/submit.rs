//! Submits, their repeats, and rounds that never began.

use super::*;

#[test]
fn a_submit_queues_every_page_in_order() {
    let events = given::<Batch>([]).when(submit(3)).unwrap();
    assert_eq!(names(&events), ["BatchSubmitted", "ItemQueued", "ItemQueued", "ItemQueued"]);
    let urls = submitted(3).state.items.iter().map(|item| item.url.clone()).collect::<Vec<_>>();
    assert_eq!(urls, submit(3).urls);
}

#[test]
fn the_same_submit_again_changes_nothing_whatever_its_round() {
    let again = SubmitBatch { terms: terms(2), at: at(9), ..submit(3) };
    assert_eq!(submitted(3).when(again), Ok(vec![]));
}

#[test]
fn another_body_under_the_same_key_is_refused() {
    let other = SubmitBatch { fingerprint: Some("other".into()), ..submit(3) };
    assert_eq!(submitted(3).when(other), Err(BatchRejection::IdempotencyKeyReused));
}

#[test]
fn a_submit_without_fingerprint_is_never_a_repeat() {
    let bare = SubmitBatch { fingerprint: None, ..submit(3) };
    let given = given::<Batch>([]).after(bare.clone());
    assert_eq!(given.when(bare), Err(BatchRejection::IdempotencyKeyReused));
}

#[test]
fn a_submit_after_its_round_was_abandoned_takes_the_next_round() {
    let swept = given::<Batch>([]).after(AbandonRound { round: 1, at: at(0) });
    let refusal = BatchRejection::RoundAbandoned { round: 1, next: 2 };
    assert_eq!(swept.when(submit(1)), Err(refusal));
    assert!(swept.when(SubmitBatch { terms: terms(2), ..submit(1) }).is_ok());
}

#[test]
fn a_round_is_abandoned_once() {
    let abandon = || AbandonRound { round: 1, at: at(0) };
    let events = given::<Batch>([]).when(abandon());
    assert_eq!(events, Ok(vec![SubmissionAbandoned { round: 1, at: at(0) }.into()]));
    assert_eq!(given::<Batch>([]).after(abandon()).when(abandon()), Ok(vec![]));
}

#[test]
fn a_round_that_began_is_not_abandoned() {
    assert_eq!(submitted(1).when(AbandonRound { round: 1, at: at(1) }), Ok(vec![]));
}

#[test]
fn a_batch_that_was_only_abandoned_is_unknown() {
    let swept = given::<Batch>([]).after(AbandonRound { round: 1, at: at(0) });
    assert_eq!(swept.when(start(0)), Err(BatchRejection::Unknown));
    assert_eq!(swept.when(complete(0)), Err(BatchRejection::Unknown));
    assert_eq!(swept.when(fail(0, ErrorCode::Blocked)), Err(BatchRejection::Unknown));
    assert_eq!(swept.when(put_back(0, 1)), Err(BatchRejection::Unknown));
    assert_eq!(swept.when(expire(0, 1)), Err(BatchRejection::Unknown));
    assert_eq!(swept.when(cookies_gone(0)), Err(BatchRejection::Unknown));
    assert_eq!(swept.when(cancel()), Err(BatchRejection::Unknown));
    assert_eq!(swept.when(retry(2)), Err(BatchRejection::Unknown));
    assert_eq!(swept.when(broken()), Err(BatchRejection::Unknown));
}

#[test]
fn an_event_is_never_before_the_last_one() {
    let events = submitted(1).when(StartItem { at: at(-5), ..start(0) }).unwrap();
    assert_eq!(events.iter().map(crate::DomainEvent::at).collect::<Vec<_>>(), [at(0)]);
}
