//! What becomes of results in the end: has those erased that are older than the operator keeps any, and deletes the
//! objects of all that the log says are erased. The log always comes first, so after a crash the rest is done.

use super::{
    act::{Actor, said},
    memory::Memory,
    open::Key,
};
use crate::object_keys::{attempt_of, batch_folder};
use futures::{StreamExt, stream};
use leafcutter_domain::{
    BatchId, ItemIndex, Moment,
    batch::{BatchRejection, EraseReason, EraseResults},
    limits::CLOCK_SKEW_MS_MAX,
};
use leafcutter_event_store::{Metadata, Position, SubscriptionPage, TransactError};
use leafcutter_wire::ApiError;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, timeout};

/// Batches that are worked on at a time.
const AT_A_TIME: usize = 16;
/// How long old results are looked for in one go; then the reactions have their turn.
const AGING_MS_MAX: u64 = 250;
/// Pause after old results that could not be erased.
const AGING_PAUSE_MS: i64 = 30_000;
/// How long the objects of one batch may take to delete, so that an absent store does not hold up everything else.
const DELETE_MS_MAX: u64 = 5_000;
/// Pause after objects that could not be deleted.
const DELETE_PAUSE_MS: u64 = 30_000;
/// How long the log may take to give a page that is known to be there.
const PAGE_MS_MAX: u64 = 5_000;

impl Memory {
    /// The results of the batch were erased: so will their objects be.
    pub(super) fn mind_objects(&mut self, batch: BatchId) {
        self.erasures.insert(batch);
        self.changed.insert(Key::Erasure(batch));
    }

    fn objects_are_gone(&mut self, batch: BatchId) {
        self.erasures.remove(&batch);
        self.changed.insert(Key::Erasure(batch));
    }

    fn aged(&mut self, up_to: Position) {
        self.aged_to = up_to;
        self.changed.insert(Key::Aged);
    }
}

/// When something that could not be done is tried again.
#[derive(Default)]
pub(super) struct Waits {
    /// Until then no objects are deleted.
    deleting: Option<Instant>,
    /// Before then nothing more is old enough.
    aging: Option<Moment>,
}

impl Actor {
    pub(super) async fn delete_objects(&mut self, memory: &mut Memory) {
        if memory.erasures.is_empty() || self.waits.deleting.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.waits.deleting = None;
        leafcutter_crash_points::reach("erase");
        let due: Vec<BatchId> = memory.erasures.iter().copied().take(AT_A_TIME).collect();
        let actor: &Self = self;
        let deleted: Vec<(BatchId, bool)> = stream::iter(due)
            .map(|batch| async move { (batch, actor.delete_objects_of(batch).await) })
            .buffer_unordered(AT_A_TIME)
            .collect()
            .await;
        for (batch, is_done) in deleted {
            if is_done {
                memory.objects_are_gone(batch);
            } else {
                self.waits.deleting = Some(Instant::now() + Duration::from_millis(DELETE_PAUSE_MS));
            }
        }
    }

    /// Deletes what the erased attempts have stored, named by an event or not; what came later stays.
    async fn delete_objects_of(&self, batch: BatchId) -> bool {
        let erased = self.commands.batches.inspect(batch, |folded| {
            let state = &folded.state;
            let attempts: Vec<u32> = state.items.iter().map(|item| item.erased_attempt).collect();
            state.submission.as_ref().map(|submission| (submission.account, attempts))
        });
        let (account, attempts) = match erased.await {
            Ok(Some(erased)) => erased,
            Ok(None) => return true,
            Err(error) => {
                tracing::warn!(%error, %batch, "erased results wait to be deleted");
                return false;
            }
        };
        let folder = batch_folder(account, batch);
        let last_erased = |item: ItemIndex| attempts.get(usize::from(item)).copied().unwrap_or(0);
        let is_erased =
            |key: &str| attempt_of(&folder, key).is_some_and(|(item, attempt)| attempt <= last_erased(item));
        let limit = Duration::from_millis(DELETE_MS_MAX);
        match timeout(limit, self.commands.objects.delete(&folder, is_erased)).await {
            Ok(Ok(count)) => {
                tracing::debug!(%batch, count, "erased results are deleted");
                true
            }
            Ok(Err(error)) => {
                let source = std::error::Error::source(&error);
                tracing::warn!(%error, ?source, %batch, "erased results wait to be deleted");
                false
            }
            Err(_) => {
                tracing::warn!(%batch, "erased results wait to be deleted: the object store takes too long");
                false
            }
        }
    }

    /// Has results erased that have become too old. Walks behind the reactions, up to the first event that is young.
    pub(super) async fn erase_aged(&mut self, memory: &mut Memory, read_to: Position, now: Moment) {
        let Some(age_ms) = self.settings.result_age_ms else { return };
        if self.waits.aging.is_some_and(|due| now < due) {
            return;
        }
        self.waits.aging = None;
        let until = now.plus_millis(-age_ms);
        let turn_ends = Instant::now() + Duration::from_millis(AGING_MS_MAX);
        while memory.aged_to < read_to && Instant::now() < turn_ends {
            let mut log = self.store.subscribe(memory.aged_to, None);
            let page = match timeout(Duration::from_millis(PAGE_MS_MAX), log.next()).await {
                Ok(Ok(page)) => page,
                Ok(Err(error)) => {
                    return tracing::warn!(%error, "the log is not searched for old results now");
                }
                Err(_) => return,
            };
            let old = Old::of(&page, memory.aged_to, until, now);
            if !self.erase_old(&old, until, now).await {
                self.waits.aging = Some(now.plus_millis(AGING_PAUSE_MS));
                return;
            }
            memory.aged(old.up_to);
            if let Some(young) = old.ends_before {
                self.waits.aging = Some(young.plus_millis(age_ms));
                return;
            }
        }
    }

    /// Whether every batch was asked. One with open items has later events, at which it is asked again; one that cannot
    /// be read holds up none of the others.
    async fn erase_old(&self, old: &Old, until: Moment, now: Moment) -> bool {
        let command = EraseResults { reason: EraseReason::Age, until: Some(until), at: now };
        let asked = stream::iter(old.batches.iter().copied().collect::<Vec<_>>()).map(|batch| {
            let command = command.clone();
            async move {
                match self.commands.batches.transact(batch, command).await {
                    Err(TransactError::Rejected(BatchRejection::NotFinished | BatchRejection::Unknown)) => {
                        true
                    }
                    Err(TransactError::StoredForm(error)) => {
                        tracing::error!(%error, %batch, "old results are not erased: the batch cannot be read");
                        true
                    }
                    answer => !said(answer.map_err(ApiError::from), "old results wait to be erased"),
                }
            }
        });
        asked.buffer_unordered(AT_A_TIME).all(|done| async move { done }).await
    }
}

/// What a page of the log says of old results.
#[derive(Debug, PartialEq, Eq)]
struct Old {
    /// Batches to which something has happened so long ago.
    batches: BTreeSet<BatchId>,
    /// How far that is.
    up_to: Position,
    /// The time of the first event that is younger, if there is one.
    ends_before: Option<Moment>,
}

impl Old {
    fn of(page: &SubscriptionPage, from: Position, until: Moment, now: Moment) -> Self {
        let mut old = Self { batches: BTreeSet::new(), up_to: from, ends_before: None };
        for event in &page.events {
            let batch = (event.stream.category() == "batch").then(|| event.stream.key().parse().ok());
            let metadata: Option<Metadata> = serde_json::from_slice(&event.metadata).ok();
            if let (Some(Some(batch)), Some(metadata)) = (batch, metadata) {
                let at = metadata.occurred_at;
                // The time of a clock that was wrong: waiting for it could take for ever.
                let is_wrong = at > now.plus_millis(CLOCK_SKEW_MS_MAX);
                if is_wrong {
                    tracing::warn!(%batch, %at, "results of a time to come are found by no age: erase them yourself");
                } else if at > until {
                    old.ends_before = Some(at);
                    return old;
                }
                old.batches.insert(batch);
            }
            old.up_to = event.position;
        }
        old.up_to = page.up_to;
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leafcutter_event_store::StoredEvent;
    use uuid::Uuid;

    fn event(position: u64, stream: &str, at: i64) -> StoredEvent {
        let occurred_at = Moment::from_millis(at);
        let metadata = Metadata { version: 2, occurred_at, prev: None, hash: None };
        StoredEvent {
            position: position.to_string().parse().unwrap(),
            stream: stream.to_owned().into(),
            revision: 0,
            id: Uuid::nil(),
            name: "Anything".to_owned(),
            data: vec![],
            metadata: serde_json::to_vec(&metadata).unwrap(),
        }
    }

    fn batch(number: u128) -> String {
        format!("batch-{}", Uuid::from_u128(number))
    }

    /// At time 1,000 what is of time 500 or before is old.
    fn old(events: Vec<StoredEvent>) -> (Vec<u128>, String, Option<i64>) {
        let page = SubscriptionPage { events, up_to: "9".parse().unwrap() };
        let old = Old::of(&page, Position::START, Moment::from_millis(500), Moment::from_millis(1_000));
        let batches = old.batches.iter().map(|batch| batch.0.as_u128()).collect();
        (batches, old.up_to.to_string(), old.ends_before.map(Moment::millis))
    }

    #[test]
    fn the_walk_ends_before_the_first_young_event_of_a_batch() {
        let events = vec![
            event(1, &batch(1), 400),
            event(2, "ledger-1", 900),
            event(3, &batch(2), 500),
            event(4, &batch(3), 501),
            event(5, &batch(4), 300),
        ];
        assert_eq!(old(events), (vec![1, 2], "3".to_owned(), Some(501)));
        assert_eq!(old(vec![event(7, &batch(1), 400)]), (vec![1], "9".to_owned(), None));
        assert_eq!(old(vec![event(1, &batch(1), 600)]), (vec![], "0".to_owned(), Some(600)));
    }

    #[test]
    fn an_event_of_a_clock_that_goes_ahead_is_young() {
        let latest = 1_000 + CLOCK_SKEW_MS_MAX;
        let events = vec![event(1, &batch(1), 100), event(2, &batch(2), latest)];
        assert_eq!(old(events), (vec![1], "1".to_owned(), Some(latest)));
    }

    #[test]
    fn an_event_of_a_time_that_no_clock_can_show_holds_nothing_up() {
        let events = vec![event(1, &batch(1), 1_001 + CLOCK_SKEW_MS_MAX), event(2, &batch(2), 100)];
        assert_eq!(old(events), (vec![1, 2], "9".to_owned(), None));
    }
}
