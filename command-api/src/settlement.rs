//! From outcomes to ledger entries. Settling a reservation looks at how its items ended and records what the ledger
//! does not know yet; done twice, it records nothing. Reactions, cancels and short-of-credit submits all use it.

use crate::Commands;
use leafcutter_domain::{
    ItemIndex, Moment, ReservationId,
    batch::{AbandonRound, BatchFailure, FailBatch},
    ledger::{LedgerState, RefundReason, Reservation, Settle, Settlement, SettlementEntry},
};
use leafcutter_event_store::LedgerId;
use leafcutter_wire::ApiError;

/// What the batch says of a round that a reservation was made for.
enum Round {
    /// The batch began it with this very reservation.
    Begun(Vec<SettlementEntry>),
    /// The batch began it with a reservation of another month; this one is left over.
    BegunElsewhere,
    /// The batch has forbidden it.
    Abandoned,
    /// The batch knows nothing of it.
    Unknown,
}

impl Commands {
    /// Settles what has ended of one reservation.
    pub(crate) async fn settle(&self, id: LedgerId, reservation_id: ReservationId) -> Result<(), ApiError> {
        match self.open_reservation(id, reservation_id).await? {
            Some(reservation) => self.settle_reservation(id, reservation_id, &reservation).await,
            None => Ok(()),
        }
    }

    /// Settles what has ended of all open reservations of a month.
    pub(crate) async fn settle_ledger(&self, id: LedgerId) -> Result<(), ApiError> {
        let open = self.ledgers.inspect(id, |folded| folded.state.reservations.clone()).await?;
        for (reservation_id, reservation) in open {
            self.settle_reservation(id, reservation_id, &reservation).await?;
        }
        Ok(())
    }

    /// Settles what has ended of a reservation as it was a moment ago; what was settled since is not recorded again.
    async fn settle_reservation(
        &self,
        id: LedgerId,
        reservation_id: ReservationId,
        reservation: &Reservation,
    ) -> Result<(), ApiError> {
        let entries = match self.round_of(id, reservation).await? {
            Round::Begun(entries) => entries,
            Round::BegunElsewhere | Round::Abandoned => abandoned(reservation),
            Round::Unknown => return Ok(()),
        };
        self.record(id, reservation_id, entries).await
    }

    async fn open_reservation(
        &self,
        id: LedgerId,
        reservation_id: ReservationId,
    ) -> Result<Option<Reservation>, ApiError> {
        let open = |state: &LedgerState| state.reservations.get(&reservation_id).cloned();
        Ok(self.ledgers.inspect(id, |folded| open(&folded.state)).await?)
    }

    /// Gives back the credits of a round that never began: first the batch forbids the round, so that a slow
    /// submit or retry cannot run unpaid, then the ledger refunds.
    pub(crate) async fn sweep(
        &self,
        id: LedgerId,
        reservation_id: ReservationId,
        now: Moment,
    ) -> Result<(), ApiError> {
        let Some(reservation) = self.open_reservation(id, reservation_id).await? else { return Ok(()) };
        if let Round::Unknown = self.round_of(id, &reservation).await? {
            let abandon = AbandonRound { round: reservation.round, at: now };
            self.batches.transact(reservation.batch, abandon).await?;
        }
        self.settle(id, reservation_id).await
    }

    /// Declares a batch broken whose reservation the ledger does not hold: nothing of it may be run or charged.
    pub(crate) async fn check_reservation(
        &self,
        id: LedgerId,
        reservation_id: ReservationId,
        batch: leafcutter_domain::BatchId,
        now: Moment,
    ) -> Result<(), ApiError> {
        let known = self
            .ledgers
            .inspect(id, |folded| {
                let state = &folded.state;
                state.reservations.contains_key(&reservation_id) || state.settled.contains(&reservation_id)
            })
            .await?;
        if !known {
            tracing::error!(%batch, %reservation_id, "the ledger does not hold the reservation that a batch names");
            self.batches
                .transact(batch, FailBatch { cause: BatchFailure::ReservationMissing, at: now })
                .await?;
        }
        Ok(())
    }

    async fn record(
        &self,
        id: LedgerId,
        reservation: ReservationId,
        entries: Vec<SettlementEntry>,
    ) -> Result<(), ApiError> {
        if entries.is_empty() {
            return Ok(());
        }
        let at = self.clock.now();
        self.ledgers.transact(id, Settle { reservation, entries, at }).await?;
        leafcutter_crash_points::reach("settle");
        Ok(())
    }

    async fn round_of(&self, id: LedgerId, reservation: &Reservation) -> Result<Round, ApiError> {
        let round = self
            .batches
            .inspect(reservation.batch, |folded| {
                let state = &folded.state;
                match state.round(reservation.round) {
                    Some(round) if round.terms.period == id.period => {
                        let ended =
                            round.outcomes.iter().filter(|(item, _)| reservation.unsettled.contains(item));
                        Round::Begun(ended.map(|(item, outcome)| entry(*item, (*outcome).into())).collect())
                    }
                    Some(_) => Round::BegunElsewhere,
                    None if state.abandoned.contains(&reservation.round) => Round::Abandoned,
                    None => Round::Unknown,
                }
            })
            .await?;
        Ok(round)
    }
}

fn entry(item: ItemIndex, settlement: Settlement) -> SettlementEntry {
    SettlementEntry { item, settlement }
}

fn abandoned(reservation: &Reservation) -> Vec<SettlementEntry> {
    reservation
        .unsettled
        .iter()
        .map(|item| entry(*item, Settlement::Refund(RefundReason::Abandoned)))
        .collect()
}
