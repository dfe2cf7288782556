//! Dispatch, settlement and watchdog, also after a restart and when everything is read twice.

use crate::support::World;
use leafcutter_dispatch::WorkSource;
use leafcutter_domain::{
    ErrorCode, WorkerId,
    batch::{ItemStatus, Phase},
};
use std::collections::BTreeSet;
use uuid::Uuid;

#[tokio::test]
async fn every_pending_item_is_offered_and_settled_when_it_ends() {
    let world = World::new(100).await;
    let reactions = world.react("reactions.db").await;
    let batch = world.submit(10).await;
    let mut offered = BTreeSet::new();
    while offered.len() < 10 {
        let delivery = world.queue.next().await.unwrap();
        assert_eq!(delivery.offer().batch, batch);
        for &item in &delivery.offer().items {
            assert!(offered.insert(item), "item {item} was offered twice");
            let assignment = world.claim(batch, item).await.unwrap();
            world.complete(&assignment).await;
        }
    }
    let ledger = world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
    assert_eq!((ledger.spent, ledger.available.total()), (20, 80));
    assert_eq!(world.batch(batch).await.phase, Phase::Completed);
    reactions.shutdown().await;
}

#[tokio::test]
async fn a_lease_that_runs_out_puts_the_item_back_until_it_fails_for_good() {
    let world = World::new(100).await;
    let reactions = world.react("reactions.db").await;
    let batch = world.submit(1).await;
    for _ in 0..3 {
        let _lost = world.claim(batch, 0).await.unwrap();
        world.pass(63_000);
        world.until_batch(batch, |state| state.pending_items() == [0]).await;
    }
    let _lost = world.claim(batch, 0).await.unwrap();
    world.pass(63_000);
    let state = world.until_batch(batch, |state| state.phase == Phase::Completed).await;
    assert_eq!(state.items[0].status, ItemStatus::Failed);
    world.until_ledger(world.period(), |ledger| ledger.available.total() == 100).await;
    reactions.shutdown().await;
}

#[tokio::test]
async fn items_of_a_former_worker_are_put_back_at_start_and_those_of_the_present_one_are_not() {
    let mut world = World::new(100).await;
    let batch = world.submit(2).await;
    let _former = world.claim(batch, 0).await.unwrap();
    world.worker = WorkerId(Uuid::now_v7());
    let _present = world.claim(batch, 1).await.unwrap();
    let reactions = world.react("reactions.db").await;
    world.until_batch(batch, |state| state.pending_items() == [0]).await;
    assert_eq!(world.batch(batch).await.items[0].put_backs, 1);
    reactions.shutdown().await;
}

#[tokio::test]
async fn reading_the_whole_log_again_offers_what_is_open_and_changes_no_credit() {
    let world = World::new(100).await;
    let reactions = world.react("first.db").await;
    let batch = world.submit(3).await;
    let assignment = world.claim(batch, 0).await.unwrap();
    world.fail(&assignment, ErrorCode::HttpStatus).await;
    let before = world.until_ledger(world.period(), |ledger| ledger.held() == 4).await;
    reactions.shutdown().await;
    let mut world = world;
    world.queue = leafcutter_dispatch::in_process(1_000);
    let reactions = world.react("second.db").await;
    let mut offered = BTreeSet::new();
    while offered.len() < 2 {
        offered.extend(world.queue.next().await.unwrap().offer().items.clone());
    }
    assert_eq!(offered, BTreeSet::from([1, 2]));
    assert_eq!(world.ledger(world.period()).await, before);
    reactions.shutdown().await;
}
