//! The audit trail of a batch: each event of its stream as its owner may read it. What proves a claim to the desk
//! (lease, claim) and what recognises a repeated request (fingerprints) is not told. Pure.

use leafcutter_domain::{
    DomainEvent, ItemIndex, Moment, ProxyPlace, Usage, WorkerId,
    batch::{BatchEvent, BatchFailure, EraseReason, ItemRequeued, RequeueCause, RoundTerms},
};
use leafcutter_event_store::StoredEvent;
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// An event of a batch. What does not apply is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchHistoryEvent {
    /// Its place in the batch's history, from 0.
    pub(crate) revision: u64,
    /// Its place in the log: opaque, the same for ever.
    pub(crate) position: String,
    pub(crate) id: Uuid,
    pub(crate) r#type: String,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Moment,
    /// The items that it is about.
    pub(crate) items: Vec<u16>,
    /// The page of a queued item.
    #[schema(required)]
    pub(crate) url: Option<String>,
    /// 1 for the submit, higher for retries.
    #[schema(required)]
    pub(crate) round: Option<u32>,
    /// Which start of the item; 0 when it ended without one.
    #[schema(required)]
    pub(crate) attempt: Option<u32>,
    /// The life of the worker process that ran the attempt.
    #[schema(required)]
    pub(crate) worker: Option<Uuid>,
    /// Where the proxy of the attempt was asked to stand: a country, `eu` or `global`; null when it went without one.
    #[schema(required)]
    pub(crate) proxy_country: Option<String>,
    /// How long the attempt took, in milliseconds: as its worker measured it, else since its start.
    #[schema(required)]
    pub(crate) duration_ms: Option<u64>,
    /// The page's own status.
    #[schema(required)]
    pub(crate) http_status: Option<u16>,
    /// Why an attempt failed: an error code.
    #[schema(required)]
    pub(crate) code: Option<String>,
    /// Why it happened, for a reader: of a failure its message; of an item that waits again `attemptFailed`, `workerLost`
    /// or `putBack` (the service stopped); of a broken batch `reservationMissing`; of erased results `operator` or `age`.
    #[schema(required)]
    pub(crate) reason: Option<String>,
    /// Credits: set aside for the round, or what the attempt costs.
    #[schema(required)]
    pub(crate) credits: Option<u64>,
    /// Tokens of a language model that the attempt used.
    #[schema(required)]
    pub(crate) tokens: Option<u64>,
    /// CAPTCHAs that were solved in the attempt.
    #[schema(required)]
    pub(crate) captchas: Option<u32>,
}

/// Reads a batch's events one after another, and remembers who runs what.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    proxy: Option<ProxyPlace>,
    /// The last start of each item.
    starts: HashMap<ItemIndex, (WorkerId, Moment)>,
}

impl Trail {
    /// The next event of the stream.
    pub(crate) fn tell(&mut self, stored: &StoredEvent, event: &BatchEvent) -> BatchHistoryEvent {
        let mut told = BatchHistoryEvent {
            revision: stored.revision,
            position: stored.position.to_string(),
            id: stored.id,
            r#type: stored.name.clone(),
            at: event.at(),
            items: vec![],
            url: None,
            round: None,
            attempt: None,
            worker: None,
            proxy_country: None,
            duration_ms: None,
            http_status: None,
            code: None,
            reason: None,
            credits: None,
            tokens: None,
            captchas: None,
        };
        self.fill(&mut told, event);
        told
    }

    fn fill(&mut self, told: &mut BatchHistoryEvent, event: &BatchEvent) {
        match event {
            BatchEvent::BatchSubmitted(submitted) => {
                self.proxy = submitted.options.proxy;
                begin(told, submitted.terms, u64::from(submitted.total));
            }
            BatchEvent::ItemQueued(queued) => {
                told.items = vec![queued.item];
                told.url = Some(queued.url.clone());
            }
            BatchEvent::ItemStarted(started) => {
                self.starts.insert(started.item, (started.worker, started.at));
                self.attempt(told, started.item, started.round, started.attempt);
            }
            BatchEvent::ItemCompleted(completed) => {
                self.attempt(told, completed.item, completed.round, completed.attempt);
                self.end(told, completed.item, &completed.usage, completed.credits);
                told.http_status = Some(completed.http_status);
            }
            BatchEvent::ItemFailed(failed) => {
                self.attempt(told, failed.item, failed.round, failed.attempt);
                self.end(told, failed.item, &failed.usage, failed.credits);
                told.http_status = failed.http_status;
                told.code = Some(failed.code.as_str().to_owned());
                told.reason = Some(failed.message.clone());
            }
            BatchEvent::ItemRequeued(requeued) => self.requeue(told, requeued),
            BatchEvent::RetryRequested(requested) => {
                told.items.clone_from(&requested.items);
                begin(told, requested.terms, requested.items.len() as u64);
            }
            BatchEvent::BatchCancelled(cancelled) => told.items.clone_from(&cancelled.items),
            BatchEvent::BatchCompleted(_) => {}
            BatchEvent::BatchFailed(failed) => {
                let BatchFailure::ReservationMissing = failed.cause;
                told.reason = Some("reservationMissing".to_owned());
            }
            BatchEvent::SubmissionAbandoned(abandoned) => told.round = Some(abandoned.round),
            BatchEvent::ResultsErased(erased) => {
                let reason = match erased.reason {
                    EraseReason::Operator => "operator",
                    EraseReason::Age => "age",
                };
                told.reason = Some(reason.to_owned());
            }
        }
    }

    fn requeue(&self, told: &mut BatchHistoryEvent, requeued: &ItemRequeued) {
        self.attempt(told, requeued.item, requeued.round, requeued.attempt);
        told.duration_ms = self.since_start(requeued.item, requeued.at);
        let reason = match requeued.cause {
            RequeueCause::AttemptFailed(code) => {
                told.code = Some(code.as_str().to_owned());
                "attemptFailed"
            }
            RequeueCause::WorkerLost => "workerLost",
            RequeueCause::PutBack => "putBack",
        };
        told.reason = Some(reason.to_owned());
    }

    /// Which attempt the event is about, who made it and from where; an item that never started had none.
    fn attempt(&self, told: &mut BatchHistoryEvent, item: ItemIndex, round: u32, attempt: u32) {
        (told.items, told.round, told.attempt) = (vec![item], Some(round), Some(attempt));
        if attempt > 0 {
            told.worker = self.starts.get(&item).map(|(worker, _)| worker.0);
            told.proxy_country = self.proxy.map(|place| place.to_string());
        }
    }

    fn end(&self, told: &mut BatchHistoryEvent, item: ItemIndex, usage: &Usage, credits: u64) {
        told.credits = Some(credits);
        if told.attempt > Some(0) {
            // A lost worker measured nothing.
            let measured = Some(usage.duration_ms).filter(|measured| *measured > 0);
            told.duration_ms = measured.or_else(|| self.since_start(item, told.at));
            (told.tokens, told.captchas) = (Some(usage.tokens()), Some(usage.captchas));
        }
    }

    fn since_start(&self, item: ItemIndex, at: Moment) -> Option<u64> {
        self.starts.get(&item).map(|(_, started)| at.millis_since(*started))
    }
}

fn begin(told: &mut BatchHistoryEvent, terms: RoundTerms, items: u64) {
    told.round = Some(terms.round);
    told.credits = Some(terms.per_item.saturating_mul(items));
}
