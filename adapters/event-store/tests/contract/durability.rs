//! Cases: what an acknowledgement is worth.

use crate::support::{Harness, after, all, collect, event, events, holds, kept, stream};
use leafcutter_event_store::{Position, Snapshot};
use tokio::task::JoinSet;

pub(crate) async fn everything_acknowledged_is_there_after_a_restart(h: &mut impl Harness) {
    let mut tasks = JoinSet::new();
    for writer in 0..16 {
        let store = h.store();
        tasks.spawn(async move {
            let name = format!("batch-{writer}");
            let new = events(10);
            for (index, pair) in new.chunks(2).enumerate() {
                kept(&*store, &name, after(index * 2), pair).await;
            }
            (name, new)
        });
    }
    let written = tasks.join_all().await;
    let snapshot = Snapshot { revision: 9, state: b"{\"batches\":10}".to_vec() };
    h.store().save_snapshot(&stream("batch-0"), snapshot.clone()).await.unwrap();
    let before = collect(&mut *h.store().subscribe(Position::START, None), 160).await;
    h.restart().await;
    for (name, new) in &written {
        holds(&*h.store(), name, new).await;
    }
    assert_eq!(h.store().snapshot(&stream("batch-0")).await.unwrap(), Some(snapshot));
    let after = collect(&mut *h.store().subscribe(Position::START, None), 160).await;
    assert_eq!(after, before, "also the order is the same");
}

pub(crate) async fn a_restarted_store_goes_on_where_it_stopped(h: &mut impl Harness) {
    let new = events(8);
    let mut end = Position::START;
    for (index, one) in new.iter().enumerate() {
        let appended = kept(&*h.store(), "batch-1", after(index), std::slice::from_ref(one)).await;
        assert!(appended.position > end);
        let place = end;
        end = appended.position;
        h.restart().await;
        let seen = collect(&mut *h.store().subscribe(place, None), 1).await;
        assert_eq!((seen[0].id, seen[0].position), (one.id, end));
        kept(&*h.store(), "ledger-1", after(index), &[event(index)]).await;
        end = all(&*h.store(), "ledger-1").await[index].position;
    }
    holds(&*h.store(), "batch-1", &new).await;
}
