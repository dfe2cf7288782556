//! A part of a store that others use at the same time: names carry a mark of their own, subscriptions begin where
//! the part begins and leave out what has another mark. So the contract can be held against a server that is not
//! empty. Not here: cases.

use async_trait::async_trait;
use leafcutter_event_store::{
    Appended, EventStore, Expected, NewEvent, Position, Snapshot, StoreError, StoredEvent, StreamName,
    Subscription, SubscriptionPage,
};
use std::sync::Arc;

pub(crate) struct Scoped<S> {
    pub(crate) store: Arc<S>,
    /// Stands behind the category of each stream.
    pub(crate) mark: String,
    /// Where the log ended when this part began.
    pub(crate) begin: Position,
}

impl<S> Scoped<S> {
    fn outside(&self, stream: &StreamName) -> StreamName {
        StreamName::new(stream.category(), format!("{}-{}", self.mark, stream.key()))
    }
}

/// The event under its name inside the part, unless it belongs to another.
fn inside(mark: &str, event: StoredEvent) -> Option<StoredEvent> {
    let key = event.stream.key().strip_prefix(mark)?.strip_prefix('-')?;
    let stream = StreamName::new(event.stream.category(), key);
    Some(StoredEvent { stream, ..event })
}

struct Inside {
    subscription: Box<dyn Subscription>,
    mark: String,
}

#[async_trait]
impl Subscription for Inside {
    async fn next(&mut self) -> Result<SubscriptionPage, StoreError> {
        let SubscriptionPage { events, up_to } = self.subscription.next().await?;
        let events = events.into_iter().filter_map(|event| inside(&self.mark, event)).collect();
        Ok(SubscriptionPage { events, up_to })
    }
}

#[async_trait]
impl<S: EventStore> EventStore for Scoped<S> {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> Result<Appended, StoreError> {
        self.store.append(&self.outside(stream), expected, events).await
    }

    async fn read(&self, stream: &StreamName, from: u64, max: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let events = self.store.read(&self.outside(stream), from, max).await?;
        Ok(events.into_iter().filter_map(|event| inside(&self.mark, event)).collect())
    }

    async fn last(&self, stream: &StreamName) -> Result<Option<StoredEvent>, StoreError> {
        let last = self.store.last(&self.outside(stream)).await?;
        Ok(last.and_then(|event| inside(&self.mark, event)))
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.store.head().await
    }

    fn subscribe(&self, after: Position, category: Option<&'static str>) -> Box<dyn Subscription> {
        let subscription = self.store.subscribe(after.max(self.begin), category);
        Box::new(Inside { subscription, mark: self.mark.clone() })
    }

    async fn snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, StoreError> {
        self.store.snapshot(&self.outside(stream)).await
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), StoreError> {
        self.store.save_snapshot(&self.outside(stream), snapshot).await
    }
}
