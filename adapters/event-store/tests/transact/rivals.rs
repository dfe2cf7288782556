//! Two replicas write to one stream: each is right in the end, and each answer was true when it was given.

use crate::{
    commands::{
        ACCOUNT, carried_out, change_allowance, issue_key, ledger, open_account, open_period, reserve,
        reserve_all, revoke_key, state,
    },
    probe::{Fault, Probe},
};
use leafcutter_domain::{
    Decider,
    account::Account,
    ledger::{Ledger, LedgerRejection},
};
use leafcutter_event_store::{Aggregate, TransactError, decode};

/// Times that the loop tries; see `TRANSACT_ATTEMPTS_MAX`.
const ATTEMPTS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_spend_one_ledger_to_exactly_zero() {
    let probe = Probe::start().await;
    let (one, other) = (probe.replica::<Ledger>(), probe.replica::<Ledger>());
    one.transact(ledger(), open_period(100)).await.unwrap();
    let (left, right) = tokio::join!(reserve_all(&one, 0..80), reserve_all(&other, 100..180));
    assert_eq!(carried_out(&left) + carried_out(&right), 100);
    let log = probe.log(&Ledger::stream(ledger())).await;
    assert_eq!(log.len(), 101);
    let mut folded = Ledger::initial();
    for stored in &log {
        folded = Ledger::evolve(folded, &decode(stored).unwrap().0);
        assert!(folded.is_balanced(), "after event {}", stored.revision);
    }
    assert_eq!((folded.available.total(), folded.held()), (0, 100));
    assert_eq!(state(&one).await, folded);
    assert_eq!(state(&other).await, folded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_is_decided_again_on_what_the_rival_wrote() {
    let probe = Probe::start().await;
    let streams = probe.replica::<Ledger>();
    streams.transact(ledger(), open_period(10)).await.unwrap();
    let held_up = probe.hold_up().await;
    let late = [reserve(1, 5), reserve(2, 10)].map(|command| {
        let streams = std::sync::Arc::clone(&streams);
        tokio::spawn(async move { streams.transact(ledger(), command).await })
    });
    probe.until_asked(2).await;
    probe.rival::<Ledger>().transact(ledger(), reserve(3, 9)).await.unwrap();
    drop(held_up);
    for answer in late {
        let refused = answer.await.unwrap().unwrap_err();
        assert!(matches!(
            refused,
            TransactError::Rejected(LedgerRejection::InsufficientCredits { available: 1, .. })
        ));
    }
    assert_eq!(state(&streams).await.held(), 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_from_an_old_state_is_decided_again() {
    let probe = Probe::start().await;
    let (here, there) = (probe.replica::<Account>(), probe.rival::<Account>());
    here.transact(ACCOUNT, open_account(100)).await.unwrap();
    there.transact(ACCOUNT, issue_key(1, crate::commands::at(1))).await.unwrap();
    here.transact(ACCOUNT, revoke_key(1)).await.unwrap();
    assert_eq!(probe.log(&Account::stream(ACCOUNT)).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_to_record_on_an_old_state_is_decided_again() {
    let probe = Probe::start().await;
    let (here, there) = (probe.replica::<Account>(), probe.rival::<Account>());
    here.transact(ACCOUNT, open_account(100)).await.unwrap();
    there.transact(ACCOUNT, change_allowance(200)).await.unwrap();
    let back = here.transact(ACCOUNT, change_allowance(100)).await.unwrap();
    assert_eq!((back.events.len(), back.revision), (1, Some(2)));
    let allowance = there.inspect(ACCOUNT, |folded| folded.state.monthly_credits).await.unwrap();
    assert_eq!(allowance, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inspect_sees_the_append_of_another_replica_at_once() {
    let probe = Probe::start().await;
    let (here, there) = (probe.replica::<Ledger>(), probe.rival::<Ledger>());
    assert_eq!(state(&here).await, Ledger::initial());
    there.transact(ledger(), open_period(50)).await.unwrap();
    for number in 1..20 {
        there.transact(ledger(), reserve(number, 1)).await.unwrap();
        assert_eq!(u128::from(state(&here).await.held()), number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_conflicts_end_as_contention() {
    let probe = Probe::start().await;
    let streams = probe.replica::<Ledger>();
    probe.fail_next(&[Fault::Conflict; ATTEMPTS]);
    let failed = streams.transact(ledger(), open_period(10)).await.unwrap_err();
    assert!(matches!(failed, TransactError::Contention), "{failed:?}");
    assert_eq!(probe.appends(), ATTEMPTS);
    streams.transact(ledger(), open_period(10)).await.unwrap();
}
