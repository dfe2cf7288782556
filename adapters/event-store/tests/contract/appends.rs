//! Cases: what an append keeps, refuses and answers when nobody else writes.

use crate::support::{Harness, after, all, conflicts, event, events, holds, kept, stream};
use leafcutter_domain::limits::APPEND_BYTES_MAX;
use leafcutter_event_store::{Expected, NewEvent, StoreError};

pub(crate) async fn the_first_append_begins_the_stream(h: &mut impl Harness) {
    let new = events(3);
    let appended = kept(&*h.store(), "batch-1", Expected::NoStream, &new).await;
    assert_eq!(appended.revision, 2);
    holds(&*h.store(), "batch-1", &new).await;
    let stored = all(&*h.store(), "batch-1").await;
    assert_eq!(stored.last().unwrap().position, appended.position);
}

pub(crate) async fn an_append_at_the_last_revision_goes_on(h: &mut impl Harness) {
    let new = events(5);
    let first = kept(&*h.store(), "batch-1", Expected::NoStream, &new[..1]).await;
    let second = kept(&*h.store(), "batch-1", Expected::Revision(first.revision), &new[1..3]).await;
    let third = kept(&*h.store(), "batch-1", Expected::Revision(second.revision), &new[3..]).await;
    assert_eq!((first.revision, second.revision, third.revision), (0, 2, 4));
    assert!(first.position < second.position && second.position < third.position);
    holds(&*h.store(), "batch-1", &new).await;
}

pub(crate) async fn an_append_anywhere_else_is_a_conflict_and_keeps_nothing(h: &mut impl Harness) {
    let store = h.store();
    let new = events(3);
    kept(&*store, "batch-1", Expected::NoStream, &new).await;
    for expected in [after(0), after(1), after(2), after(4), Expected::Revision(u64::MAX)] {
        conflicts(&*store, "batch-1", expected, &events(2)).await;
    }
    for expected in [after(1), after(9)] {
        conflicts(&*store, "batch-2", expected, &events(2)).await;
    }
    holds(&*store, "batch-1", &new).await;
    holds(&*store, "batch-2", &[]).await;
}

pub(crate) async fn the_same_append_again_gets_the_first_answer(h: &mut impl Harness) {
    let store = h.store();
    let new = events(6);
    let first = kept(&*store, "batch-1", after(0), &new[..2]).await;
    assert_eq!(kept(&*store, "batch-1", after(0), &new[..2]).await, first);
    let second = kept(&*store, "batch-1", after(2), &new[2..5]).await;
    kept(&*store, "batch-1", after(5), &new[5..]).await;
    assert_eq!(kept(&*store, "batch-1", after(0), &new[..2]).await, first);
    assert_eq!(kept(&*store, "batch-1", after(2), &new[2..5]).await, second);
    h.restart().await;
    assert_eq!(kept(&*h.store(), "batch-1", after(2), &new[2..5]).await, second);
    holds(&*h.store(), "batch-1", &new).await;
}

pub(crate) async fn a_partly_repeated_append_is_a_conflict(h: &mut impl Harness) {
    let store = h.store();
    let new = events(3);
    kept(&*store, "batch-1", after(0), &new).await;
    let [a, b, c] = [new[0].clone(), new[1].clone(), new[2].clone()];
    let other = event(9);
    for mixed in [
        vec![a.clone(), b.clone(), c.clone(), other.clone()],
        vec![a.clone(), b.clone(), other.clone()],
        vec![other, b.clone(), c.clone()],
        vec![b.clone(), a.clone(), c],
    ] {
        conflicts(&*store, "batch-1", after(0), &mixed).await;
    }
    conflicts(&*store, "batch-1", after(1), &[a, b]).await;
    holds(&*store, "batch-1", &new).await;
}

pub(crate) async fn fifty_one_events_are_kept_in_one_piece(h: &mut impl Harness) {
    const APPENDS: usize = 20;
    let (store, reader) = (h.store(), h.store());
    let new = events(51 * APPENDS);
    let written = new.clone();
    let writing = tokio::spawn(async move {
        for (index, append) in written.chunks(51).enumerate() {
            kept(&*store, "batch-1", after(index * 51), append).await;
        }
    });
    let mut finished = false;
    while !finished {
        finished = writing.is_finished();
        let seen = all(&*reader, "batch-1").await.len();
        assert!(seen.is_multiple_of(51), "a reader saw {seen} events");
    }
    writing.await.unwrap();
    holds(&*h.store(), "batch-1", &new).await;
}

fn sized(data: usize, metadata: usize) -> NewEvent {
    let text = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2)).into_bytes();
    NewEvent { data: text(data), metadata: text(metadata), ..event(0) }
}

pub(crate) async fn a_large_append_comes_back_as_it_went(h: &mut impl Harness) {
    let new = vec![sized(100 * 1024, 2), event(1), sized(100 * 1024, 200)];
    kept(&*h.store(), "batch-1", after(0), &new).await;
    holds(&*h.store(), "batch-1", &new).await;
}

pub(crate) async fn the_largest_append_is_kept_and_one_byte_more_is_refused(h: &mut impl Harness) {
    let store = h.store();
    let half = APPEND_BYTES_MAX / 2;
    let largest = vec![sized(half - 100, 100), sized(half - 100, 100)];
    let larger = vec![sized(half - 100, 100), sized(half - 100, 101)];
    let refused = store.append(&stream("batch-1"), after(0), larger).await;
    let Err(StoreError::TooLarge { bytes, max }) = refused else { panic!("{refused:?}") };
    assert_eq!((bytes, max), (APPEND_BYTES_MAX + 1, APPEND_BYTES_MAX));
    holds(&*store, "batch-1", &[]).await;
    kept(&*store, "batch-1", after(0), &largest).await;
    holds(&*store, "batch-1", &largest).await;
}

pub(crate) async fn many_small_events_fit_one_append(h: &mut impl Harness) {
    let new = events(6_000);
    let appended = kept(&*h.store(), "batch-1", after(0), &new).await;
    assert_eq!(appended.revision, 5_999);
    holds(&*h.store(), "batch-1", &new).await;
    assert_eq!(kept(&*h.store(), "batch-1", after(0), &new).await, appended);
}

pub(crate) async fn an_append_of_nothing_is_refused_and_disturbs_nobody(h: &mut impl Harness) {
    let store = h.store();
    let new = events(20);
    let (nothing, nobody) = (stream("batch-0"), stream("batch-0"));
    for (index, one) in new.iter().enumerate() {
        let good = kept(&*store, "batch-1", after(index), std::slice::from_ref(one));
        let (first, _, second) = tokio::join!(
            store.append(&nothing, after(0), vec![]),
            good,
            store.append(&nobody, after(1), vec![])
        );
        assert!(first.is_err() && second.is_err());
    }
    holds(&*store, "batch-1", &new).await;
}
