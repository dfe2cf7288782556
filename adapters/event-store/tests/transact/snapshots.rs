//! Long streams are folded from a snapshot, and a snapshot is never more than a shortcut.

use crate::{
    commands::{ACCOUNT, carried_out, ledger, open_period, reserve, reserve_all, state},
    probe::{Fault, Probe},
};
use leafcutter_domain::{Decider, ledger::Ledger};
use leafcutter_event_store::{Aggregate, EventStore, LedgerId, Snapshot, StreamName, decode};
use std::sync::{Arc, atomic::Ordering::SeqCst};

const COMMANDS: u128 = 640;
/// A group that follows the snapshot, and one that was appended with it.
const EVENTS_AFTER_SNAPSHOT_MAX: usize = 200;

async fn long_ledger() -> Arc<Probe> {
    let probe = Probe::start().await;
    let streams = probe.replica::<Ledger>();
    streams.transact(ledger(), open_period(1_000)).await.unwrap();
    assert_eq!(carried_out(&reserve_all(&streams, 0..COMMANDS).await), 640);
    probe
}

fn name() -> StreamName {
    Ledger::stream(ledger())
}

async fn folded_from_the_beginning(probe: &Probe) -> leafcutter_domain::ledger::LedgerState {
    let log = probe.log(&name()).await;
    log.iter().fold(Ledger::initial(), |state, stored| Ledger::evolve(state, &decode(stored).unwrap().0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_stream_is_folded_from_its_snapshot() {
    let probe = long_ledger().await;
    let snapshot = probe.inner.snapshot(&name()).await.unwrap().unwrap();
    assert!(snapshot.revision >= 500);
    let before = probe.events_read.load(SeqCst);
    let later = probe.replica::<Ledger>();
    assert_eq!(state(&later).await, folded_from_the_beginning(&probe).await);
    let read = probe.events_read.load(SeqCst) - before;
    assert!(read <= EVENTS_AFTER_SNAPSHOT_MAX, "{read} events were read");
    let committed = later.transact(ledger(), reserve(9_999, 1)).await.unwrap();
    assert_eq!(committed.revision, Some(641));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_is_damaged_or_foreign_is_left_aside() {
    let probe = long_ledger().await;
    let good = probe.inner.snapshot(&name()).await.unwrap().unwrap();
    let other = LedgerId { account: ACCOUNT, period: crate::commands::period().next() };
    let foreign = String::from_utf8(good.state.clone()).unwrap();
    let foreign = foreign.replace(name().as_str(), Ledger::stream(other).as_str());
    let newer = String::from_utf8(good.state.clone()).unwrap().replace("\"form\":2", "\"form\":3");
    assert!(foreign.as_bytes() != good.state && newer.as_bytes() != good.state);
    let half = good.state[..good.state.len() / 2].to_vec();
    let wanted = folded_from_the_beginning(&probe).await;
    for state in [b"{}".to_vec(), vec![], vec![0xFF; 9], half, foreign.into_bytes(), newer.into_bytes()] {
        let text = String::from_utf8_lossy(&state[..state.len().min(40)]).into_owned();
        probe.inner.save_snapshot(&name(), Snapshot { revision: good.revision, state }).await.unwrap();
        let before = probe.events_read.load(SeqCst);
        assert_eq!(crate::commands::state(&probe.replica()).await, wanted, "{text}");
        assert_eq!(probe.events_read.load(SeqCst) - before, 641, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_cannot_be_saved_stops_nothing() {
    let probe = Probe::start().await;
    *probe.snapshot_fault.lock().unwrap() = Some(Fault::Down);
    let streams = probe.replica::<Ledger>();
    streams.transact(ledger(), open_period(1_000)).await.unwrap();
    assert_eq!(carried_out(&reserve_all(&streams, 0..COMMANDS).await), 640);
    assert_eq!(probe.inner.snapshot(&name()).await.unwrap(), None);
    assert_eq!(state(&probe.replica()).await, folded_from_the_beginning(&probe).await);
}
