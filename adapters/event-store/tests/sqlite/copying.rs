//! Copying a log while it is written.

use crate::support::{after, open, part, stream, whole};
use leafcutter_event_store::{EventStore, SqliteEventStore, StreamName};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_of_a_log_that_is_written_is_its_beginning_and_has_whole_appends() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).await);
    let (name, stop) = (StreamName::new("writer", 1), Arc::new(AtomicBool::new(false)));
    let writer = {
        let (store, name, stop) = (Arc::clone(&store), name.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut append = 0;
            while !stop.load(Ordering::SeqCst) {
                let parts = vec![part(append, 0, 500), part(append, 1, 500)];
                store.append(&name, after(append * 2), parts).await.unwrap();
                append += 1;
            }
        })
    };
    for number in 0..5 {
        let before = store.head().await.unwrap();
        let path = folder.path().join(format!("copy-{number}.sqlite"));
        let copied = SqliteEventStore::copy(&folder.path().join("log.sqlite"), &path).await.unwrap();
        assert!(copied.head >= before && copied.events % 2 == 0, "{copied:?}");
        let copy = SqliteEventStore::open(&path).await.unwrap();
        let (seen, original) = (whole(&copy).await, stream(&store, &name).await);
        assert_eq!(seen.len() as u64, copied.events);
        assert_eq!(seen, original[..seen.len()]);
        copy.close().await;
        assert!(SqliteEventStore::copy(&path, &path).await.is_err(), "nothing is written over");
    }
    stop.store(true, Ordering::SeqCst);
    writer.await.unwrap();
    let missing = folder.path().join("missing.sqlite");
    assert!(SqliteEventStore::copy(&missing, &folder.path().join("x")).await.is_err() && !missing.exists());
}
