//! Opening a log, made-up appends, and reading a whole log back. Not here: expectations.

use leafcutter_event_store::{
    EventStore, Expected, NewEvent, Position, SqliteEventStore, StoredEvent, StreamName,
};
use std::path::Path;
use uuid::Uuid;

pub(crate) async fn open(folder: &Path) -> SqliteEventStore {
    SqliteEventStore::open(&folder.join("log.sqlite")).await.unwrap()
}

pub(crate) fn after(events: u64) -> Expected {
    events.checked_sub(1).map_or(Expected::NoStream, Expected::Revision)
}

/// An event that says which append of its stream it belongs to and which part of it it is.
pub(crate) fn part(append: u64, part: u64, padding: usize) -> NewEvent {
    let data = format!("{{\"append\":{append},\"part\":{part},\"padding\":\"{}\"}}", "p".repeat(padding));
    NewEvent { id: Uuid::new_v4(), name: "Part", data: data.into_bytes(), metadata: b"{}".to_vec() }
}

/// The append and the part that an event of [`part`] names.
pub(crate) fn place(stored: &StoredEvent) -> (u64, u64) {
    let data: serde_json::Value = serde_json::from_slice(&stored.data).unwrap();
    (data["append"].as_u64().unwrap(), data["part"].as_u64().unwrap())
}

pub(crate) async fn stream(store: &SqliteEventStore, name: &StreamName) -> Vec<StoredEvent> {
    store.read(name, 0, usize::MAX).await.unwrap()
}

/// The log in global order.
pub(crate) async fn whole(store: &SqliteEventStore) -> Vec<StoredEvent> {
    let (mut seen, mut up_to, head) = (Vec::new(), Position::START, store.head().await.unwrap());
    let mut subscription = store.subscribe(Position::START, None);
    while up_to < head {
        let page = subscription.next().await.unwrap();
        up_to = page.up_to;
        seen.extend(page.events);
    }
    seen
}
