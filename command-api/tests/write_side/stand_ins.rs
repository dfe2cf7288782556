//! A place of cookies and a log that a test can take away and bring back.

use async_trait::async_trait;
use leafcutter_dispatch::Cookies;
use leafcutter_domain::{BatchId, Moment};
use leafcutter_event_store::{
    Appended, EventStore, Expected, NewEvent, Position, Snapshot, SqliteEventStore, StoreError, StoredEvent,
    StreamName, Subscription, SubscriptionPage,
};
use leafcutter_secrets::{InMemorySecrets, SecretName, Secrets, SecretsError};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::sync::oneshot;

/// Cookies in memory, while the place is not away.
#[derive(Default)]
pub(crate) struct Place {
    held: InMemorySecrets,
    pub(crate) away: AtomicBool,
    stop: Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>,
}

impl Place {
    /// The next cookies that are brought wait at the door. Gives what tells that they are there, and what lets them in.
    pub(crate) fn hold_up_the_next(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((arrive, arrived), (enter, entered)) = (oneshot::channel(), oneshot::channel());
        *self.stop.lock().unwrap() = Some((arrive, entered));
        (arrived, enter)
    }

    fn reach(&self) -> Result<&InMemorySecrets, SecretsError> {
        let away = self.away.load(Ordering::SeqCst);
        if away { Err(SecretsError::Unavailable("away".to_owned())) } else { Ok(&self.held) }
    }
}

#[async_trait]
impl Secrets for Place {
    async fn keep(&self, name: SecretName, cookies: Cookies) -> Result<(), SecretsError> {
        let stop = self.stop.lock().unwrap().take();
        if let Some((arrive, entered)) = stop {
            arrive.send(()).unwrap();
            entered.await.unwrap();
        }
        self.reach()?.keep(name, cookies).await
    }

    async fn find(&self, name: &SecretName) -> Result<Option<Cookies>, SecretsError> {
        self.reach()?.find(name).await
    }

    async fn forget_at(&self, batch: BatchId, end: Option<Moment>) -> Result<(), SecretsError> {
        self.reach()?.forget_at(batch, end).await
    }

    async fn forget(&self, name: &SecretName) {
        self.held.forget(name).await;
    }

    async fn erase_expired(&self, now: Moment) {
        self.held.erase_expired(now).await;
    }
}

/// The log, while it is not away. What subscribes to it may be cut off alone.
#[derive(Clone)]
pub(crate) struct Log {
    store: Arc<SqliteEventStore>,
    pub(crate) away: Arc<AtomicBool>,
    pub(crate) silent: Arc<AtomicBool>,
    /// Reads of streams so far.
    pub(crate) reads: Arc<AtomicUsize>,
}

impl Log {
    pub(crate) fn of(store: &Arc<SqliteEventStore>) -> Self {
        Self { store: Arc::clone(store), away: Arc::default(), silent: Arc::default(), reads: Arc::default() }
    }

    fn reach(&self) -> Result<&SqliteEventStore, StoreError> {
        let away = self.away.load(Ordering::SeqCst);
        if away { Err(StoreError::Unavailable("away".into())) } else { Ok(&self.store) }
    }
}

struct Heard {
    log: Log,
    inner: Box<dyn Subscription>,
}

#[async_trait]
impl Subscription for Heard {
    async fn next(&mut self) -> Result<SubscriptionPage, StoreError> {
        self.log.reach()?;
        if self.log.silent.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        self.inner.next().await
    }
}

#[async_trait]
impl EventStore for Log {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> Result<Appended, StoreError> {
        self.reach()?.append(stream, expected, events).await
    }

    async fn read(&self, stream: &StreamName, from: u64, max: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.reach()?.read(stream, from, max).await
    }

    async fn last(&self, stream: &StreamName) -> Result<Option<StoredEvent>, StoreError> {
        self.reach()?.last(stream).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.reach()?.head().await
    }

    fn subscribe(&self, after: Position, category: Option<&'static str>) -> Box<dyn Subscription> {
        Box::new(Heard { log: self.clone(), inner: self.store.subscribe(after, category) })
    }

    async fn snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, StoreError> {
        self.reach()?.snapshot(stream).await
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), StoreError> {
        self.reach()?.save_snapshot(stream, snapshot).await
    }
}

/// A log whose readers hear everything twice, then half of what was before, then all of it from the beginning again.
pub(crate) struct Stuttering(Log);

impl Stuttering {
    pub(crate) fn of(store: &Arc<SqliteEventStore>) -> Self {
        Self(Log::of(store))
    }
}

struct Repeating {
    inner: Box<dyn Subscription>,
    heard: Vec<StoredEvent>,
    pages: VecDeque<SubscriptionPage>,
}

#[async_trait]
impl Subscription for Repeating {
    async fn next(&mut self) -> Result<SubscriptionPage, StoreError> {
        if self.pages.is_empty() {
            let SubscriptionPage { events, up_to } = self.inner.next().await?;
            for event in events {
                self.heard.push(event.clone());
                let half = self.heard[..self.heard.len().div_ceil(2)].to_vec();
                for events in [vec![event.clone(), event], half, self.heard.clone()] {
                    let up_to = events.last().map_or(up_to, |last| last.position);
                    self.pages.push_back(SubscriptionPage { events, up_to });
                }
            }
            self.pages.push_back(SubscriptionPage { events: vec![], up_to });
        }
        Ok(self.pages.pop_front().unwrap())
    }
}

#[async_trait]
impl EventStore for Stuttering {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> Result<Appended, StoreError> {
        self.0.append(stream, expected, events).await
    }

    async fn read(&self, stream: &StreamName, from: u64, max: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.0.read(stream, from, max).await
    }

    async fn last(&self, stream: &StreamName) -> Result<Option<StoredEvent>, StoreError> {
        self.0.last(stream).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.0.head().await
    }

    fn subscribe(&self, after: Position, category: Option<&'static str>) -> Box<dyn Subscription> {
        let inner = self.0.subscribe(after, category);
        Box::new(Repeating { inner, heard: vec![], pages: VecDeque::new() })
    }

    async fn snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, StoreError> {
        self.0.snapshot(stream).await
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), StoreError> {
        self.0.save_snapshot(stream, snapshot).await
    }
}
