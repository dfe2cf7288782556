//! What the cases share: the harness that an adapter provides, made-up events, and waiting with a deadline.
//! Not here: anything that knows one adapter.

use leafcutter_event_store::{
    Appended, EventStore, Expected, NewEvent, Position, StoreError, StoredEvent, StreamName, Subscription,
};
use std::{future::Future, sync::Arc, time::Duration};
use uuid::Uuid;

/// How long a case waits for anything.
const DEADLINE_MS: u64 = 20_000;

/// What an adapter provides to be tested.
pub(crate) trait Harness: Sized {
    /// A store without events.
    async fn fresh() -> Self;
    /// The store as it runs now.
    fn store(&self) -> Arc<dyn EventStore>;
    /// Stops the store and starts it again on what it kept.
    async fn restart(&mut self);
    /// Stops the store and removes what it kept.
    async fn stop(self);
}

/// What an append must expect to follow this many events.
pub(crate) fn after(events: usize) -> Expected {
    events.checked_sub(1).map_or(Expected::NoStream, |last| Expected::Revision(last as u64))
}

pub(crate) fn stream(name: &str) -> StreamName {
    StreamName::from(name.to_owned())
}

/// A new event that carries `number`.
pub(crate) fn event(number: usize) -> NewEvent {
    NewEvent {
        id: Uuid::new_v4(),
        name: "Numbered",
        data: format!("{{\"number\":{number}}}").into_bytes(),
        metadata: b"{}".to_vec(),
    }
}

/// New events that carry the numbers from 0.
pub(crate) fn events(count: usize) -> Vec<NewEvent> {
    (0..count).map(event).collect()
}

/// The number in an event of [`event`].
pub(crate) fn number(stored: &StoredEvent) -> u64 {
    let data: serde_json::Value = serde_json::from_slice(&stored.data).unwrap();
    data["number"].as_u64().unwrap()
}

/// Appends where it must succeed.
pub(crate) async fn kept(
    store: &dyn EventStore,
    name: &str,
    expected: Expected,
    new: &[NewEvent],
) -> Appended {
    store.append(&stream(name), expected, new.to_vec()).await.unwrap()
}

/// Asserts that an append conflicts.
pub(crate) async fn conflicts(store: &dyn EventStore, name: &str, expected: Expected, new: &[NewEvent]) {
    let answer = store.append(&stream(name), expected, new.to_vec()).await;
    assert!(matches!(answer, Err(StoreError::Conflict)), "{name} at {expected:?}: {answer:?}");
}

/// The whole stream.
pub(crate) async fn all(store: &dyn EventStore, name: &str) -> Vec<StoredEvent> {
    store.read(&stream(name), 0, usize::MAX).await.unwrap()
}

/// Asserts that a stream holds exactly these events, in this order.
pub(crate) async fn holds(store: &dyn EventStore, name: &str, new: &[NewEvent]) {
    let stored = all(store, name).await;
    let ids: Vec<_> = stored.iter().map(|event| (event.revision, event.id)).collect();
    let wanted: Vec<_> = (0..).zip(new.iter().map(|event| event.id)).collect();
    assert_eq!(ids, wanted, "{name}");
    assert!(stored.iter().zip(new).all(|(stored, new)| is_same(stored, new)), "{name}");
}

fn is_same(stored: &StoredEvent, new: &NewEvent) -> bool {
    stored.name == new.name && stored.data == new.data && stored.metadata == new.metadata
}

pub(crate) async fn within_deadline<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(Duration::from_millis(DEADLINE_MS), future).await;
    waited.unwrap_or_else(|_| panic!("{what}: not within {DEADLINE_MS} ms"))
}

/// Reads on until `count` events have come, and checks that `up_to` never goes back or past what is unseen.
pub(crate) async fn collect(subscription: &mut dyn Subscription, count: usize) -> Vec<StoredEvent> {
    let mut seen: Vec<StoredEvent> = Vec::new();
    let mut up_to = Position::START;
    while seen.len() < count {
        let page = within_deadline("the next page", subscription.next()).await.unwrap();
        assert!(page.events.iter().all(|event| event.position > up_to && event.position <= page.up_to));
        assert!(page.up_to > up_to, "a page always moves on");
        up_to = page.up_to;
        seen.extend(page.events);
    }
    assert!(seen.windows(2).all(|pair| pair[0].position < pair[1].position), "global order");
    seen
}
