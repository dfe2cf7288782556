//! Cases: the global order, read from any place and then as it grows.

use crate::support::{Harness, after, collect, event, events, kept, number, within_deadline};
use leafcutter_event_store::{Position, StoredEvent};
use std::{collections::BTreeMap, time::Duration};
use tokio::task::JoinSet;

pub(crate) async fn catching_up_goes_over_to_live_without_gap_or_duplicate(h: &mut impl Harness) {
    const BEFORE: usize = 1_300;
    const WRITERS: usize = 8;
    const EACH: usize = 120;
    kept(&*h.store(), "ledger-1", after(0), &events(BEFORE)).await;
    let mut early = h.store().subscribe(Position::START, None);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = h.store();
        writers.spawn(async move {
            let new = events(EACH);
            let (mut done, mut size) = (0, 1);
            while done < EACH {
                let end = (done + size).min(EACH);
                kept(&*store, &format!("batch-{writer}"), after(done), &new[done..end]).await;
                (done, size) = (end, size % 7 + 1);
            }
        });
    }
    let total = BEFORE + WRITERS * EACH;
    let seen = collect(&mut *early, total).await;
    writers.join_all().await;
    assert_eq!(seen.len(), total, "no duplicate");
    let sum = |count: usize| (0..count as u64).sum::<u64>();
    assert_eq!(seen.iter().map(number).sum::<u64>(), sum(BEFORE) + WRITERS as u64 * sum(EACH));
    let mut next: BTreeMap<&str, u64> = BTreeMap::new();
    for event in &seen {
        let revision = next.entry(event.stream.as_str()).or_default();
        assert_eq!(event.revision, *revision, "{}", event.stream);
        *revision += 1;
    }
    let again = collect(&mut *h.store().subscribe(Position::START, None), total).await;
    assert_eq!(again, seen, "what was read live is what is read later");
}

pub(crate) async fn a_category_brings_its_own_streams_only(h: &mut impl Harness) {
    let store = h.store();
    for index in 0..30 {
        for name in ["batch-1", "batches-1", "batch-2", "bat-ch", "ledger-batch"] {
            kept(&*store, name, after(index), &[event(index)]).await;
        }
    }
    let mut batches = store.subscribe(Position::START, Some("batch"));
    let seen = collect(&mut *batches, 60).await;
    let names: Vec<&str> = seen.iter().map(|event| event.stream.as_str()).collect();
    assert_eq!(names, ["batch-1", "batch-2"].repeat(30));
    kept(&*store, "batches-1", after(30), &[event(0)]).await;
    let last = kept(&*store, "batch-2", after(30), &[event(0)]).await;
    let live = collect(&mut *batches, 1).await;
    assert_eq!(live.iter().map(|event| event.position).collect::<Vec<_>>(), [last.position]);
}

pub(crate) async fn reading_resumes_from_every_position(h: &mut impl Harness) {
    let store = h.store();
    for index in 0..6 {
        kept(&*store, "batch-1", after(index * 2), &events(2)).await;
        kept(&*store, "ledger-1", after(index), &[event(index)]).await;
    }
    let whole = collect(&mut *store.subscribe(Position::START, None), 18).await;
    h.restart().await;
    for (index, event) in whole.iter().enumerate().take(17) {
        let place: Position = event.position.to_string().parse().unwrap();
        assert_eq!(place, event.position, "the text form is the position");
        let rest = collect(&mut *h.store().subscribe(place, None), 17 - index).await;
        assert_eq!(rest, whole[index + 1..], "after event {index}");
        let batches: Vec<StoredEvent> = of_batches(&whole[index + 1..]);
        let resumed = collect(&mut *h.store().subscribe(place, Some("batch")), batches.len()).await;
        assert_eq!(resumed, batches, "batches after event {index}");
    }
}

fn of_batches(events: &[StoredEvent]) -> Vec<StoredEvent> {
    events.iter().filter(|event| event.stream.category() == "batch").cloned().collect()
}

pub(crate) async fn up_to_moves_past_events_of_other_categories(h: &mut impl Harness) {
    let store = h.store();
    kept(&*store, "batch-1", after(0), &[event(0)]).await;
    let mut batches = store.subscribe(Position::START, Some("batch"));
    collect(&mut *batches, 1).await;
    let mut up_to = Position::START;
    for index in 0..5 {
        let other = kept(&*store, "ledger-1", after(index * 300), &events(300)).await;
        while up_to < other.position {
            let page = within_deadline("up_to to move", batches.next()).await.unwrap();
            assert!(page.events.is_empty() && page.up_to > up_to);
            up_to = page.up_to;
        }
    }
    kept(&*store, "batch-1", after(1), &[event(1)]).await;
    for subscription in [&mut batches, &mut store.subscribe(up_to, Some("batch"))] {
        let next = collect(&mut **subscription, 1).await;
        assert_eq!((next[0].stream.as_str(), next[0].revision), ("batch-1", 1));
    }
}

pub(crate) async fn a_waiting_reader_is_woken_by_an_append(h: &mut impl Harness) {
    let store = h.store();
    let begun = kept(&*store, "batch-1", after(0), &[event(0)]).await;
    let readers: Vec<_> = [None, Some("batch")]
        .into_iter()
        .map(|category| {
            let mut subscription = store.subscribe(begun.position, category);
            tokio::spawn(async move { collect(&mut *subscription, 3).await })
        })
        .collect();
    for index in 1..4 {
        tokio::task::yield_now().await;
        kept(&*store, "batch-1", after(index), &[event(index)]).await;
    }
    for reader in readers {
        let revisions: Vec<u64> = reader.await.unwrap().iter().map(|event| event.revision).collect();
        assert_eq!(revisions, [1, 2, 3]);
    }
}

pub(crate) async fn a_page_that_nobody_waited_for_is_not_lost(h: &mut impl Harness) {
    let store = h.store();
    let mut subscription = store.subscribe(Position::START, None);
    let mut seen = Vec::new();
    for index in 0..40 {
        kept(&*store, "batch-1", after(index), &[event(index)]).await;
        let impatient = Duration::from_micros(index as u64 * 20);
        if let Ok(page) = tokio::time::timeout(impatient, subscription.next()).await {
            seen.extend(page.unwrap().events);
        }
    }
    let missing = 40 - seen.len();
    seen.extend(collect(&mut *subscription, missing).await);
    let revisions: Vec<u64> = seen.iter().map(|event| event.revision).collect();
    assert_eq!(revisions, (0..40).collect::<Vec<u64>>());
}
