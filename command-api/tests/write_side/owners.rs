//! Who reacts when several replicas could: waiting for the lease, losing it, and two owners at once.

use crate::support::World;
use async_trait::async_trait;
use leafcutter_command_api::{ReactionSettings, ReactionState, Reactions};
use leafcutter_dispatch::{Held, Lease, SoleOwner, WorkSource};
use leafcutter_domain::{BatchId, batch::Phase};
use leafcutter_event_store::EventStore;
use leafcutter_reaction_memory::ReactionMemory;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(20);

/// A lease that the test can take away.
struct Turns {
    free: Arc<Semaphore>,
    current: Mutex<CancellationToken>,
}

impl Turns {
    fn new() -> Arc<Self> {
        Arc::new(Self { free: Arc::new(Semaphore::new(1)), current: Mutex::default() })
    }

    fn take_away(&self) {
        self.current.lock().unwrap().cancel();
    }
}

#[async_trait]
impl Lease for Turns {
    async fn acquire(&self) -> Held {
        let turn = Arc::clone(&self.free).acquire_owned().await.unwrap();
        let lost = CancellationToken::new();
        *self.current.lock().unwrap() = lost.clone();
        Held::new(lost, Box::new(turn))
    }
}

async fn until(reactions: &Reactions, is: impl Fn(&ReactionState) -> bool) {
    let mut state = reactions.state();
    let reached = state.wait_for(|state| is(state));
    tokio::time::timeout(DEADLINE, reached).await.expect("the reactions must get there").unwrap();
}

/// Completes everything that is offered until the batch has ended.
async fn work_off(world: &World, batch: BatchId) {
    while world.batch(batch).await.phase == Phase::Open {
        let next = tokio::time::timeout(DEADLINE, world.queue.next());
        let delivery = next.await.expect("open work must be offered").unwrap();
        let offer = delivery.offer();
        for &item in &offer.items {
            if let Some(assignment) = world.claim(offer.batch, item).await {
                world.complete(&assignment).await;
            }
        }
    }
}

#[tokio::test]
async fn a_replica_stands_by_until_the_owner_is_gone_and_then_goes_on_where_it_was() {
    let (world, turns) = (World::new(100).await, Turns::new());
    let other = world.replica(0);
    let first = world.react_while("reactions.db", None, turns.clone()).await;
    until(&first, |state| *state == ReactionState::Active).await;
    let second = other.react_while("reactions.db", None, turns.clone()).await;
    let batch = world.submit(3).await;
    work_off(&world, batch).await;
    assert_eq!(*second.state().borrow(), ReactionState::Standby);
    let open = world.submit(2).await;
    first.shutdown().await;
    until(&second, |state| *state == ReactionState::Active).await;
    work_off(&other, open).await;
    let ledger = other.until_ledger(other.period(), |ledger| ledger.held() == 0).await;
    assert_eq!((ledger.spent, ledger.available.total()), (10, 90));
    second.shutdown().await;
}

#[tokio::test]
async fn an_owner_whose_lease_is_lost_stands_by_and_the_other_acts() {
    let (world, turns) = (World::new(100).await, Turns::new());
    let other = world.replica(0);
    let first = world.react_while("reactions.db", None, turns.clone()).await;
    until(&first, |state| *state == ReactionState::Active).await;
    let second = other.react_while("reactions.db", None, turns.clone()).await;
    turns.take_away();
    until(&first, |state| *state == ReactionState::Standby).await;
    until(&second, |state| *state == ReactionState::Active).await;
    let batch = world.submit(2).await;
    work_off(&world, batch).await;
    world.until_ledger(world.period(), |ledger| ledger.spent == 4).await;
    assert_eq!(*first.state().borrow(), ReactionState::Standby);
    first.shutdown().await;
    second.shutdown().await;
}

#[tokio::test]
async fn two_owners_of_the_same_tables_give_way_to_each_other_and_charge_nothing_twice() {
    charge_once("shared.db", "shared.db").await;
}

#[tokio::test]
async fn two_owners_that_do_not_know_of_each_other_charge_nothing_twice() {
    charge_once("first.db", "second.db").await;
}

async fn charge_once(first_tables: &str, second_tables: &str) {
    let world = World::new(1_000).await;
    let other = world.replica(0);
    let first = world.react_while(first_tables, None, Arc::new(SoleOwner)).await;
    let second = other.react_while(second_tables, None, Arc::new(SoleOwner)).await;
    let mut batches = Vec::new();
    for _ in 0..5 {
        batches.push(world.submit(6).await);
        batches.push(other.submit(6).await);
    }
    let (cancelled, finished) = batches.split_first().unwrap();
    other.cancel(*cancelled).await;
    for &batch in finished {
        work_off(&world, batch).await;
    }
    let ledger = world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
    let cancelled = world.batch(*cancelled).await.rounds[0].outcomes.len() as u64;
    assert_eq!(cancelled, 6);
    assert_eq!((ledger.spent, ledger.available.total()), (9 * 6 * 2, 1_000 - 9 * 6 * 2));
    assert!(ledger.is_balanced());
    first.shutdown().await;
    second.shutdown().await;
}

#[tokio::test]
async fn whatever_they_wait_for_a_shutdown_ends_them_and_gives_the_lease_back() {
    let (world, turns) = (World::new(100).await, Turns::new());
    let active = world.react_while("reactions.db", None, turns.clone()).await;
    until(&active, |state| *state == ReactionState::Active).await;
    let waiting = world.react_while("reactions.db", None, turns.clone()).await;
    waiting.shutdown().await;
    active.shutdown().await;
    assert_eq!(turns.free.available_permits(), 1);
    let tables = ReactionMemory::open(&world.folder.path().join("closed.db")).await.unwrap();
    tables.close().await;
    let settings =
        ReactionSettings { slots: 1, own_worker: None, sweep_grace_ms: 30_000, result_age_ms: None };
    let log = Arc::clone(&world.store) as Arc<dyn EventStore>;
    let (commands, queue) = (world.commands.clone(), Arc::new(world.queue.clone()));
    let unable = Reactions::start(commands, log, queue, tables, turns.clone(), settings);
    until(&unable, |state| matches!(state, ReactionState::Missing(_))).await;
    assert_eq!(turns.free.available_permits(), 0);
    unable.shutdown().await;
    assert_eq!(turns.free.available_permits(), 1);
}

#[tokio::test]
async fn a_new_owner_leaves_the_items_of_other_replicas_workers_alone() {
    let world = World::new(100).await;
    let other = world.replica(0);
    let batch = world.submit(1).await;
    let assignment = other.claim(batch, 0).await.unwrap();
    let reactions = world.react_while("reactions.db", None, Arc::new(SoleOwner)).await;
    let seen = world.submit(1).await;
    while world.queue.next().await.unwrap().offer().batch != seen {}
    assert_eq!(world.batch(batch).await.items[0].put_backs, 0);
    assert_eq!(other.complete(&assignment).await, leafcutter_dispatch::ReportAnswer::Recorded);
    reactions.shutdown().await;
}
