//! What becomes of a command when the store fails or its answer is lost.

use crate::{
    commands::{ledger, open_period, reserve, state},
    probe::{Fault, Probe},
};
use leafcutter_domain::ledger::Ledger;
use leafcutter_event_store::{Aggregate, StoreError, TransactError};

/// Times that an append of unknown outcome is asked for in all; see `REPEATS_MAX`.
const ASKED: usize = 6;

async fn log_length(probe: &Probe) -> usize {
    probe.log(&Ledger::stream(ledger())).await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_of_unknown_outcome_is_repeated_and_kept_once() {
    for fault in [Fault::KeptUnknown, Fault::LostUnknown] {
        let probe = Probe::start().await;
        let streams = probe.replica::<Ledger>();
        streams.transact(ledger(), open_period(10)).await.unwrap();
        probe.fail_next(&[fault, Fault::LostUnknown]);
        let committed = streams.transact(ledger(), reserve(1, 4)).await.unwrap();
        assert_eq!((committed.events.len(), committed.revision), (1, Some(1)), "{fault:?}");
        let asked = probe.asked.borrow().clone();
        assert_eq!(asked.len(), 4);
        assert!(asked[1] == asked[2] && asked[2] == asked[3], "the same ids each time");
        assert_eq!(log_length(&probe).await, 2);
        assert_eq!(state(&streams).await.held(), 4);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_stays_unknown_is_said_to_be_unknown() {
    for (first, held) in [(Fault::KeptUnknown, 4), (Fault::LostUnknown, 0)] {
        let probe = Probe::start().await;
        let streams = probe.replica::<Ledger>();
        streams.transact(ledger(), open_period(10)).await.unwrap();
        probe.fail_next(&[first]);
        probe.fail_next(&[Fault::LostUnknown; ASKED - 1]);
        let failed = streams.transact(ledger(), reserve(1, 4)).await.unwrap_err();
        assert!(matches!(failed, TransactError::OutcomeUnknown), "{failed:?}");
        assert_eq!(probe.appends(), 1 + ASKED);
        assert_eq!(state(&streams).await.held(), held, "the log says what was kept");
        streams.transact(ledger(), reserve(1, 4)).await.unwrap();
        assert_eq!(state(&streams).await.held(), 4, "and the command may be repeated");
        assert_eq!(log_length(&probe).await, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_goes_down_after_an_unknown_outcome_leaves_it_unknown() {
    let probe = Probe::start().await;
    let streams = probe.replica::<Ledger>();
    probe.fail_next(&[Fault::KeptUnknown, Fault::Down]);
    let failed = streams.transact(ledger(), open_period(10)).await.unwrap_err();
    assert!(matches!(failed, TransactError::OutcomeUnknown), "{failed:?}");
    assert_eq!(log_length(&probe).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_down_leaves_nothing() {
    let probe = Probe::start().await;
    let streams = probe.replica::<Ledger>();
    streams.transact(ledger(), open_period(10)).await.unwrap();
    probe.fail_next(&[Fault::Down]);
    let failed = streams.transact(ledger(), reserve(1, 10)).await.unwrap_err();
    let TransactError::Store(error) = failed else { panic!("{failed:?}") };
    assert!(matches!(*error, StoreError::Unavailable(_)));
    assert_eq!(log_length(&probe).await, 1);
    assert_eq!(state(&streams).await.held(), 0);
    streams.transact(ledger(), reserve(2, 10)).await.unwrap();
    assert_eq!(state(&streams).await.held(), 10);
}
