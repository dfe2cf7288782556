//! The laws of credits. Each is a plain function over a world; how a world comes about is not here.

use crate::{
    check::{Verdict, must},
    money::{handed_on, hash_of},
    rules::{Rules, Stream},
    world::World,
};
use leafcutter_domain::{
    BatchId, Decider, ItemIndex, Period,
    batch::RoundOutcome,
    ledger::{CreditsGranted, LedgerEvent, PeriodOpened},
};
use std::collections::BTreeMap;

/// `granted = available + held + spent + expired + carried out` after every event of every month, and nothing is
/// charged beyond what was set aside for the item.
pub(crate) fn credits_are_conserved_on_every_prefix<R: Rules>(world: &World<R>) -> Verdict {
    if !world.drained {
        return Ok(());
    }
    for (period, ledger) in &world.ledgers {
        let mut state = R::Ledger::initial();
        for (index, event) in ledger.events.iter().enumerate() {
            if let LedgerEvent::CreditsCharged(charged) = event {
                let per_item = state.reservations.get(&charged.reservation).map(|held| held.per_item);
                let parts = charged.amount + charged.released;
                must(per_item == Some(parts), || format!("{period}: {charged:?} of {per_item:?}"))?;
            }
            state = R::Ledger::evolve(state, event);
            must(state.is_balanced(), || {
                format!("{period} is out of balance after event {index}: {state:?}")
            })?;
        }
    }
    Ok(())
}

/// A month begins with what the one before it carried on, and names its last event.
pub(crate) fn a_month_begins_with_what_the_last_one_carried<R: Rules>(world: &World<R>) -> Verdict {
    for (last, next) in world.ledgers.iter().zip(world.ledgers.iter().skip(1)) {
        let ((period, last), (_, next)) = (last, next);
        let Some(LedgerEvent::PeriodOpened(PeriodOpened { carried, previous, .. })) = next.events.first()
        else {
            return Err(format!("the month after {period} begins with something else"));
        };
        let closed = last.events.iter().find_map(|event| match event {
            LedgerEvent::PeriodClosed(closed) => Some(&closed.carried_out),
            _ => None,
        });
        must(closed == Some(carried), || {
            format!("{period} carried {closed:?}, its heir began with {carried:?}")
        })?;
        must(last.state.carried_at_close == *carried, || format!("{period} forgot what it carried"))?;
        let named = previous.as_ref().map(|previous| (previous.period, previous.hash.clone()));
        must(named == Some((*period, hash_of(*period))), || format!("the heir of {period} names {named:?}"))?;
    }
    Ok(())
}

/// Every top-up credit that a closed month sets free is granted again exactly once, in a later month.
pub(crate) fn a_late_release_is_granted_again_exactly_once<R: Rules>(world: &World<R>) -> Verdict {
    if !world.drained {
        return Ok(());
    }
    let granted: Vec<(Period, &CreditsGranted)> = of_every_month(world, |_, event| match event {
        LedgerEvent::CreditsGranted(granted) if granted.released_by.is_some() => Some(granted),
        _ => None,
    });
    let handed_on = of_every_month(world, handed_on);
    for (period, (grant, reservation, funds)) in &handed_on {
        let heirs: Vec<_> = granted.iter().filter(|(_, heir)| heir.grant == *grant).collect();
        let once = match heirs.as_slice() {
            [(later, heir)] => {
                later > period && heir.funds == *funds && heir.released_by == Some(*reservation)
            }
            _ => false,
        };
        must(once, || format!("{period} handed on {funds:?} of {reservation}, granted again: {heirs:?}"))?;
    }
    must(granted.len() == handed_on.len(), || "something was granted again that no month handed on".into())
}

fn of_every_month<'a, R: Rules, T>(
    world: &'a World<R>,
    pick: impl Fn(Period, &'a LedgerEvent) -> Option<T>,
) -> Vec<(Period, T)> {
    let of_month = |(period, ledger): (&Period, &'a Stream<R::Ledger>)| {
        let picked = ledger.events.iter().filter_map(|event| pick(*period, event));
        picked.map(|thing| (*period, thing)).collect::<Vec<_>>()
    };
    world.ledgers.iter().flat_map(of_month).collect()
}

/// What came from outside is available, held, spent or expired somewhere, and nowhere twice.
pub(crate) fn nothing_is_made_or_lost_across_the_account<R: Rules>(world: &World<R>) -> Verdict {
    if !world.drained {
        return Ok(());
    }
    let of = |ledger: &Stream<R::Ledger>| {
        let state = &ledger.state;
        state.available.total() + state.held() + state.spent + state.expired
    };
    let found: u64 = world.ledgers.values().map(of).sum();
    must(found == world.granted, || format!("{} credits came in, {found} are found", world.granted))
}

/// Once nothing runs and everything is settled, no credit is held.
pub(crate) fn nothing_stays_held_once_everything_has_ended<R: Rules>(world: &World<R>) -> Verdict {
    if !world.drained {
        return Ok(());
    }
    for (period, ledger) in &world.ledgers {
        must(ledger.state.held() == 0, || format!("{period} still holds {:?}", ledger.state.reservations))?;
        must(ledger.state.reservations.is_empty(), || format!("{period} has an open reservation"))?;
    }
    Ok(())
}

/// A cancel gives back the price of the items that it stopped: in its answer, and over the whole life.
pub(crate) fn a_cancel_refunds_its_items_times_the_reserved_price<R: Rules>(world: &World<R>) -> Verdict {
    for answer in &world.cancels {
        must(answer.refunded == answer.items * answer.per_item, || {
            format!("{} items of {} gave back {}", answer.items, answer.per_item, answer.refunded)
        })?;
    }
    if !world.drained {
        return Ok(());
    }
    for batch in &world.batches {
        let cancelled = batch.stream.state.rounds.iter().flat_map(|round| round.outcomes.values());
        let cancelled = cancelled.filter(|outcome| **outcome == RoundOutcome::Cancelled).count() as u64;
        let refunds = of_every_month(world, |_, event| match event {
            LedgerEvent::CreditsRefunded(refunded)
                if refunded.batch == batch.id
                    && refunded.reason == leafcutter_domain::ledger::RefundReason::Cancelled =>
            {
                Some(refunded.amount)
            }
            _ => None,
        });
        let refunded: u64 = refunds.iter().map(|(_, amount)| amount).sum();
        must(refunded == cancelled * batch.body.per_item, || {
            format!("{cancelled} items gave back {refunded}")
        })?;
    }
    Ok(())
}

/// What the items say they cost is at no time more than what the batch has spent and holds; it is what was spent
/// once everything is settled.
pub(crate) fn items_cost_no_more_than_their_batch_spent_and_holds<R: Rules>(world: &World<R>) -> Verdict {
    for batch in &world.batches {
        let state = &batch.stream.state;
        let cost: u64 = (0..).zip(&state.items).map(|(item, _)| state.credits_used(item)).sum();
        let spent: u64 = charges(world, batch.id).values().sum();
        let held: u64 = state.rounds.iter().map(|round| held::<R>(world, round)).sum();
        must(cost <= spent + held, || format!("items cost {cost}, spent {spent}, held {held}"))?;
        must(!world.drained || cost == spent, || format!("items cost {cost}, spent {spent}"))?;
    }
    Ok(())
}

/// Each item costs what the ledger charges for it, over all its rounds: at no time less, and once everything is
/// settled nothing else.
pub(crate) fn an_item_costs_what_the_ledger_charges_for_it<R: Rules>(world: &World<R>) -> Verdict {
    for batch in &world.batches {
        let state = &batch.stream.state;
        let charges = charges(world, batch.id);
        for (item, _) in (0..).zip(&state.items) {
            let (cost, charged) = (state.credits_used(item), charges.get(&item).copied().unwrap_or_default());
            must(charged <= cost, || format!("item {item} costs {cost}, charged {charged}"))?;
            must(!world.drained || charged == cost, || {
                format!("item {item} costs {cost}, charged {charged} in the end")
            })?;
        }
    }
    Ok(())
}

/// What was charged for the items of a batch, in all months.
fn charges<R: Rules>(world: &World<R>, batch: BatchId) -> BTreeMap<ItemIndex, u64> {
    let mut charges = BTreeMap::new();
    let charged = of_every_month(world, |_, event| match event {
        LedgerEvent::CreditsCharged(charged) if charged.batch == batch => Some(charged),
        _ => None,
    });
    for (_, charged) in charged {
        *charges.entry(charged.item).or_default() += charged.amount;
    }
    charges
}

/// What the round that a batch names still holds.
fn held<R: Rules>(world: &World<R>, round: &leafcutter_domain::batch::Round) -> u64 {
    let ledger = world.ledgers.get(&round.terms.period);
    let reservation = ledger.and_then(|ledger| ledger.state.reservations.get(&round.terms.reservation));
    reservation.map_or(0, |reservation| reservation.held.total())
}
