//! The distributed event store: EventStoreDB, or KurrentDB as it is called now, through a thin client of our own
//! (docs/adr/0010-eventstoredb-client.md). Not here: the protocol (`eventstoredb-protocol`), rules, other stores.

mod append;
mod connection_string;
mod discover;
mod events;
mod failure;
mod link;
mod read;
mod snapshots;
mod subscription;

pub use connection_string::ConnectionStringError;

use crate::{
    Aggregate, Appended, EventStore, Expected, NewEvent, Position, Snapshot, StoreError, StoredEvent,
    StreamName, Subscription, port::appendable,
};
use append::{Append, Outcome};
use async_trait::async_trait;
use connection_string::Settings;
use failure::Failure;
use leafcutter_domain::{
    account::Account, batch::Batch, ledger::Ledger, price_lists::PriceLists, quarantine::Quarantine,
};
use link::Link;
use std::sync::Arc;

/// Events that are asked for in one call.
const READ_EVENTS_MAX: usize = 500;
/// The largest revision that the server can hold; larger numbers mean other things to it.
const REVISION_MAX: u64 = i64::MAX as u64;

/// A log in EventStoreDB.
pub struct EventStoreDb {
    link: Arc<Link>,
}

impl EventStoreDb {
    /// Reads the connection string. Connects with the first call, and anew whenever it must; each call ends within
    /// the `defaultDeadline` of the connection string, or 10 s.
    ///
    /// # Errors
    /// The connection string cannot be used, or names a file that cannot be read.
    pub fn open(connection_string: &str) -> Result<Self, ConnectionStringError> {
        let settings: Settings = connection_string.parse()?;
        Ok(Self { link: Arc::new(Link::new(settings)) })
    }

    async fn position_of(&self, stream: &StreamName, revision: u64) -> Result<Position, Failure> {
        let there = read::forwards(&self.link, stream.as_str(), revision, 1).await?;
        let there = there.first().map(|event| event.position);
        there.ok_or(Failure::malformed("an event that was kept is not there"))
    }
}

/// The beginnings of our streams' names, or of those of one category.
fn prefixes(category: Option<&str>) -> Vec<String> {
    let ours =
        [Batch::CATEGORY, Ledger::CATEGORY, Account::CATEGORY, PriceLists::CATEGORY, Quarantine::CATEGORY];
    let wanted = category.as_ref().map_or(ours.as_slice(), std::slice::from_ref);
    wanted.iter().map(|category| format!("{category}-")).collect()
}

#[async_trait]
impl EventStore for EventStoreDb {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> Result<Appended, StoreError> {
        let bytes = appendable(&events)?;
        if matches!(expected, Expected::Revision(revision) if revision > REVISION_MAX) {
            return Err(StoreError::Conflict);
        }
        let new =
            Append { stream: stream.as_str(), expected: Some(expected), events, content_type: events::JSON };
        let kept =
            append::append(&self.link, new).await.map_err(|failure| failure.into_append_error(bytes))?;
        let (revision, position) = match kept {
            Outcome::Kept { revision, position } => (revision, position),
            Outcome::Conflict => return Err(StoreError::Conflict),
        };
        let position = match position {
            Some(position) => position,
            None => self
                .position_of(stream, revision)
                .await
                .map_err(|failure| StoreError::OutcomeUnknown(Box::new(failure.into_unavailable())))?,
        };
        Ok(Appended { revision, position })
    }

    async fn read(&self, stream: &StreamName, from: u64, max: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let mut events = Vec::new();
        let mut next = from;
        while events.len() < max && next <= REVISION_MAX {
            let count = (max - events.len()).min(READ_EVENTS_MAX);
            let page = read::forwards(&self.link, stream.as_str(), next, count as u64)
                .await
                .map_err(Failure::into_unavailable)?;
            let Some(last) = page.last() else { break };
            next = last.revision.saturating_add(1);
            let whole = page.len() == count;
            events.extend(page);
            if !whole {
                break;
            }
        }
        Ok(events)
    }

    async fn last(&self, stream: &StreamName) -> Result<Option<StoredEvent>, StoreError> {
        read::last(&self.link, stream.as_str()).await.map_err(Failure::into_unavailable)
    }

    async fn head(&self) -> Result<Position, StoreError> {
        let newest = read::newest(&self.link, &prefixes(None)).await.map_err(Failure::into_unavailable)?;
        Ok(newest.map_or(Position::START, |newest| newest.position))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn subscribe(&self, after: Position, category: Option<&'static str>) -> Box<dyn Subscription> {
        let live =
            subscription::Live::new(Arc::clone(&self.link), prefixes(category), category.is_some(), after);
        Box::new(live)
    }

    async fn snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, StoreError> {
        snapshots::load(&self.link, stream).await.map_err(Failure::into_unavailable)
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), StoreError> {
        let bytes = snapshot.state.len();
        snapshots::save(&self.link, stream, snapshot)
            .await
            .map_err(|failure| failure.into_append_error(bytes))
    }
}
