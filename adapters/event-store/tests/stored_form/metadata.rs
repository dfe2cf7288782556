//! What is stored beside an event: its version, its id and its link in the chain. Not here: the events.

use crate::{account::at, golden::VERSION};
use leafcutter_domain::{DomainEvent, account::AccountEvent};
use leafcutter_event_store::{
    Metadata, Position, StoredEvent, StoredFormError, StreamName, decode, event_id,
};
use uuid::Uuid;

pub(crate) fn plain(version: u32) -> Metadata {
    Metadata { version, occurred_at: at(), prev: None, hash: None }
}

pub(crate) fn chained(version: u32) -> Metadata {
    Metadata { prev: Some("67".repeat(32)), hash: Some("89".repeat(32)), ..plain(version) }
}

fn stored(name: &str, data: &[u8], metadata: &[u8]) -> StoredEvent {
    let (data, metadata) = (data.to_vec(), metadata.to_vec());
    let (position, stream) = (Position::START, StreamName::new("account", 1));
    StoredEvent { position, stream, revision: 7, id: Uuid::nil(), name: name.to_owned(), data, metadata }
}

#[test]
fn an_event_that_cannot_be_read_says_where_it_is_and_why() {
    let (_, event) = &crate::account::samples()[0];
    let good = serde_json::to_vec(&plain(VERSION)).unwrap();
    let newer = serde_json::to_vec(&plain(VERSION + 1)).unwrap();
    let read =
        |name, data: &[u8], metadata| decode::<AccountEvent>(&stored(name, data, metadata)).unwrap_err();
    let data = event.encode();
    let refused = read("AccountOpened", &data, &newer);
    assert!(matches!(refused, StoredFormError::Newer { revision: 7, version, .. } if version == VERSION + 1));
    assert!(refused.to_string().ends_with("start that version"));
    let refused = read("AccountOpened", &data, b"{}");
    assert!(matches!(refused, StoredFormError::Metadata { revision: 7, .. }));
    for (name, data) in [("AccountOpened", &b"{}"[..]), ("Elsewhere", &data)] {
        let refused = read(name, data, &good);
        assert!(matches!(refused, StoredFormError::Data { revision: 7, .. }));
        assert_eq!(refused.to_string(), "event 7 of account-1 cannot be read");
    }
}

#[test]
fn an_event_id_is_made_of_place_name_and_data_and_stays_the_same() {
    let stream = StreamName::new("account", 1);
    let id = event_id(&stream, 7, "AccountOpened", b"{}");
    assert_eq!(id.to_string(), "9fb17fc5-8e70-5b08-baf7-1fd03bd6f025");
    let others = [
        event_id(&StreamName::new("account", 2), 7, "AccountOpened", b"{}"),
        event_id(&stream, 8, "AccountOpened", b"{}"),
        event_id(&stream, 7, "ApiKeyIssued", b"{}"),
        event_id(&stream, 7, "AccountOpened", b"{ }"),
    ];
    assert!(!others.contains(&id));
}
