//! What becomes of the credits that were set aside, while the month is open.

use super::*;

fn three_items_of_two() -> Given<Ledger> {
    given::<Ledger>([opened(10), reserved(3, 2)])
}

#[test]
fn a_charge_pays_for_the_item_and_frees_the_rest() {
    let after = three_items_of_two().after(settle(&[(0, charge(1))]));
    assert_eq!((after.state.spent, after.state.held(), after.state.available.total()), (1, 4, 5));
    let events = three_items_of_two().when(settle(&[(0, charge(1))]));
    assert_eq!(events, Ok(vec![charged(0, 1, 1, Funds::default())]));
}

#[test]
fn a_charge_is_never_above_what_was_set_aside() {
    let events = three_items_of_two().when(settle(&[(0, charge(9))]));
    assert_eq!(events, Ok(vec![charged(0, 2, 0, Funds::default())]));
}

#[test]
fn refunds_are_one_entry_for_each_reason() {
    let (failed, cancelled) =
        (Settlement::Refund(RefundReason::Failed), Settlement::Refund(RefundReason::Cancelled));
    let events = three_items_of_two().when(settle(&[(2, cancelled), (1, failed), (0, cancelled)]));
    let expected = vec![
        refunded(&[1], 2, RefundReason::Failed, Funds::default()),
        refunded(&[0, 2], 4, RefundReason::Cancelled, Funds::default()),
    ];
    assert_eq!(events, Ok(expected));
}

#[test]
fn an_item_is_settled_once_whatever_is_said_later() {
    let given = three_items_of_two().after(settle(&[(0, charge(1))]));
    assert_eq!(given.when(settle(&[(0, Settlement::Refund(RefundReason::Failed))])), Ok(vec![]));
    let twice = given.when(settle(&[(1, charge(1)), (1, charge(2))]));
    assert_eq!(twice, Ok(vec![charged(1, 1, 1, Funds::default())]));
}

#[test]
fn an_item_that_nothing_was_set_aside_for_is_left_out() {
    assert_eq!(three_items_of_two().when(settle(&[(7, charge(1))])), Ok(vec![]));
}

#[test]
fn a_reservation_settled_to_its_end_is_closed_and_answers_repeats() {
    let all = [(0, charge(2)), (1, charge(2)), (2, charge(2))];
    let after = three_items_of_two().after(settle(&all));
    assert!(after.state.reservations.is_empty());
    assert_eq!(after.when(settle(&all)), Ok(vec![]));
}

#[test]
fn an_unknown_reservation_cannot_be_settled() {
    let refused = given::<Ledger>([opened(10)]).when(settle(&[(0, charge(1))]));
    assert_eq!(refused, Err(LedgerRejection::ReservationUnknown));
}

#[test]
fn top_ups_are_spent_last_and_freed_first() {
    let history = [opened(1), granted(1, lasting(2, 9)), reserved(1, 3)];
    let after = given::<Ledger>(history).after(settle(&[(0, charge(1))]));
    assert_eq!(after.state.available, lasting(2, 9));
}

#[test]
fn every_end_of_an_item_has_its_settlement() {
    let (attempt, code) = (2, ErrorCode::Blocked);
    let completed = Settlement::from(RoundOutcome::Completed { attempt, credits: 3 });
    assert_eq!(completed, Settlement::Charge { attempt, amount: 3, failure: None });
    let free = Settlement::from(RoundOutcome::Failed { attempt, credits: 0, code });
    assert_eq!(free, Settlement::Refund(RefundReason::Failed));
    let priced = Settlement::from(RoundOutcome::Failed { attempt, credits: 1, code });
    assert_eq!(priced, Settlement::Charge { attempt, amount: 1, failure: Some(code) });
    let cancelled = Settlement::from(RoundOutcome::Cancelled);
    assert_eq!(cancelled, Settlement::Refund(RefundReason::Cancelled));
    let broken = Settlement::from(RoundOutcome::Broken);
    assert_eq!(broken, Settlement::Refund(RefundReason::Abandoned));
}
