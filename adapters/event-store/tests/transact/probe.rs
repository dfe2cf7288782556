//! A store between `Streams` and SQLite that counts, can hold appends up, and can fail as a network does.
//! Not here: expectations.

use async_trait::async_trait;
use leafcutter_event_store::{
    Aggregate, Appended, EventStore, Expected, NewEvent, Position, Snapshot, SqliteEventStore, StoreError,
    StoredEvent, StreamName, Streams, Subscription,
};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use tempfile::TempDir;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, watch};
use uuid::Uuid;

/// How an append, or the saving of a snapshot, goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is kept, but the answer is lost.
    KeptUnknown,
    /// It is lost, and so is the answer.
    LostUnknown,
    /// The store is down.
    Down,
    /// Somebody else was faster, or so the store says.
    Conflict,
}

/// The probe; dropping it removes the log.
pub(crate) struct Probe {
    pub(crate) inner: Arc<SqliteEventStore>,
    /// Ids of each append that was asked for, also of those that failed.
    pub(crate) asked: watch::Sender<Vec<Vec<Uuid>>>,
    /// Faults of the next appends, in order.
    pub(crate) faults: Mutex<VecDeque<Fault>>,
    /// Whether snapshots can be saved.
    pub(crate) snapshot_fault: Mutex<Option<Fault>>,
    pub(crate) events_read: AtomicUsize,
    pub(crate) largest_append_bytes: AtomicUsize,
    gate: Arc<RwLock<()>>,
    _folder: TempDir,
}

fn failure(fault: Fault) -> StoreError {
    match fault {
        Fault::KeptUnknown | Fault::LostUnknown => StoreError::OutcomeUnknown("the line is dead".into()),
        Fault::Down => StoreError::Unavailable("the store is down".into()),
        Fault::Conflict => StoreError::Conflict,
    }
}

impl Probe {
    pub(crate) async fn start() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let inner = SqliteEventStore::open(&folder.path().join("log.sqlite")).await.unwrap();
        Arc::new(Self {
            inner: Arc::new(inner),
            asked: watch::Sender::default(),
            faults: Mutex::default(),
            snapshot_fault: Mutex::default(),
            events_read: AtomicUsize::new(0),
            largest_append_bytes: AtomicUsize::new(0),
            gate: Arc::default(),
            _folder: folder,
        })
    }

    /// The streams of one replica, through the probe.
    pub(crate) fn replica<A: Aggregate>(self: &Arc<Self>) -> Arc<Streams<A>> {
        Arc::new(Streams::new(Arc::clone(self) as Arc<dyn EventStore>))
    }

    /// The streams of a replica that the probe does not see.
    pub(crate) fn rival<A: Aggregate>(&self) -> Streams<A> {
        Streams::new(Arc::clone(&self.inner) as Arc<dyn EventStore>)
    }

    pub(crate) fn fail_next(&self, faults: &[Fault]) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// Holds every append up until the guard is dropped.
    pub(crate) async fn hold_up(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.gate).write_owned().await
    }

    /// Waits until this many appends have been asked for.
    pub(crate) async fn until_asked(&self, appends: usize) {
        let mut asked = self.asked.subscribe();
        asked.wait_for(|asked| asked.len() >= appends).await.unwrap();
    }

    pub(crate) fn appends(&self) -> usize {
        self.asked.borrow().len()
    }

    pub(crate) async fn log(&self, stream: &StreamName) -> Vec<StoredEvent> {
        self.inner.read(stream, 0, usize::MAX).await.unwrap()
    }
}

#[async_trait]
impl EventStore for Probe {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> Result<Appended, StoreError> {
        let bytes = events.iter().map(|event| event.data.len() + event.metadata.len()).sum();
        self.largest_append_bytes.fetch_max(bytes, SeqCst);
        let ids = events.iter().map(|event| event.id).collect();
        self.asked.send_modify(|asked| asked.push(ids));
        let _open = self.gate.read().await;
        let fault = self.faults.lock().unwrap().pop_front();
        match fault {
            None => self.inner.append(stream, expected, events).await,
            Some(Fault::KeptUnknown) => {
                self.inner.append(stream, expected, events).await?;
                Err(failure(Fault::KeptUnknown))
            }
            Some(fault) => Err(failure(fault)),
        }
    }

    async fn read(&self, stream: &StreamName, from: u64, max: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let read = self.inner.read(stream, from, max).await?;
        self.events_read.fetch_add(read.len(), SeqCst);
        Ok(read)
    }

    async fn last(&self, stream: &StreamName) -> Result<Option<StoredEvent>, StoreError> {
        self.inner.last(stream).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.inner.head().await
    }

    /// The replicas of one test stand for processes.
    fn is_shared(&self) -> bool {
        true
    }

    fn subscribe(&self, after: Position, category: Option<&'static str>) -> Box<dyn Subscription> {
        self.inner.subscribe(after, category)
    }

    async fn snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, StoreError> {
        self.inner.snapshot(stream).await
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), StoreError> {
        let fault = *self.snapshot_fault.lock().unwrap();
        match fault {
            None => self.inner.save_snapshot(stream, snapshot).await,
            Some(fault) => Err(failure(fault)),
        }
    }
}
