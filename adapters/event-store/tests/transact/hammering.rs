//! Two replicas that never rest on one stream: nobody is turned away for being second.

use crate::{
    commands::{ledger, open_period, reserve, state},
    probe::Probe,
};
use leafcutter_domain::ledger::Ledger;
use leafcutter_event_store::{EventStore, EventStoreDb, Streams};
use leafcutter_eventstoredb_stand_in::StandIn;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Callers of each replica, and what each of them asks for, one command after another.
const CALLERS: u128 = 4;
const COMMANDS: u128 = 100;

/// Each replica's callers reserve one credit a time and try nothing twice.
async fn hammer(replicas: [Arc<Streams<Ledger>>; 2]) {
    replicas[0].transact(ledger(), open_period(1_000)).await.unwrap();
    let mut callers = JoinSet::new();
    for (replica, streams) in (0_u128..).zip(&replicas) {
        for caller in 0..CALLERS {
            let streams = Arc::clone(streams);
            callers.spawn(async move {
                let first = (replica * CALLERS + caller) * COMMANDS;
                for number in first..first + COMMANDS {
                    streams.transact(ledger(), reserve(number, 1)).await.unwrap();
                }
            });
        }
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    let held = u64::try_from(2 * CALLERS * COMMANDS).unwrap();
    for streams in &replicas {
        assert_eq!(state(streams).await.held(), held);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_commands_of_two_hammering_replicas_succeed() {
    let probe = Probe::start().await;
    hammer([probe.replica(), probe.replica()]).await;
    let kept = usize::try_from(1 + 2 * CALLERS * COMMANDS).unwrap();
    assert!(probe.asked.borrow().iter().map(Vec::len).sum::<usize>() > kept, "there were conflicts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_commands_of_two_hammering_replicas_succeed_over_eventstoredb() {
    let server = StandIn::start().await.unwrap();
    let store = || {
        let store: Arc<dyn EventStore> = Arc::new(EventStoreDb::open(&server.connection_string()).unwrap());
        Arc::new(Streams::new(store))
    };
    hammer([store(), store()]).await;
    server.kill().await;
}
