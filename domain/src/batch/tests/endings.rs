//! How a batch ends: with its last item, by a cancel, or broken.

use super::*;

#[test]
fn the_last_outcome_and_the_end_of_the_batch_are_one_append() {
    let given = submitted(2).after(start(0)).after(start(1)).after(complete(0));
    assert_eq!(given.state.phase, Phase::Open);
    assert_eq!(names(&given.when(complete(1)).unwrap()), ["ItemCompleted", "BatchCompleted"]);
    let failure = given.when(fail(1, ErrorCode::TooLarge)).unwrap();
    assert_eq!(names(&failure), ["ItemFailed", "BatchCompleted"]);
}

#[test]
fn a_batch_also_completes_with_an_item_that_never_ran() {
    let events = submitted(1).when(cookies_gone(0)).unwrap();
    assert_eq!(names(&events), ["ItemFailed", "BatchCompleted"]);
}

#[test]
fn a_batch_waits_for_an_item_that_waits_again() {
    let given = submitted(1).after(start(0)).after(expire(0, 1));
    assert_eq!(given.state.phase, Phase::Open);
}

#[test]
fn a_cancel_names_exactly_the_pending_items() {
    let given = submitted(4).after(start(0)).after(start(1)).after(complete(0)).after(start(2));
    let given = given.after(put_back(2, 1));
    let cancelled = BatchCancelled { items: vec![2, 3], at: at(40) };
    assert_eq!(given.when(cancel()), Ok(vec![cancelled.into()]));
}

#[test]
fn a_cancel_ends_the_pending_items_and_lets_the_running_finish() {
    let given = submitted(2).after(start(0)).after(cancel());
    assert_eq!(*status(&given, 1), ItemStatus::Cancelled);
    assert_eq!(given.state.rounds[0].outcomes[&1], RoundOutcome::Cancelled);
    let finished = ReportCompleted { at: at(45), ..complete(0) };
    assert_eq!(names(&given.when(finished).unwrap()), ["ItemCompleted"]);
}

#[test]
fn nothing_is_queued_again_after_a_cancel() {
    let started = submitted_with_attempts(3, true).after(start(0)).after(cancel());
    for code in [ErrorCode::Blocked, ErrorCode::BrowserCrashed] {
        assert_eq!(names(&started.when(fail(0, code)).unwrap()), ["ItemFailed"]);
    }
    assert_eq!(names(&started.when(put_back(0, 1)).unwrap()), ["ItemFailed"]);
    assert_eq!(names(&started.when(expire(0, 1)).unwrap()), ["ItemFailed"]);
}

#[test]
fn an_ended_batch_cannot_be_cancelled() {
    let refusal = |phase| Err(BatchRejection::AlreadyTerminal(phase));
    assert_eq!(half_failed().when(cancel()), refusal(Phase::Completed));
    assert_eq!(submitted(1).after(cancel()).when(cancel()), refusal(Phase::Cancelled));
    let phase = Phase::Failed(BatchFailure::ReservationMissing);
    assert_eq!(submitted(1).after(broken()).when(cancel()), refusal(phase));
}

#[test]
fn a_broken_batch_ends_with_all_its_open_items() {
    let given = submitted(3).after(start(0)).after(start(1)).after(complete(0)).after(broken());
    assert_eq!(given.state.phase, Phase::Failed(BatchFailure::ReservationMissing));
    assert!(!given.state.has_open_items());
    let outcomes = &given.state.rounds[0].outcomes;
    assert_eq!((outcomes[&1], outcomes[&2]), (RoundOutcome::Broken, RoundOutcome::Broken));
    assert_eq!(outcomes[&0], RoundOutcome::Completed { attempt: 1, credits: 2 });
}

#[test]
fn an_ended_batch_cannot_break() {
    for given in [half_failed(), submitted(1).after(cancel()), submitted(1).after(broken())] {
        assert_eq!(given.when(broken()), Ok(vec![]));
    }
}
