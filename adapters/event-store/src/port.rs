//! What Leafcutter needs of an event store, whichever it is: atomic appends at an expected revision, reads of one
//! stream, one global order, and subscriptions that catch up and then go on live.

use async_trait::async_trait;
use leafcutter_domain::limits::APPEND_BYTES_MAX;
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// The name of a stream: a category and a key, `category-key`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(String);

impl StreamName {
    /// The stream of `key` in `category`.
    #[must_use]
    pub fn new(category: &str, key: impl fmt::Display) -> Self {
        Self(format!("{category}-{key}"))
    }

    /// The name as the store writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first dash.
    #[must_use]
    pub fn category(&self) -> &str {
        self.0.split_once('-').map_or(&self.0, |(category, _)| category)
    }

    /// The part after the first dash.
    #[must_use]
    pub fn key(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, key)| key)
    }
}

impl From<String> for StreamName {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place in the global order. Opaque: only its order and its text form mean anything to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    commit: u64,
    prepare: u64,
}

impl Position {
    /// Before every event.
    pub const START: Self = Self { commit: 0, prepare: 0 };

    /// How far on this is from `earlier`, in the store's own unit: events in SQLite, bytes of its log in EventStoreDB.
    /// For showing progress.
    #[must_use]
    pub fn distance_from(self, earlier: Self) -> u64 {
        self.commit.saturating_sub(earlier.commit)
    }

    pub(crate) fn single(value: u64) -> Self {
        Self { commit: value, prepare: value }
    }

    pub(crate) fn value(self) -> u64 {
        self.commit
    }

    pub(crate) fn pair(commit: u64, prepare: u64) -> Self {
        Self { commit, prepare }
    }

    /// Commit and prepare.
    pub(crate) fn parts(self) -> (u64, u64) {
        (self.commit, self.prepare)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.commit == self.prepare {
            write!(f, "{}", self.commit)
        } else {
            write!(f, "{}/{}", self.commit, self.prepare)
        }
    }
}

impl FromStr for Position {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((commit, prepare)) => Ok(Self { commit: commit.parse()?, prepare: prepare.parse()? }),
            None => text.parse().map(Self::single),
        }
    }
}

/// An event about to be appended.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Decided once and kept for every repeat of the append.
    pub id: Uuid,
    /// The stable name.
    pub name: &'static str,
    /// JSON, kept byte for byte.
    pub data: Vec<u8>,
    /// JSON, kept byte for byte.
    pub metadata: Vec<u8>,
}

/// An event as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the global order.
    pub position: Position,
    /// Its stream.
    pub stream: StreamName,
    /// Its place in the stream, from 0.
    pub revision: u64,
    /// Its id.
    pub id: Uuid,
    /// Its stable name.
    pub name: String,
    /// JSON, as it was written.
    pub data: Vec<u8>,
    /// JSON, as it was written.
    pub metadata: Vec<u8>,
}

/// What must be true of the stream for an append to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It has no events.
    NoStream,
    /// Its last event has this revision.
    Revision(u64),
}

/// What every store asks of an append before it looks at the stream: at least one event, and a size that any store
/// takes. Gives the size in bytes.
pub(crate) fn appendable(events: &[NewEvent]) -> Result<usize, StoreError> {
    if events.is_empty() {
        return Err(StoreError::Unavailable("an append needs at least one event".into()));
    }
    let bytes = events.iter().map(|event| event.data.len() + event.metadata.len()).sum();
    if bytes > APPEND_BYTES_MAX {
        return Err(StoreError::TooLarge { bytes, max: APPEND_BYTES_MAX });
    }
    Ok(bytes)
}

/// Where an append ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Revision of the last event.
    pub revision: u64,
    /// Position of the last event.
    pub position: Position,
}

/// A folded state, kept so that a long stream is not folded from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Revision of the last event in it.
    pub revision: u64,
    /// JSON of the folded stream; its form belongs to the writer.
    pub state: Vec<u8>,
}

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The stream is not where the append expected it. Nothing was kept.
    #[error("the stream has moved on")]
    Conflict,
    /// The append is larger than any store takes. Nothing was kept.
    #[error("an append of {bytes} bytes is larger than the {max} allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// The store does not answer or cannot write. Nothing was kept.
    #[error("the event store is not available: check its disk space, permissions and connection")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The append may or may not have been kept; the same append again finds out.
    #[error("it is not known whether the append was kept")]
    OutcomeUnknown(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Some events in global order, and how far the reader has come with them.
#[derive(Debug, Clone)]
pub struct SubscriptionPage {
    /// The events; may be empty when only `up_to` has moved.
    pub events: Vec<StoredEvent>,
    /// Everything up to here was looked at.
    pub up_to: Position,
}

/// Reads on from a position, first what is there, then what comes.
#[async_trait]
pub trait Subscription: Send {
    /// The next page; waits until there is something new.
    ///
    /// # Errors
    /// The store is not available; asking again goes on at the same place.
    async fn next(&mut self) -> Result<SubscriptionPage, StoreError>;
}

/// An event store.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// Appends all events, at least one, or none. The same ids at the same place again: the first answer again.
    ///
    /// # Errors
    /// See [`StoreError`].
    async fn append(
        &self,
        stream: &StreamName,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> Result<Appended, StoreError>;

    /// Up to `max` events of a stream from revision `from` on; none when the stream ends before or is missing.
    ///
    /// # Errors
    /// The store is not available.
    async fn read(&self, stream: &StreamName, from: u64, max: usize) -> Result<Vec<StoredEvent>, StoreError>;

    /// The last event of a stream.
    ///
    /// # Errors
    /// The store is not available.
    async fn last(&self, stream: &StreamName) -> Result<Option<StoredEvent>, StoreError>;

    /// The position of the newest event of all.
    ///
    /// # Errors
    /// The store is not available.
    async fn head(&self) -> Result<Position, StoreError>;

    /// Whether other processes append to this log too.
    fn is_shared(&self) -> bool {
        false
    }

    /// Events after `after`, of one category or of all.
    fn subscribe(&self, after: Position, category: Option<&'static str>) -> Box<dyn Subscription>;

    /// The snapshot of a stream.
    ///
    /// # Errors
    /// The store is not available.
    async fn snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, StoreError>;

    /// Replaces the snapshot of a stream.
    ///
    /// # Errors
    /// The store is not available.
    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), StoreError>;
}
