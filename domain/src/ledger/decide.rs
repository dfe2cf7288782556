//! What happens to credits when a ledger is asked something.

use super::{
    command::{
        ClosePeriod, Grant, LedgerCommand, LedgerRejection, OpenPeriod, Reserve, Settle, Settlement,
        SettlementEntry,
    },
    event::{
        CreditsCharged, CreditsGranted, CreditsRefunded, CreditsReserved, LedgerEvent, PeriodClosed,
        PeriodOpened, RefundReason,
    },
    evolve::evolve,
    funds::Funds,
    state::{LedgerState, Reservation},
};
use crate::{ItemIndex, Moment, Period, ReservationId, limits::CREDITS_MAX};
use std::collections::BTreeMap;

type Decision = Result<Vec<LedgerEvent>, LedgerRejection>;

pub(super) fn decide(state: &LedgerState, command: &LedgerCommand) -> Decision {
    match command {
        LedgerCommand::OpenPeriod(command) => Ok(open(state, command)),
        LedgerCommand::Grant(command) => grant(state, command),
        LedgerCommand::Reserve(command) => reserve(state, command),
        LedgerCommand::Settle(command) => settle(state, command),
        LedgerCommand::ClosePeriod(command) => close(state, command),
    }
}

fn not_before_last(state: &LedgerState, at: Moment) -> Moment {
    state.last_at.map_or(at, |last| last.max(at))
}

fn period(state: &LedgerState) -> Result<Period, LedgerRejection> {
    state.period.ok_or(LedgerRejection::NotOpen)
}

fn open(state: &LedgerState, command: &OpenPeriod) -> Vec<LedgerEvent> {
    if state.period.is_some() {
        return vec![];
    }
    let opened = PeriodOpened {
        account: command.account,
        period: command.period,
        previous: command.previous.clone(),
        allowance: command.allowance,
        carried: command.carried.clone(),
        at: command.at,
    };
    vec![opened.into()]
}

fn grant(state: &LedgerState, command: &Grant) -> Decision {
    period(state)?;
    if state.grants.contains(&command.grant) {
        return Ok(vec![]);
    }
    if state.closed {
        return Err(LedgerRejection::Closed);
    }
    if !(1..=CREDITS_MAX).contains(&command.funds.total()) {
        return Err(LedgerRejection::AmountOutOfBounds);
    }
    let granted = CreditsGranted {
        grant: command.grant,
        funds: command.funds.clone(),
        released_by: command.released_by,
        at: not_before_last(state, command.at),
    };
    Ok(vec![granted.into()])
}

fn reserve(state: &LedgerState, command: &Reserve) -> Decision {
    period(state)?;
    if let Some(open) = state.reservations.get(&command.reservation) {
        return match open {
            open if open.items != command.items.len() => Err(LedgerRejection::ReservationMismatch),
            open if open.per_item != command.per_item => {
                Err(LedgerRejection::ReservationPriced { per_item: open.per_item })
            }
            _ => Ok(vec![]),
        };
    }
    if state.settled.contains(&command.reservation) {
        return Err(LedgerRejection::ReservationClosed);
    }
    if state.closed {
        return Err(LedgerRejection::Closed);
    }
    let open = state.reservations.len();
    if open >= command.open_max {
        return Err(LedgerRejection::TooManyOpen { open });
    }
    let total = command.per_item.saturating_mul(command.items.len() as u64);
    let available = state.available.total();
    if total > available {
        return Err(LedgerRejection::InsufficientCredits { needed: total, available });
    }
    let reserved = CreditsReserved {
        reservation: command.reservation,
        batch: command.batch,
        round: command.round,
        items: command.items.clone(),
        per_item: command.per_item,
        total,
        at: not_before_last(state, command.at),
    };
    Ok(vec![reserved.into()])
}

fn settle(state: &LedgerState, command: &Settle) -> Decision {
    period(state)?;
    let Some(reservation) = state.reservations.get(&command.reservation) else {
        let known = state.settled.contains(&command.reservation);
        return if known { Ok(vec![]) } else { Err(LedgerRejection::ReservationUnknown) };
    };
    let at = not_before_last(state, command.at);
    let mut new: BTreeMap<ItemIndex, Settlement> = BTreeMap::new();
    for SettlementEntry { item, settlement } in &command.entries {
        if reservation.unsettled.contains(item) {
            new.entry(*item).or_insert(*settlement);
        }
    }
    let mut events = Vec::new();
    let mut refunds: BTreeMap<RefundReason, Vec<ItemIndex>> = BTreeMap::new();
    for (item, settlement) in new {
        match settlement {
            Settlement::Charge { attempt, amount, failure } => {
                let amount = amount.min(reservation.per_item);
                events.push(charged(reservation, (command.reservation, item, attempt, amount), failure, at));
            }
            Settlement::Refund(reason) => refunds.entry(reason).or_default().push(item),
        }
    }
    let refunds = refunds
        .into_iter()
        .map(|(reason, items)| refunded(reservation, command.reservation, items, reason, at));
    events.extend(refunds);
    Ok(if state.closed { name_what_is_carried_out(state, events) } else { events })
}

fn charged(
    reservation: &Reservation,
    (id, item, attempt, amount): (ReservationId, ItemIndex, u32, u64),
    failure: Option<crate::ErrorCode>,
    at: Moment,
) -> LedgerEvent {
    CreditsCharged {
        reservation: id,
        batch: reservation.batch,
        item,
        attempt,
        amount,
        released: reservation.per_item - amount,
        failure,
        carried_out: Funds::default(),
        at,
    }
    .into()
}

fn refunded(
    reservation: &Reservation,
    id: ReservationId,
    items: Vec<ItemIndex>,
    reason: RefundReason,
    at: Moment,
) -> LedgerEvent {
    let amount = reservation.per_item * items.len() as u64;
    CreditsRefunded {
        reservation: id,
        batch: reservation.batch,
        items,
        amount,
        reason,
        carried_out: Funds::default(),
        at,
    }
    .into()
}

/// In a closed month each event says which part of what it frees lasts longer; that depends on the events before it.
fn name_what_is_carried_out(state: &LedgerState, events: Vec<LedgerEvent>) -> Vec<LedgerEvent> {
    let mut folded = state.clone();
    let mut named = Vec::with_capacity(events.len());
    for mut event in events {
        let released = super::evolve::released(&folded, &event);
        let lasting = state.period.map(|period| released.lasting_beyond(period)).unwrap_or_default();
        match &mut event {
            LedgerEvent::CreditsCharged(charged) => charged.carried_out = lasting,
            LedgerEvent::CreditsRefunded(refunded) => refunded.carried_out = lasting,
            LedgerEvent::PeriodOpened(_)
            | LedgerEvent::CreditsGranted(_)
            | LedgerEvent::CreditsReserved(_)
            | LedgerEvent::PeriodClosed(_) => {}
        }
        folded = evolve(folded, &event);
        named.push(event);
    }
    named
}

fn close(state: &LedgerState, command: &ClosePeriod) -> Decision {
    let period = period(state)?;
    if state.closed {
        return Ok(vec![]);
    }
    let carried_out = state.available.lasting_beyond(period);
    let expired = state.available.total() - carried_out.total();
    let next = Some(command.next.max(period.next()));
    Ok(vec![PeriodClosed { carried_out, expired, next, at: not_before_last(state, command.at) }.into()])
}
