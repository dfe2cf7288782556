//! The log: the `EventStore` port, its SQLite and EventStoreDB adapters, the stored form of events, and `Streams`, the
//! one loop through which every event is appended. Not here: rules (`domain`), what a link of the ledger's hash chain
//! covers (`ledger-proof`), read models, HTTP.

mod aggregate;
mod eventstoredb;
mod pause;
mod port;
mod sqlite;
mod stored;
mod transact;
mod upcast;

pub use aggregate::{Aggregate, LedgerId, OfReadModels};
pub use eventstoredb::{ConnectionStringError, EventStoreDb};
pub use port::{
    Appended, EventStore, Expected, NewEvent, Position, Snapshot, StoreError, StoredEvent, StreamName,
    Subscription, SubscriptionPage,
};
pub use sqlite::{LogCopy, SqliteEventStore};
pub use stored::{Metadata, StoredFormError, decode, event_id};
pub use transact::{Committed, Folded, Streams, TransactError};
