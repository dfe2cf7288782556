//! Erasing what attempts have stored.

use super::*;

fn erase() -> EraseResults {
    EraseResults { reason: EraseReason::Operator, until: None, at: at(200) }
}

/// By age: only when the last attempt ended by this second.
fn erase_until(seconds: i64) -> EraseResults {
    EraseResults { reason: EraseReason::Age, until: Some(at(seconds)), at: at(200) }
}

#[test]
fn an_ended_batch_is_erased_once_by_age_and_as_often_as_the_operator_says() {
    let erased = ResultsErased { reason: EraseReason::Operator, at: at(200) };
    assert_eq!(half_failed().when(erase()), Ok(vec![erased.clone().into()]));
    assert_eq!(half_failed().after(erase()).when(erase()), Ok(vec![]), "the same command");
    let later = EraseResults { at: at(201), ..erase() };
    let again = ResultsErased { at: at(201), ..erased };
    assert_eq!(half_failed().after(erase()).when(later), Ok(vec![again.into()]));
    assert_eq!(half_failed().after(erase_until(20)).when(erase_until(150)), Ok(vec![]));
    assert_eq!(half_failed().after(erase()).state.phase, Phase::Completed);
}

#[test]
fn attempts_that_failed_are_erased_too_for_they_may_have_stored_something() {
    let given = submitted(1).after(start(0)).after(fail(0, ErrorCode::TooLarge));
    assert_eq!(names(&given.when(erase()).unwrap()), ["ResultsErased"]);
    let given = submitted(1).after(start(0)).after(broken());
    assert_eq!(names(&given.when(erase()).unwrap()), ["ResultsErased"]);
}

#[test]
fn a_batch_without_an_attempt_has_nothing_to_erase() {
    assert_eq!(submitted(1).after(cancel()).when(erase()), Ok(vec![]));
    assert_eq!(submitted(1).after(cookies_gone(0)).when(erase()), Ok(vec![]));
}

#[test]
fn nothing_is_erased_while_anything_waits_or_runs() {
    assert_eq!(submitted(1).when(erase()), Err(BatchRejection::NotFinished));
    let running = submitted(2).after(start(0)).after(cancel());
    assert_eq!(running.when(erase()), Err(BatchRejection::NotFinished));
    assert_eq!(half_failed().after(retry(2)).when(erase()), Err(BatchRejection::NotFinished));
    assert_eq!(given::<Batch>([]).when(erase()), Err(BatchRejection::Unknown));
}

#[test]
fn what_a_retry_makes_is_erased_anew() {
    let given = half_failed().after(erase()).after(retry(2));
    let given = given.after(StartItem { at: at(210), deadline: at(270), ..start(1) });
    let given = given.after(ReportCompleted { at: at(220), ..complete(1) });
    assert_eq!(names(&given.when(erase()).unwrap()), ["ResultsErased"]);
    assert_eq!((given.state.items[1].erased_attempt, given.state.items[1].attempt), (1, 2));
    assert_eq!(given.when(erase_until(219)), Ok(vec![]), "its result is younger than the others were");
}

#[test]
fn by_age_only_what_is_old_is_erased() {
    assert_eq!(half_failed().when(erase_until(19)), Ok(vec![]));
    assert_eq!(names(&half_failed().when(erase_until(20)).unwrap()), ["ResultsErased"]);
}
