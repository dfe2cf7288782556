//! The turn of the month: what ends, what goes on, and what is freed after the books were closed.

use super::*;

fn open(period: Period, carried: Funds) -> OpenPeriod {
    let previous = PreviousPeriod { period: period.plus_months(-1), hash: "ab".into() };
    OpenPeriod { account: ACCOUNT, period, previous: Some(previous), allowance: 10, carried, at: at(5) }
}

/// Two credits of allowance and six that last two months; seven of these eight are set aside for seven items, then
/// the month is closed.
fn closed_month() -> Given<Ledger> {
    given::<Ledger>([opened(2), granted(1, lasting(2, 6)), reserved(7, 1), closed(lasting(2, 1), 0)])
}

#[test]
fn a_month_begins_with_its_allowance_and_what_was_carried() {
    let given = given::<Ledger>([]).after(open(november().next(), lasting(3, 4)));
    let mut available = Funds::of(november().next(), 10);
    available.merge(&lasting(3, 4));
    assert_eq!(given.state.available, available);
    assert_eq!(given.state.granted, 14);
}

#[test]
fn a_month_begins_once() {
    let given = given::<Ledger>([opened(10)]);
    assert_eq!(given.when(open(november(), lasting(3, 4))), Ok(vec![]));
}

#[test]
fn the_close_ends_the_allowance_and_carries_what_lasts() {
    let history = [opened(10), granted(1, lasting(1, 5)), granted(2, lasting(0, 3))];
    let events = given::<Ledger>(history).when(close(4));
    assert_eq!(events, Ok(vec![closed(lasting(1, 5), 13)]));
}

#[test]
fn the_close_leaves_what_is_set_aside() {
    let given = closed_month();
    assert_eq!((given.state.held(), given.state.available.total()), (7, 0));
    assert_eq!(given.state.carried_at_close, lasting(2, 1));
}

#[test]
fn a_month_ends_once() {
    assert_eq!(closed_month().when(close(6)), Ok(vec![]));
}

#[test]
fn a_closed_month_takes_no_new_reservation_and_no_new_grant() {
    let other = Reserve { reservation: ReservationId(Uuid::from_u128(9)), ..reserve(1, 1) };
    assert_eq!(closed_month().when(other), Err(LedgerRejection::Closed));
    assert_eq!(closed_month().when(grant(2, lasting(2, 1))), Err(LedgerRejection::Closed));
}

#[test]
fn a_closed_month_still_knows_its_grants() {
    assert_eq!(closed_month().when(grant(1, lasting(2, 6))), Ok(vec![]));
}

#[test]
fn a_late_charge_is_taken_from_the_allowance_first() {
    let after = closed_month().after(Settle { at: at(6), ..settle(&[(0, charge(1)), (1, charge(1))]) });
    assert_eq!(after.state.spent, 2);
    assert_eq!(after.state.reservations[&RESERVATION].held, lasting(2, 5));
}

#[test]
fn a_late_release_names_the_part_that_goes_on_and_the_rest_expires() {
    let cancelled = Settlement::Refund(RefundReason::Cancelled);
    let all: Vec<_> = (0..7).map(|item| (item, cancelled)).collect();
    let settle = Settle { at: at(6), ..settle(&all) };
    let events = closed_month().when(settle.clone()).unwrap();
    let [LedgerEvent::CreditsRefunded(refund)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((refund.amount, &refund.carried_out), (7, &lasting(2, 5)));
    let after = closed_month().after(settle);
    assert_eq!((after.state.expired, after.state.carried_out, after.state.held()), (2, 6, 0));
}

#[test]
fn each_late_release_of_one_settlement_counts_what_went_before_it() {
    let refund = |reason| Settlement::Refund(reason);
    let mut entries: Vec<_> = (0..5).map(|item| (item, refund(RefundReason::Failed))).collect();
    entries.extend([(5, refund(RefundReason::Cancelled)), (6, refund(RefundReason::Cancelled))]);
    let events = closed_month().when(Settle { at: at(6), ..settle(&entries) }).unwrap();
    let carried: Vec<u64> = events
        .iter()
        .map(|event| match event {
            LedgerEvent::CreditsRefunded(refund) => refund.carried_out.total(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(carried, [5, 0]);
}

#[test]
fn what_an_open_month_frees_is_not_carried_out() {
    let given = given::<Ledger>([opened(0), granted(1, lasting(2, 3)), reserved(1, 3)]);
    let events = given.when(settle(&[(0, charge(1))]));
    assert_eq!(events, Ok(vec![charged(0, 1, 2, Funds::default())]));
}

#[test]
fn a_round_reserved_in_two_months_gives_back_under_two_grants() {
    let grant_in = |period| GrantId::of_late_release(period, RESERVATION, 0);
    assert_eq!(grant_in(november()), grant_in(november()));
    assert_ne!(grant_in(november()), grant_in(november().next()));
}
