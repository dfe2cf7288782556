//! Commands to one stream that come together are appended together.

use crate::{
    commands::{carried_out, ledger, open_period, reserve, reserve_all, state},
    probe::Probe,
};
use leafcutter_domain::{Decider, ledger::Ledger};
use leafcutter_event_store::{Aggregate, decode};
use std::{collections::BTreeSet, future::Future, pin::Pin, task::Poll};

/// More than enough for 64 commands, and far fewer than one each.
const APPENDS_FOR_64_COMMANDS_MAX: usize = 16;

/// Lets a call begin without waiting for its end.
async fn begin<F: Future>(call: &mut Pin<Box<F>>) {
    let mut polled = false;
    std::future::poll_fn(|context| {
        polled = polled || call.as_mut().poll(context).is_pending();
        Poll::Ready(())
    })
    .await;
    assert!(polled, "the call waits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_come_together_share_few_appends() {
    let probe = Probe::start().await;
    let streams = probe.replica::<Ledger>();
    streams.transact(ledger(), open_period(1_000)).await.unwrap();
    let answers = reserve_all(&streams, 0..64).await;
    assert_eq!(carried_out(&answers), 64);
    let appends = probe.appends() - 1;
    assert!(appends <= APPENDS_FOR_64_COMMANDS_MAX, "{appends} appends for 64 commands");
    assert_eq!(state(&streams).await.available.total(), 936);
    let revisions: BTreeSet<_> = answers.iter().map(|answer| answer.as_ref().unwrap().revision).collect();
    assert_eq!(revisions, (1..=64).map(Some).collect(), "each answer names its own place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_commands_do_not_disturb_the_others() {
    let probe = Probe::start().await;
    let streams = probe.replica::<Ledger>();
    streams.transact(ledger(), open_period(40)).await.unwrap();
    assert_eq!(carried_out(&reserve_all(&streams, 0..64).await), 40);
    let log = probe.log(&Ledger::stream(ledger())).await;
    assert_eq!(log.len(), 41);
    let folded = log.iter().fold(Ledger::initial(), |state, stored| {
        let state = Ledger::evolve(state, &decode(stored).unwrap().0);
        assert!(state.is_balanced());
        state
    });
    assert_eq!((folded.available.total(), folded.held()), (0, 40));
    assert_eq!(folded, state(&streams).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_stops_waiting_stops_no_command() {
    let probe = Probe::start().await;
    let streams = probe.replica::<Ledger>();
    streams.transact(ledger(), open_period(10)).await.unwrap();
    let held_up = probe.hold_up().await;
    let mut first = Box::pin(streams.transact(ledger(), reserve(1, 1)));
    begin(&mut first).await;
    probe.until_asked(2).await;
    let mut second = Box::pin(streams.transact(ledger(), reserve(2, 1)));
    let mut third = Box::pin(streams.transact(ledger(), reserve(3, 1)));
    begin(&mut second).await;
    begin(&mut third).await;
    drop((first, second));
    drop(held_up);
    third.await.unwrap();
    assert_eq!(state(&streams).await.held(), 3);
    assert_eq!(probe.appends(), 3, "the open, the first, and the other two together");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_with_nothing_to_record_appends_nothing() {
    let probe = Probe::start().await;
    let streams = probe.replica::<Ledger>();
    streams.transact(ledger(), open_period(10)).await.unwrap();
    let again = streams.transact(ledger(), open_period(10)).await.unwrap();
    assert_eq!((again.events.len(), again.revision), (0, Some(0)));
    assert_eq!(probe.appends(), 1);
}
