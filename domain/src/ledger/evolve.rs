//! How each movement changes the sums. Cannot fail: facts are true already.

use super::{
    event::{CreditsReserved, LedgerEvent},
    funds::Funds,
    state::{LedgerState, Reservation},
};
use crate::{DomainEvent, ItemIndex, ReservationId};

pub(super) fn evolve(mut state: LedgerState, event: &LedgerEvent) -> LedgerState {
    state.last_at = Some(event.at());
    match event {
        LedgerEvent::PeriodOpened(opened) => {
            state.account = Some(opened.account);
            state.period = Some(opened.period);
            state.previous = opened.previous.as_ref().map(|previous| previous.period);
            state.allowance = opened.allowance;
            state.granted = opened.allowance + opened.carried.total();
            // Top-ups may have ended in idle months between the close and this one.
            state.available = opened.carried.lasting_beyond(opened.period.plus_months(-1));
            state.expired = opened.carried.total() - state.available.total();
            state.available.add(opened.period, opened.allowance);
        }
        LedgerEvent::CreditsGranted(granted) => {
            state.granted += granted.funds.total();
            state.available.merge(&granted.funds);
            state.grants.insert(granted.grant);
        }
        LedgerEvent::CreditsReserved(reserved) => reserve(&mut state, reserved),
        LedgerEvent::CreditsCharged(charged) => {
            let released = settle(&mut state, charged.reservation, &[charged.item], charged.amount);
            free(&mut state, &released, &charged.carried_out);
        }
        LedgerEvent::CreditsRefunded(refunded) => {
            let released = settle(&mut state, refunded.reservation, &refunded.items, 0);
            free(&mut state, &released, &refunded.carried_out);
        }
        LedgerEvent::PeriodClosed(closed) => {
            state.closed = true;
            state.next = closed.next;
            state.close = Some(state.entries);
            state.expired += closed.expired;
            state.carried_out += closed.carried_out.total();
            state.carried_at_close = closed.carried_out.clone();
            state.available = Funds::default();
        }
    }
    state.entries += 1;
    state
}

/// What an event frees of what is held, before it is applied.
pub(super) fn released(state: &LedgerState, event: &LedgerEvent) -> Funds {
    let mut state = state.clone();
    match event {
        LedgerEvent::CreditsCharged(charged) => {
            settle(&mut state, charged.reservation, &[charged.item], charged.amount)
        }
        LedgerEvent::CreditsRefunded(refunded) => {
            settle(&mut state, refunded.reservation, &refunded.items, 0)
        }
        LedgerEvent::PeriodOpened(_)
        | LedgerEvent::CreditsGranted(_)
        | LedgerEvent::CreditsReserved(_)
        | LedgerEvent::PeriodClosed(_) => Funds::default(),
    }
}

fn reserve(state: &mut LedgerState, reserved: &CreditsReserved) {
    let held = state.available.take_first(reserved.total);
    let reservation = Reservation {
        batch: reserved.batch,
        round: reserved.round,
        items: reserved.items.len(),
        per_item: reserved.per_item,
        unsettled: reserved.items.iter().copied().collect(),
        held,
        at: reserved.at,
    };
    state.reservations.insert(reserved.reservation, reservation);
    close_if_settled(state, reserved.reservation);
}

/// Takes the items out of the reservation, counts `spent` (from what ends first) and gives back what is free.
fn settle(state: &mut LedgerState, id: ReservationId, items: &[ItemIndex], spent: u64) -> Funds {
    let Some(reservation) = state.reservations.get_mut(&id) else { return Funds::default() };
    let settled = items.iter().filter(|item| reservation.unsettled.remove(item)).count() as u64;
    let paid = reservation.held.take_first(spent);
    state.spent += paid.total();
    let free = (reservation.per_item * settled).saturating_sub(paid.total());
    let released = reservation.held.take_last(free);
    close_if_settled(state, id);
    released
}

/// Released credits are free again; in a closed month they are carried out or expire.
fn free(state: &mut LedgerState, released: &Funds, carried_out: &Funds) {
    if state.closed {
        state.carried_out += carried_out.total();
        state.expired += released.total() - carried_out.total().min(released.total());
    } else {
        state.available.merge(released);
    }
}

fn close_if_settled(state: &mut LedgerState, id: ReservationId) {
    if state.reservations.get(&id).is_some_and(|reservation| reservation.unsettled.is_empty()) {
        state.reservations.remove(&id);
        state.settled.insert(id);
    }
}
