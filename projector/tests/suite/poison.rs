//! Events that cannot be applied, and a store that fails for a while.

use crate::support::{PATIENCE, World, began, rows};
use async_trait::async_trait;
use leafcutter_domain::{
    DomainEvent,
    batch::{Batch, BatchCancelled, BatchEvent},
    quarantine::{Quarantine, RetryStream, SkipEvent},
};
use leafcutter_event_store::{
    Aggregate, Appended, EventStore, Expected, NewEvent, OfReadModels, Position, Snapshot, StoreError,
    StoredEvent, StreamName, Streams, Subscription, SubscriptionPage,
};
use leafcutter_projector::{Projector, Settings, catch_up};
use leafcutter_read_models::Status;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Appends an event that no version can read at the end of the stream.
async fn append_poison(log: &dyn EventStore, stream: &StreamName) {
    let last = log.last(stream).await.unwrap().unwrap();
    let poison = NewEvent {
        id: Uuid::from_u128(99),
        name: "ItemStarted",
        data: b"{}".to_vec(),
        metadata: last.metadata.clone(),
    };
    log.append(stream, Expected::Revision(last.revision), vec![poison]).await.unwrap();
}

pub(crate) async fn an_event_that_cannot_be_read_stops_its_own_stream_only(world: World) {
    let projector = world.project();
    let bad = world.submit(7, 2).await;
    append_poison(world.log.as_ref(), &Batch::stream(bad)).await;
    let good = world.submit(8, 1).await;
    world.run(good, 0, 5, true).await;
    world.applied().await;
    let quarantined = world.models.quarantined().await.unwrap();
    assert_eq!(quarantined.len(), 1);
    assert_eq!((&quarantined[0].stream, quarantined[0].revision), (&Batch::stream(bad), 3));
    assert!(quarantined[0].reason.contains("cannot be read"), "{}", quarantined[0].reason);
    assert_eq!(world.models.batch(bad).await.unwrap().unwrap().header.revision, 2);
    assert_eq!(world.models.batch(good).await.unwrap(), world.folded(good).await);
    projector.shutdown().await;
}

pub(crate) async fn a_stream_in_quarantine_goes_on_when_a_later_start_can_read_it(world: World) {
    let batch = world.submit(7, 2).await;
    let projector = Projector::start(
        Arc::new(Garbled { log: world.log.clone(), revision: 2 }),
        world.models.clone(),
        Settings::default(),
    );
    world.run(batch, 0, 5, true).await;
    world.applied().await;
    projector.shutdown().await;
    assert_eq!(world.models.quarantined().await.unwrap().len(), 1);
    assert_eq!(world.models.batch(batch).await.unwrap().unwrap().header.revision, 1);
    let projector = world.project();
    let mut caught_up = projector.caught_up();
    tokio::time::timeout(PATIENCE, caught_up.wait_for(|is| *is)).await.unwrap().unwrap();
    assert_eq!(world.models.quarantined().await.unwrap(), []);
    assert_eq!(world.models.batch(batch).await.unwrap(), world.folded(batch).await);
    projector.shutdown().await;
}

/// Appends an event that no command of this state would give, at the end of the stream.
async fn append_raw(log: &dyn EventStore, stream: &StreamName, event: &BatchEvent) {
    let last = log.last(stream).await.unwrap().unwrap();
    let (id, metadata) = (Uuid::from_u128(100 + u128::from(last.revision)), last.metadata.clone());
    let event = NewEvent { id, name: event.name(), data: event.encode(), metadata };
    log.append(stream, Expected::Revision(last.revision), vec![event]).await.unwrap();
}

pub(crate) async fn a_stream_goes_on_without_an_event_that_an_operator_gives_up_and_so_does_every_rebuild(
    world: World,
) {
    let (projector, decisions) = (world.project(), Streams::<Quarantine>::new(world.log.clone()));
    let bad = world.submit(7, 2).await;
    let stream = Batch::stream(bad);
    append_poison(world.log.as_ref(), &stream).await;
    let cancelled = BatchCancelled { items: vec![0, 1], at: began() }.into();
    append_raw(world.log.as_ref(), &stream, &cancelled).await;
    let retry = RetryStream { stream: stream.to_string(), at: began() };
    decisions.transact(OfReadModels, retry).await.unwrap();
    world.applied().await;
    let held = world.models.quarantined().await.unwrap();
    assert_eq!((held.len(), held[0].revision), (1, 3), "trying again changes nothing about the event");
    let skip = |revision| {
        let (stream, reason) = (stream.to_string(), "a test".to_owned());
        SkipEvent { stream, revision, reason, at: began() }
    };
    // Of another event: nothing follows.
    decisions.transact(OfReadModels, skip(2)).await.unwrap();
    decisions.transact(OfReadModels, skip(3)).await.unwrap();
    world.applied().await;
    assert_eq!(world.models.quarantined().await.unwrap(), []);
    let header = world.models.batch(bad).await.unwrap().unwrap().header;
    assert_eq!((header.revision, header.status), (4, Status::Cancelled));
    projector.shutdown().await;
    let rebuilt = world.more_models().await;
    let stop = CancellationToken::new();
    assert!(catch_up(world.log.clone(), &rebuilt, |_| {}, &stop).await.unwrap());
    assert_eq!(rows(&rebuilt).await, rows(&world.models).await);
}

pub(crate) async fn a_store_that_fails_for_a_while_is_asked_again(world: World) {
    let failing = Failing { log: world.log.clone(), failures: Arc::new(AtomicUsize::new(2)) };
    let projector = Projector::start(Arc::new(failing), world.models.clone(), Settings::default());
    let batch = world.submit(7, 1).await;
    world.applied().await;
    assert_eq!(world.models.batch(batch).await.unwrap(), world.folded(batch).await);
    projector.shutdown().await;
}

/// A log whose event at `revision` of every stream comes through subscriptions as something unreadable.
struct Garbled {
    log: Arc<dyn EventStore>,
    revision: u64,
}

struct GarbledSubscription {
    inner: Box<dyn Subscription>,
    revision: u64,
}

#[async_trait]
impl Subscription for GarbledSubscription {
    async fn next(&mut self) -> Result<SubscriptionPage, StoreError> {
        let mut page = self.inner.next().await?;
        page.events.iter_mut().filter(|event| event.revision == self.revision).for_each(garble);
        Ok(page)
    }
}

fn garble(event: &mut StoredEvent) {
    event.name = "FromAnotherPlanet".to_owned();
}

/// A log whose subscriptions fail so many times in all.
struct Failing {
    log: Arc<dyn EventStore>,
    failures: Arc<AtomicUsize>,
}

struct FailingSubscription {
    inner: Box<dyn Subscription>,
    failures: Arc<AtomicUsize>,
}

#[async_trait]
impl Subscription for FailingSubscription {
    async fn next(&mut self) -> Result<SubscriptionPage, StoreError> {
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() {
            return Err(StoreError::Unavailable("not now".into()));
        }
        self.inner.next().await
    }
}

macro_rules! log_with_other_subscriptions {
    ($name:ident, |$self:ident, $inner:ident| $subscription:expr) => {
        #[async_trait]
        impl EventStore for $name {
            async fn append(
                &self,
                stream: &StreamName,
                expected: Expected,
                events: Vec<NewEvent>,
            ) -> Result<Appended, StoreError> {
                self.log.append(stream, expected, events).await
            }
            async fn read(&self, stream: &StreamName, from: u64, max: usize) -> Result<Vec<StoredEvent>, StoreError> {
                self.log.read(stream, from, max).await
            }
            async fn last(&self, stream: &StreamName) -> Result<Option<StoredEvent>, StoreError> {
                self.log.last(stream).await
            }
            async fn head(&self) -> Result<Position, StoreError> {
                self.log.head().await
            }
            fn subscribe(&$self, after: Position, category: Option<&'static str>) -> Box<dyn Subscription> {
                let $inner = $self.log.subscribe(after, category);
                Box::new($subscription)
            }
            async fn snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, StoreError> {
                self.log.snapshot(stream).await
            }
            async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), StoreError> {
                self.log.save_snapshot(stream, snapshot).await
            }
        }
    };
}

log_with_other_subscriptions!(Garbled, |self, inner| GarbledSubscription { inner, revision: self.revision });
log_with_other_subscriptions!(Failing, |self, inner| {
    FailingSubscription { inner, failures: Arc::clone(&self.failures) }
});
