//! The loop over EventStoreDB: answers that are lost on the way, and snapshots of a long stream.

use crate::commands::{carried_out, ledger, open_period, reserve, reserve_all, state};
use leafcutter_domain::ledger::Ledger;
use leafcutter_event_store::{Aggregate, EventStore, EventStoreDb, Streams};
use leafcutter_eventstoredb_stand_in::{Fault, StandIn};
use std::sync::Arc;

fn streams(server: &StandIn) -> Arc<Streams<Ledger>> {
    let store: Arc<dyn EventStore> = Arc::new(EventStoreDb::open(&server.connection_string()).unwrap());
    Arc::new(Streams::new(store))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_whose_answers_are_lost_are_carried_out_once() {
    let server = StandIn::start().await.unwrap();
    let streams = streams(&server);
    streams.transact(ledger(), open_period(100)).await.unwrap();
    for (number, fault) in (1..).zip([Fault::LoseAnswer, Fault::Drop, Fault::LoseAnswer]) {
        server.fail_next([fault, Fault::LoseAnswer]);
        let committed = streams.transact(ledger(), reserve(number, 1)).await.unwrap();
        assert_eq!(committed.events.len(), 1);
    }
    assert_eq!(state(&streams).await.held(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_fold_a_long_stream_to_the_same_state() {
    let server = StandIn::start().await.unwrap();
    let (one, other) = (streams(&server), streams(&server));
    one.transact(ledger(), open_period(600)).await.unwrap();
    let (left, right) = tokio::join!(reserve_all(&one, 0..320), reserve_all(&other, 1_000..1_320));
    assert_eq!(carried_out(&left) + carried_out(&right), 600);
    let store = EventStoreDb::open(&server.connection_string()).unwrap();
    assert!(store.snapshot(&Ledger::stream(ledger())).await.unwrap().is_some());
    let later = state(&streams(&server)).await;
    assert_eq!((later.available.total(), later.held()), (0, 600));
    assert_eq!(state(&one).await, later);
    assert_eq!(state(&other).await, later);
}
