//! The account of a world: months, reservations, settlement, sweep and late releases, as the reactions do them.

use crate::{
    rules::{Rules, Stream},
    world::{ACCOUNT, World},
};
use leafcutter_domain::{
    GrantId, ItemIndex, Period, ReservationId,
    batch::{AbandonRound, RoundTerms},
    ledger::{
        ClosePeriod, Funds, Grant, LedgerEvent, LedgerRejection, OpenPeriod, PreviousPeriod, RefundReason,
        Reserve, Settle, Settlement, SettlementEntry,
    },
};
use uuid::Uuid;

/// Reservations that may be open at a time.
const OPEN_MAX: usize = 5;

/// Why no credits were set aside.
pub(crate) enum Refused {
    /// The round has a reservation for another request.
    Mismatch,
    Other,
}

/// The text that stands for the hash of a month's last event.
pub(crate) fn hash_of(period: Period) -> String {
    format!("hash of {period}")
}

/// What an event of a closed month hands on to a later one, and for which grant.
pub(crate) fn handed_on(period: Period, event: &LedgerEvent) -> Option<(GrantId, ReservationId, Funds)> {
    let (reservation, item, funds) = match event {
        LedgerEvent::CreditsCharged(charged) => (charged.reservation, charged.item, &charged.carried_out),
        LedgerEvent::CreditsRefunded(refunded) => {
            (refunded.reservation, *refunded.items.first()?, &refunded.carried_out)
        }
        LedgerEvent::PeriodOpened(_)
        | LedgerEvent::CreditsGranted(_)
        | LedgerEvent::CreditsReserved(_)
        | LedgerEvent::PeriodClosed(_) => return None,
    };
    let grant = GrantId::of_late_release(period, reservation, item);
    (!funds.is_empty()).then(|| (grant, reservation, funds.clone()))
}

impl<R: Rules> World<R> {
    /// The open month; begins the next one when the last is closed.
    pub(crate) fn current(&mut self) -> Period {
        let (period, previous, carried) = match self.ledgers.last_key_value() {
            Some((period, ledger)) if !ledger.state.closed => return *period,
            Some((period, ledger)) => {
                let previous = PreviousPeriod { period: *period, hash: hash_of(*period) };
                let next = ledger.state.next.unwrap_or_else(|| period.next());
                (next, Some(previous), ledger.state.carried_at_close.clone())
            }
            None => (Period::of(self.now), None, Funds::default()),
        };
        let allowance = self.setup.allowance;
        let mut ledger = Stream::new();
        let open = OpenPeriod { account: ACCOUNT, period, previous, allowance, carried, at: self.now };
        ledger.ask(open).expect("opening a month is never refused");
        self.ledgers.insert(period, ledger);
        self.granted += allowance;
        period
    }

    fn ledger(&mut self, period: Period) -> &mut Stream<R::Ledger> {
        self.ledgers.get_mut(&period).expect("worlds ask only for months that they opened")
    }

    /// The month ends; whoever comes after a crash follows what its end has named, which may be a later month: idle
    /// ones are passed over.
    pub(crate) fn turn_month(&mut self, opens_next: bool) {
        let (period, at) = (self.current(), self.now);
        self.ledger(period)
            .ask(ClosePeriod { next: period.plus_months(if opens_next { 1 } else { 3 }), at })
            .ok();
        if opens_next {
            self.current();
        }
    }

    pub(crate) fn top_up(&mut self, amount: u64, months: i32) {
        let (period, at) = (self.current(), self.now);
        let grant = GrantId(Uuid::from_u128(self.serial()));
        let funds = Funds::of(period.plus_months(months), amount);
        if self.ledger(period).ask(Grant { grant, funds, released_by: None, at }).is_ok() {
            self.granted += amount;
        }
    }

    /// Sets credits aside in the open month; settles what has ended before it gives up.
    pub(crate) fn reserve(
        &mut self,
        slot: usize,
        round: u32,
        items: Vec<ItemIndex>,
    ) -> Result<Period, Refused> {
        let period = self.current();
        let batch = self.batches[slot].id;
        let reserve = Reserve {
            reservation: ReservationId::of(batch, round),
            batch,
            round,
            items,
            per_item: self.batches[slot].body.per_item,
            open_max: OPEN_MAX,
            at: self.now,
        };
        let mut answer = self.ledger(period).ask(reserve.clone());
        if let Err(LedgerRejection::InsufficientCredits { .. } | LedgerRejection::TooManyOpen { .. }) = answer
        {
            self.settle_all(true);
            answer = self.ledger(period).ask(reserve);
        }
        match answer {
            Ok(_) => Ok(period),
            Err(LedgerRejection::ReservationMismatch | LedgerRejection::ReservationPriced { .. }) => {
                Err(Refused::Mismatch)
            }
            Err(_) => Err(Refused::Other),
        }
    }

    /// Every open reservation: its month, id, batch and round.
    fn open_reservations(&self) -> Vec<(Period, ReservationId, usize, u32)> {
        let slot = |id| self.batches.iter().position(|batch| batch.id == id);
        let of_month = |(period, ledger): (&Period, &Stream<R::Ledger>)| {
            let open = ledger.state.reservations.iter();
            let named = open.filter_map(|(id, held)| Some((*period, *id, slot(held.batch)?, held.round)));
            named.collect::<Vec<_>>()
        };
        self.ledgers.iter().flat_map(of_month).collect()
    }

    /// Whether this reservation of this month is the one that the batch's round names. After a crash and a month
    /// turn the same round may have a second one, with the same id, in another month.
    fn began(&self, slot: usize, round: u32, period: Period) -> bool {
        let round = self.batches[slot].stream.state.round(round);
        round.is_some_and(|round| round.terms.period == period)
    }

    /// Forbids rounds that never began, then gives their credits back: in this order, so that a slow writer
    /// cannot begin a round that is no longer paid for.
    pub(crate) fn sweep(&mut self) {
        for (period, id, slot, round) in self.open_reservations() {
            self.sweep_one(period, id, slot, round);
        }
    }

    pub(crate) fn abandon(&mut self, slot: usize, round: u32) {
        for (period, id, of, held_for) in self.open_reservations() {
            if of == slot && held_for == round {
                self.sweep_one(period, id, slot, round);
            }
        }
    }

    fn sweep_one(&mut self, period: Period, id: ReservationId, slot: usize, round: u32) {
        self.ask(slot, AbandonRound { round, at: self.now }).ok();
        if !self.began(slot, round, period) {
            let unsettled = self.ledgers[&period].state.reservations[&id].unsettled.clone();
            let refund =
                |item| SettlementEntry { item, settlement: Settlement::Refund(RefundReason::Abandoned) };
            self.settle(period, id, unsettled.into_iter().map(refund).collect(), true);
        }
    }

    pub(crate) fn settle_all(&mut self, grants: bool) {
        for (period, id, slot, round) in self.open_reservations() {
            if self.began(slot, round, period) {
                self.settle_round(period, id, slot, round, grants);
            }
        }
    }

    /// Settles the round that a cancel stopped; answers what it gave back for the pending items.
    pub(crate) fn settle_cancelled(&mut self, terms: RoundTerms) -> u64 {
        let open = self.open_reservations();
        let found = open.iter().find(|(period, id, ..)| (*period, *id) == (terms.period, terms.reservation));
        let Some(&(period, id, slot, round)) = found else { return 0 };
        let refund = |event: &LedgerEvent| match event {
            LedgerEvent::CreditsRefunded(refunded) if refunded.reason == RefundReason::Cancelled => {
                refunded.amount
            }
            _ => 0,
        };
        self.settle_round(period, id, slot, round, true).iter().map(refund).sum()
    }

    fn settle_round(
        &mut self,
        period: Period,
        id: ReservationId,
        slot: usize,
        round: u32,
        grants: bool,
    ) -> Vec<LedgerEvent> {
        let Some(round) = self.batches[slot].stream.state.round(round) else { return vec![] };
        let entries = round
            .outcomes
            .iter()
            .map(|(item, outcome)| SettlementEntry { item: *item, settlement: Settlement::from(*outcome) })
            .collect();
        self.settle(period, id, entries, grants)
    }

    /// Settles, and grants again what a closed month hands on, unless the reaction crashes in between.
    fn settle(
        &mut self,
        period: Period,
        reservation: ReservationId,
        entries: Vec<SettlementEntry>,
        grants: bool,
    ) -> Vec<LedgerEvent> {
        let at = self.now;
        let events = self.ledger(period).ask(Settle { reservation, entries, at }).unwrap_or_default();
        if grants {
            for event in &events {
                self.grant_again(period, event);
            }
        }
        events
    }

    /// Reads every closed month again from its beginning, as a reaction does that lost its checkpoint.
    pub(crate) fn late_releases(&mut self) {
        let months: Vec<(Period, Vec<LedgerEvent>)> =
            self.ledgers.iter().map(|(period, ledger)| (*period, ledger.events.clone())).collect();
        for (period, events) in months {
            for event in &events {
                self.grant_again(period, event);
            }
        }
    }

    fn grant_again(&mut self, released_in: Period, event: &LedgerEvent) {
        let Some((grant, reservation, funds)) = handed_on(released_in, event) else { return };
        self.current();
        let later: Vec<Period> =
            self.ledgers.range(released_in.next()..).map(|(period, _)| *period).collect();
        let command = Grant { grant, funds, released_by: Some(reservation), at: self.now };
        for period in later {
            // A closed month answers whether it has the grant already; only if not, the next one is asked.
            if self.ledger(period).ask(command.clone()) != Err(LedgerRejection::Closed) {
                return;
            }
        }
    }

    pub(crate) fn redeliver_to_ledger(&mut self, month: usize, pick: usize) {
        let months = self.ledgers.len().max(1);
        if let Some(ledger) = self.ledgers.values_mut().nth(month % months) {
            ledger.redeliver(pick);
        }
    }
}
