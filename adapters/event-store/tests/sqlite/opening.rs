//! Opening and closing the file. Not here: what happens to it in between.

use crate::support::{after, open, part, whole};
use leafcutter_event_store::{EventStore, Position, SqliteEventStore, StoreError, StreamName};
use std::{fs, sync::Arc, time::Duration};
use tokio::task::JoinSet;

const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

fn is_unavailable<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

#[tokio::test]
async fn a_file_that_is_no_log_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.sqlite");
    let foreign = "a shopping list, not a database\n".repeat(200);
    fs::write(&path, &foreign).unwrap();
    assert!(is_unavailable(&SqliteEventStore::open(&path).await));
    assert_eq!(fs::read_to_string(&path).unwrap(), foreign);
    assert!(is_unavailable(&SqliteEventStore::open(&folder.path().join("missing/log.sqlite")).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 16)]
async fn closing_answers_every_append_and_keeps_those_it_acknowledged() {
    for _ in 0..15 {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(open(folder.path()).await);
        let mut appends = JoinSet::new();
        for writer in 0..300 {
            let store = Arc::clone(&store);
            let name = StreamName::new("writer", writer);
            appends.spawn(async move { store.append(&name, after(0), vec![part(0, 0, 10)]).await });
        }
        store.close().await;
        let answers = tokio::time::timeout(ANSWERED_WITHIN, appends.join_all()).await;
        let answers = answers.expect("an append was left without an answer");
        assert!(answers.iter().all(|answer| answer.is_ok() || is_unavailable(answer)), "{answers:?}");
        let reopened = open(folder.path()).await;
        let acknowledged = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(whole(&reopened).await.len(), acknowledged);
        reopened.close().await;
    }
}

#[tokio::test]
async fn a_closed_store_refuses_and_ends_its_subscriptions() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let name = StreamName::new("writer", 1);
    let appended = store.append(&name, after(0), vec![part(0, 0, 10)]).await.unwrap();
    let mut waiting = store.subscribe(appended.position, None);
    let mut behind = store.subscribe(Position::START, None);
    store.close().await;
    store.close().await;
    assert!(is_unavailable(&store.append(&name, after(1), vec![part(1, 0, 10)]).await));
    assert!(is_unavailable(&store.read(&name, 0, 1).await));
    assert!(is_unavailable(&waiting.next().await));
    assert!(is_unavailable(&behind.next().await));
}
