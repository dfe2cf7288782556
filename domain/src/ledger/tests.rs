//! Given events, when a command, then events or a refusal: the credits of a month.

use super::*;
use crate::{
    AccountId, BatchId, ErrorCode, GrantId, ItemIndex, Period, ReservationId,
    batch::RoundOutcome,
    limits::CREDITS_MAX,
    testing::{Given, at, given},
};
use uuid::Uuid;

mod months;
mod settling;

const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));
const BATCH: BatchId = BatchId(Uuid::from_u128(2));
const RESERVATION: ReservationId = ReservationId(Uuid::from_u128(3));
/// Batches that may be open in these tests.
const OPEN_MAX: usize = 2;

fn november() -> Period {
    Period::of(at(0))
}

/// A month with this allowance.
fn opened(allowance: u64) -> LedgerEvent {
    let (period, carried) = (november(), Funds::default());
    PeriodOpened { account: ACCOUNT, period, previous: None, allowance, carried, at: at(0) }.into()
}

/// Top-up credits that last so many months beyond this one.
fn lasting(months: i32, amount: u64) -> Funds {
    Funds::of(november().plus_months(months), amount)
}

fn grant(number: u128, funds: Funds) -> Grant {
    Grant { grant: GrantId(Uuid::from_u128(number)), funds, released_by: None, at: at(1) }
}

fn granted(number: u128, funds: Funds) -> LedgerEvent {
    let grant = GrantId(Uuid::from_u128(number));
    CreditsGranted { grant, funds, released_by: None, at: at(1) }.into()
}

fn reserve(items: ItemIndex, per_item: u64) -> Reserve {
    Reserve {
        reservation: RESERVATION,
        batch: BATCH,
        round: 1,
        items: (0..items).collect(),
        per_item,
        open_max: OPEN_MAX,
        at: at(2),
    }
}

fn reserved(items: ItemIndex, per_item: u64) -> LedgerEvent {
    CreditsReserved {
        reservation: RESERVATION,
        batch: BATCH,
        round: 1,
        items: (0..items).collect(),
        per_item,
        total: per_item * u64::from(items),
        at: at(2),
    }
    .into()
}

fn settle(entries: &[(ItemIndex, Settlement)]) -> Settle {
    let entry = |(item, settlement): &(ItemIndex, Settlement)| SettlementEntry {
        item: *item,
        settlement: *settlement,
    };
    Settle { reservation: RESERVATION, entries: entries.iter().map(entry).collect(), at: at(3) }
}

fn charge(amount: u64) -> Settlement {
    Settlement::Charge { attempt: 1, amount, failure: None }
}

fn charged(item: ItemIndex, amount: u64, released: u64, carried_out: Funds) -> LedgerEvent {
    CreditsCharged {
        reservation: RESERVATION,
        batch: BATCH,
        item,
        attempt: 1,
        amount,
        released,
        failure: None,
        carried_out,
        at: at(3),
    }
    .into()
}

fn refunded(items: &[ItemIndex], amount: u64, reason: RefundReason, carried_out: Funds) -> LedgerEvent {
    let items = items.to_vec();
    CreditsRefunded { reservation: RESERVATION, batch: BATCH, items, amount, reason, carried_out, at: at(3) }
        .into()
}

fn close(second: i64) -> ClosePeriod {
    ClosePeriod { next: november().next(), at: at(second) }
}

fn closed(carried_out: Funds, expired: u64) -> LedgerEvent {
    PeriodClosed { carried_out, expired, next: Some(november().next()), at: at(4) }.into()
}

#[test]
fn a_grant_adds_credits_that_last() {
    let given = given::<Ledger>([opened(10)]);
    assert_eq!(given.when(grant(1, lasting(12, 5))), Ok(vec![granted(1, lasting(12, 5))]));
    let after = given.after(grant(1, lasting(12, 5)));
    assert_eq!(after.state.available.total(), 15);
}

#[test]
fn the_same_grant_again_changes_nothing() {
    let given = given::<Ledger>([opened(10), granted(1, lasting(12, 5))]);
    assert_eq!(given.when(grant(1, lasting(12, 5))), Ok(vec![]));
}

#[test]
fn a_grant_of_nothing_or_of_too_much_is_refused() {
    for funds in [Funds::default(), lasting(1, CREDITS_MAX + 1)] {
        let refused = given::<Ledger>([opened(10)]).when(grant(1, funds));
        assert_eq!(refused, Err(LedgerRejection::AmountOutOfBounds));
    }
}

#[test]
fn credits_are_set_aside_for_every_item() {
    let given = given::<Ledger>([opened(10)]);
    assert_eq!(given.when(reserve(3, 2)), Ok(vec![reserved(3, 2)]));
    let after = given.after(reserve(3, 2));
    assert_eq!((after.state.available.total(), after.state.held()), (4, 6));
}

#[test]
fn the_allowance_is_set_aside_before_the_top_ups_and_those_in_the_order_of_their_end() {
    let history = [opened(4), granted(1, lasting(3, 10)), granted(2, lasting(1, 2))];
    let after = given::<Ledger>(history).after(reserve(7, 1));
    assert_eq!(after.state.available, lasting(3, 9));
    let mut held = lasting(0, 4);
    held.merge(&lasting(1, 2));
    held.merge(&lasting(3, 1));
    assert_eq!(after.state.reservations[&RESERVATION].held, held);
}

#[test]
fn the_same_reservation_again_changes_nothing_also_in_a_closed_month() {
    let open = given::<Ledger>([opened(10), reserved(3, 2)]);
    assert_eq!(open.when(reserve(3, 2)), Ok(vec![]));
    let closed = given::<Ledger>([opened(10), reserved(3, 2), closed(Funds::default(), 4)]);
    assert_eq!(closed.when(reserve(3, 2)), Ok(vec![]));
}

#[test]
fn a_reservation_refuses_to_become_another() {
    let given = given::<Ledger>([opened(10), reserved(3, 2)]);
    assert_eq!(given.when(reserve(2, 2)), Err(LedgerRejection::ReservationMismatch));
    assert_eq!(given.when(reserve(3, 1)), Err(LedgerRejection::ReservationPriced { per_item: 2 }));
}

#[test]
fn a_settled_reservation_cannot_be_made_again() {
    let given = given::<Ledger>([opened(10), reserved(1, 2)]).after(settle(&[(0, charge(2))]));
    assert_eq!(given.when(reserve(1, 2)), Err(LedgerRejection::ReservationClosed));
}

#[test]
fn more_than_is_free_cannot_be_set_aside() {
    let given = given::<Ledger>([opened(10), reserved(3, 2)]);
    let more = Reserve { reservation: ReservationId(Uuid::from_u128(9)), ..reserve(5, 1) };
    let refusal = LedgerRejection::InsufficientCredits { needed: 5, available: 4 };
    assert_eq!(given.when(more), Err(refusal));
}

#[test]
fn as_many_reservations_as_may_be_are_open_and_no_more() {
    let other = |number| Reserve { reservation: ReservationId(Uuid::from_u128(number)), ..reserve(1, 1) };
    let given = given::<Ledger>([opened(10)]).after(other(11)).after(other(12));
    assert_eq!(given.when(other(13)), Err(LedgerRejection::TooManyOpen { open: OPEN_MAX }));
}

#[test]
fn a_month_that_has_not_begun_refuses_everything_but_its_beginning() {
    let nothing = given::<Ledger>([]);
    assert_eq!(nothing.when(grant(1, lasting(1, 5))), Err(LedgerRejection::NotOpen));
    assert_eq!(nothing.when(reserve(1, 1)), Err(LedgerRejection::NotOpen));
    assert_eq!(nothing.when(settle(&[])), Err(LedgerRejection::NotOpen));
    assert_eq!(nothing.when(close(4)), Err(LedgerRejection::NotOpen));
}

#[test]
fn a_movement_is_never_before_the_last_one() {
    let late = Reserve { at: at(-5), ..reserve(3, 2) };
    let events = given::<Ledger>([opened(10), granted(1, lasting(1, 1))]).when(late).unwrap();
    assert_eq!(events.iter().map(crate::DomainEvent::at).collect::<Vec<_>>(), [at(1)]);
}
