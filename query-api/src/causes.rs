//! Why a batch's credits moved: which events of the batch an entry of the ledger answers. A ledger names the batch,
//! the round, the item and the attempt, never an event, so they are looked up in the batch's stream when they are
//! asked for. Pure but for that one read.

use crate::QueryState;
use futures::{StreamExt, TryStreamExt, stream};
use leafcutter_domain::{
    BatchId, ItemIndex, Period, ReservationId,
    batch::{Batch, BatchEvent, RoundTerms},
    ledger::RefundReason,
};
use leafcutter_event_store::{Aggregate, StoredEvent, decode};
use leafcutter_read_models::{EntryKind, LedgerEntry, Reason};
use leafcutter_wire::ApiError;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use utoipa::ToSchema;
use uuid::Uuid;

/// Batches whose streams are read at a time for one answer.
const BATCHES_AT_ONCE: usize = 8;

/// An event of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CauseEvent {
    pub(crate) id: Uuid,
    /// Its place in the log: opaque, the same for ever.
    pub(crate) position: String,
    r#type: String,
    /// Its place in the batch's history, from 0.
    revision: u64,
    /// The item that it is about, if it is about one.
    #[schema(required)]
    item: Option<u16>,
}

/// What the batches of some entries tell.
pub(crate) struct Causes(HashMap<BatchId, Facts>);

impl Causes {
    /// Reads the batches of these entries, each once, as their streams have them now.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(crate) async fn of(
        state: &QueryState,
        entries: impl Iterator<Item = &LedgerEntry>,
    ) -> Result<Self, ApiError> {
        let batches: BTreeSet<BatchId> = entries.filter_map(|entry| entry.batch).collect();
        let read = stream::iter(batches)
            .map(|batch| async move { Ok::<_, ApiError>((batch, Facts::of(state, batch).await?)) });
        Ok(Self(read.buffer_unordered(BATCHES_AT_ONCE).try_collect().await?))
    }

    /// The events that an entry answers.
    pub(crate) fn events(&self, entry: &LedgerEntry) -> Vec<CauseEvent> {
        let facts = entry.batch.and_then(|batch| self.0.get(&batch));
        facts.map_or_else(Vec::new, |facts| facts.causes(entry))
    }
}

/// A fact of a batch that can move credits.
#[derive(Debug)]
enum Fact {
    Begun { reservation: ReservationId, period: Period },
    Ended { item: ItemIndex, reservation: ReservationId, attempt: u32 },
    Cancelled,
    Abandoned { reservation: ReservationId },
    Broken,
}

/// The facts of a batch that can move credits, in order.
#[derive(Debug, Default)]
struct Facts(Vec<(Fact, CauseEvent)>);

impl Facts {
    /// The facts of a batch, as its stream has them now.
    async fn of(state: &QueryState, batch: BatchId) -> Result<Self, ApiError> {
        let (mut facts, mut pages) = (Vec::new(), state.pages(Batch::stream(batch), 0));
        while let Some(page) = pages.next().await? {
            facts.extend(page.into_iter().filter_map(|stored| fact_of(batch, stored)));
        }
        Ok(Self(facts))
    }

    fn causes(&self, entry: &LedgerEntry) -> Vec<CauseEvent> {
        let found = self.0.iter().filter(|(fact, _)| is_cause(fact, entry));
        found.map(|(_, event)| event.clone()).collect()
    }
}

fn is_cause(fact: &Fact, entry: &LedgerEntry) -> bool {
    let ours = |reservation: &ReservationId| entry.reservation == Some(*reservation);
    match (entry.kind, fact) {
        (EntryKind::Reserved, Fact::Begun { reservation, period }) => {
            ours(reservation) && *period == entry.period
        }
        (EntryKind::Charged, Fact::Ended { item, reservation, attempt }) => {
            ours(reservation) && entry.items.contains(item) && entry.attempt == Some(*attempt)
        }
        (EntryKind::Refunded, fact) => match (entry.reason, fact) {
            (Some(Reason::Refund(RefundReason::Failed)), Fact::Ended { item, reservation, .. }) => {
                ours(reservation) && entry.items.contains(item)
            }
            (Some(Reason::Refund(RefundReason::Cancelled)), Fact::Cancelled) => true,
            (Some(Reason::Refund(RefundReason::Abandoned)), Fact::Broken) => true,
            (Some(Reason::Refund(RefundReason::Abandoned)), Fact::Abandoned { reservation }) => {
                ours(reservation)
            }
            // The batch began this round with a reservation of another month, so this one was left over.
            (Some(Reason::Refund(RefundReason::Abandoned)), Fact::Begun { reservation, period }) => {
                ours(reservation) && *period != entry.period
            }
            _ => false,
        },
        _ => false,
    }
}

/// An event that cannot be read leaves the entries that it caused without a cause: the statement itself is right.
fn fact_of(batch: BatchId, stored: StoredEvent) -> Option<(Fact, CauseEvent)> {
    let event = match decode::<BatchEvent>(&stored) {
        Ok((event, _)) => event,
        Err(error) => {
            tracing::warn!(%error, "an event cannot be read, so the entries that it caused have no cause");
            return None;
        }
    };
    let begun = |terms: RoundTerms| Fact::Begun { reservation: terms.reservation, period: terms.period };
    let ended = |item, round, attempt| {
        let reservation = ReservationId::of(batch, round);
        Fact::Ended { item, reservation, attempt }
    };
    let fact = match event {
        BatchEvent::BatchSubmitted(submitted) => begun(submitted.terms),
        BatchEvent::RetryRequested(requested) => begun(requested.terms),
        BatchEvent::ItemCompleted(event) => ended(event.item, event.round, event.attempt),
        BatchEvent::ItemFailed(event) => ended(event.item, event.round, event.attempt),
        BatchEvent::BatchCancelled(_) => Fact::Cancelled,
        BatchEvent::BatchFailed(_) => Fact::Broken,
        BatchEvent::SubmissionAbandoned(abandoned) => {
            Fact::Abandoned { reservation: ReservationId::of(batch, abandoned.round) }
        }
        BatchEvent::ItemQueued(_)
        | BatchEvent::ItemStarted(_)
        | BatchEvent::ItemRequeued(_)
        | BatchEvent::BatchCompleted(_)
        | BatchEvent::ResultsErased(_) => return None,
    };
    let item = if let Fact::Ended { item, .. } = fact { Some(item) } else { None };
    let StoredEvent { id, position, revision, name, .. } = stored;
    Some((fact, CauseEvent { id, position: position.to_string(), r#type: name, revision, item }))
}
