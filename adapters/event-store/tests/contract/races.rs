//! Cases: many writers at once.

use crate::support::{Harness, after, all, event, events, holds, kept, stream};
use leafcutter_event_store::{NewEvent, StoreError};
use std::collections::BTreeMap;
use tokio::task::JoinSet;

pub(crate) async fn conflicting_appends_among_good_ones_leave_only_the_good(h: &mut impl Harness) {
    let store = h.store();
    let begun = events(2);
    kept(&*store, "ledger-1", after(0), &begun).await;
    let mut tasks = JoinSet::new();
    for index in 0..60 {
        let store = h.store();
        let good = index % 2 == 0;
        let name = if good { format!("batch-{index}") } else { "ledger-1".to_owned() };
        let new = events(3);
        tasks.spawn(async move {
            let answer = store.append(&stream(&name), after(0), new.clone()).await;
            (good, name, new, answer)
        });
    }
    for (good, name, new, answer) in tasks.join_all().await {
        if good {
            answer.unwrap();
            holds(&*store, &name, &new).await;
        } else {
            assert!(matches!(answer, Err(StoreError::Conflict)), "{answer:?}");
        }
    }
    holds(&*store, "ledger-1", &begun).await;
}

pub(crate) async fn each_revision_has_exactly_one_winner_among_64(h: &mut impl Harness) {
    const REVISIONS: usize = 10;
    let mut tasks = JoinSet::new();
    for writer in 0..64 {
        let store = h.store();
        tasks.spawn(async move {
            let mut won: Vec<(usize, NewEvent)> = Vec::new();
            for revision in 0..REVISIONS {
                let new = event(writer);
                match store.append(&stream("batch-1"), after(revision), vec![new.clone()]).await {
                    Ok(appended) => {
                        assert_eq!(appended.revision, revision as u64);
                        won.push((revision, new));
                    }
                    Err(StoreError::Conflict) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            won
        });
    }
    let won: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(won.len(), REVISIONS, "one winner each");
    let winners: BTreeMap<usize, NewEvent> = won.into_iter().collect();
    let winners: Vec<NewEvent> = winners.into_values().collect();
    holds(&*h.store(), "batch-1", &winners).await;
}

pub(crate) async fn positions_grow_in_append_order_within_each_stream(h: &mut impl Harness) {
    let mut tasks = JoinSet::new();
    for writer in 0..8 {
        let store = h.store();
        tasks.spawn(async move {
            let name = format!("batch-{writer}");
            let mut ends = Vec::new();
            for append in 0..20 {
                ends.push(kept(&*store, &name, after(append * 2), &events(2)).await);
            }
            (name, ends)
        });
    }
    let mut taken = BTreeMap::new();
    for (name, ends) in tasks.join_all().await {
        let stored = all(&*h.store(), &name).await;
        assert!(stored.windows(2).all(|pair| pair[0].position < pair[1].position));
        for (pair, end) in stored.chunks(2).zip(ends) {
            assert_eq!((pair[1].revision, pair[1].position), (end.revision, end.position));
        }
        for event in stored {
            assert_eq!(taken.insert(event.position, event.id), None, "a position has one event");
        }
    }
    assert_eq!(taken.len(), 8 * 20 * 2);
}
