//! Cases: what is read back of streams and snapshots.

use crate::support::{Harness, after, all, event, events, holds, kept, stream};
use leafcutter_event_store::{NewEvent, Snapshot};

pub(crate) async fn a_stream_is_read_forward_from_every_revision_with_every_limit(h: &mut impl Harness) {
    let store = h.store();
    kept(&*store, "batch-1", after(0), &events(5)).await;
    kept(&*store, "batch-2", after(0), &events(5)).await;
    for from in 0..7_u64 {
        for max in 0..7_usize {
            let read = store.read(&stream("batch-1"), from, max).await.unwrap();
            let revisions: Vec<u64> = read.iter().map(|event| event.revision).collect();
            let wanted: Vec<u64> = (from..5).take(max).collect();
            assert_eq!(revisions, wanted, "from {from}, at most {max}");
            assert!(read.iter().all(|event| event.stream == stream("batch-1")));
        }
    }
    assert!(store.read(&stream("batch-1"), u64::MAX, usize::MAX).await.unwrap().is_empty());
}

pub(crate) async fn the_last_event_is_the_newest_of_its_stream(h: &mut impl Harness) {
    let store = h.store();
    let new = events(12);
    for (index, one) in new.iter().enumerate() {
        let appended = kept(&*store, "batch-1", after(index), std::slice::from_ref(one)).await;
        kept(&*store, "batch-2", after(index), &[event(index)]).await;
        let last = store.last(&stream("batch-1")).await.unwrap().unwrap();
        assert_eq!((last.id, last.revision, last.position), (one.id, appended.revision, appended.position));
    }
}

pub(crate) async fn a_missing_stream_reads_as_empty(h: &mut impl Harness) {
    let store = h.store();
    kept(&*store, "batch-1", after(0), &events(2)).await;
    assert!(all(&*store, "batch-2").await.is_empty());
    assert_eq!(store.last(&stream("batch-2")).await.unwrap(), None);
    assert_eq!(store.snapshot(&stream("batch-1")).await.unwrap(), None);
}

pub(crate) async fn data_and_metadata_come_back_byte_for_byte(h: &mut impl Harness) {
    let store = h.store();
    let odd = [
        "{ \"b\" :1.0,\n\t\"a\": 1e2, \"b\":2 }",
        "{\"\\u00e9\":\"é 🐜 \\ud83d\\udc1c\",\"nul\":\"\\u0000\"}",
        "{}",
        "{\"big\":123456789012345678901234567890,\"neg\":-0}",
    ];
    let new: Vec<NewEvent> = odd
        .iter()
        .zip(odd.iter().rev())
        .map(|(data, metadata)| NewEvent { data: (*data).into(), metadata: (*metadata).into(), ..event(0) })
        .collect();
    kept(&*store, "batch-1", after(0), &new).await;
    holds(&*store, "batch-1", &new).await;
    h.restart().await;
    holds(&*h.store(), "batch-1", &new).await;
}

pub(crate) async fn streams_with_similar_names_are_kept_apart(h: &mut impl Harness) {
    let store = h.store();
    let names = ["batch-1", "batch-10", "batch-1-2026-11", "batches-1", "Batch-1", "batch-1%", "batch-_"];
    let mut written = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let new = events(index + 1);
        kept(&*store, name, after(0), &new).await;
        written.push(new);
    }
    for (name, new) in names.iter().zip(&written) {
        holds(&*store, name, new).await;
    }
}

pub(crate) async fn a_snapshot_is_replaced_by_the_next(h: &mut impl Harness) {
    let store = h.store();
    let of = |revision, size| Snapshot { revision, state: vec![b'1'; size] };
    let (one, other) = (stream("batch-1"), stream("batch-2"));
    for snapshot in [of(500, 10), of(1_000, 300_000), of(700, 1)] {
        store.save_snapshot(&one, snapshot.clone()).await.unwrap();
        store.save_snapshot(&other, of(3, 3)).await.unwrap();
        assert_eq!(store.snapshot(&one).await.unwrap(), Some(snapshot));
        assert_eq!(store.snapshot(&other).await.unwrap(), Some(of(3, 3)));
    }
    assert!(all(&*store, "batch-1").await.is_empty(), "a snapshot is no event");
}

pub(crate) async fn the_head_is_never_behind_an_acknowledged_append(h: &mut impl Harness) {
    let store = h.store();
    let mut before = store.head().await.unwrap();
    for index in 0..20 {
        let appended = kept(&*store, "batch-1", after(index), &[event(index)]).await;
        let head = store.head().await.unwrap();
        assert!(before < appended.position && appended.position <= head);
        before = head;
    }
    h.restart().await;
    assert!(before <= h.store().head().await.unwrap());
}
