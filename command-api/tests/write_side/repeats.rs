//! Reactions that are told everything twice, late, and from the beginning again: what is recorded is the same.

use crate::{
    months::top_up,
    stand_ins::Stuttering,
    support::{World, pages_body},
};
use leafcutter_command_api::{ReactionSettings, Reactions};
use leafcutter_dispatch::{SoleOwner, WorkSource};
use leafcutter_domain::{BatchId, ErrorCode, PriceList, batch::Phase, ledger::LedgerState};
use leafcutter_event_store::EventStore;
use leafcutter_reaction_memory::ReactionMemory;
use serde_json::json;
use std::sync::Arc;

/// Prices under which a failure costs something too.
fn prices() -> Vec<PriceList> {
    let failures = [(ErrorCode::Blocked, 1)].into();
    vec![PriceList { version: 3, failures, ..PriceList::built_in() }]
}

async fn react(world: &World, log: Arc<dyn EventStore>, file: &str) -> Reactions {
    let tables = ReactionMemory::open(&world.folder.path().join(file)).await.unwrap();
    let settings =
        ReactionSettings { slots: 4, own_worker: None, sweep_grace_ms: 30_000, result_age_ms: None };
    let dispatch = Arc::new(world.queue.clone());
    Reactions::start(world.commands.clone(), log, dispatch, tables, Arc::new(SoleOwner), settings)
}

/// A life with everything in it: results, failures of both kinds, a lost worker, a retry, a cancel, a month's turn and
/// a top-up that is released after it.
async fn live(world: &World) {
    let november = world.period();
    let batch = world.submit(4).await;
    top_up(world, november, 6).await;
    let mut running = Vec::new();
    for item in 0..4 {
        running.push(world.claim(batch, item).await.unwrap());
    }
    world.complete(&running[0]).await;
    world.fail(&running[1], ErrorCode::Blocked).await;
    world.fail(&running[2], ErrorCode::HttpStatus).await;
    world.pass(63_000);
    world.until_batch(batch, |state| state.pending_items() == [3]).await;
    let again = world.claim(batch, 3).await.unwrap();
    world.complete(&again).await;
    world.until_ledger(november, |ledger| ledger.held() == 0).await;
    world.request("POST", &format!("/api/batch/scrape/{batch}/retry"), None, json!({})).await;
    // More than is left of the allowance, so that a part of it is topped up and lasts.
    let late = world.submit(8).await;
    world.turn_the_month();
    let (refused, _) = world.request("POST", "/api/batch/scrape", None, pages_body(50)).await;
    assert!(refused.is_client_error(), "too dear, but it has turned the month");
    world.cancel(late).await;
    for item in [1, 2] {
        let assignment = world.claim(batch, item).await.unwrap();
        world.complete(&assignment).await;
    }
    world.until_batch(batch, |state| state.phase == Phase::Completed).await;
    world.until_ledger(november, |ledger| ledger.held() == 0).await;
    let carried = world.ledger(november).await.carried_out;
    world.until_ledger(november.next(), |ledger| ledger.granted == 20 + carried).await;
}

/// The two months of such a life; ids and times are its own.
async fn months(world: &World) -> [(u64, u64, u64, u64, u64, u64); 2] {
    let sums = |ledger: LedgerState| {
        assert!(ledger.is_balanced() && ledger.held() == 0);
        let LedgerState { granted, spent, expired, carried_out, entries, .. } = ledger;
        (granted, ledger.available.total(), spent, expired, carried_out, entries)
    };
    let december = world.period();
    [sums(world.ledger(december.plus_months(-1)).await), sums(world.ledger(december).await)]
}

/// Of work that has ended nothing is remembered; what became of the last batch may not have been read.
async fn is_forgotten(world: &World, file: &str, last: BatchId) {
    let tables = ReactionMemory::open(&world.folder.path().join(file)).await.unwrap();
    let (rows, _) = tables.load().await.unwrap();
    let last = last.to_string();
    assert!(rows.iter().all(|row| row.id == last || row.content.contains(&last)), "{rows:?}");
    tables.close().await;
}

/// Lives, with reactions that read this log and stop in the midst of something; others go on with their tables.
async fn live_with(world: &World, log: Arc<dyn EventStore>) {
    let reactions = react(world, log, "reactions.db").await;
    live(world).await;
    reach_the_end(world).await;
    reactions.shutdown().await;
    let reactions = react(world, world.store.clone(), "reactions.db").await;
    let last = reach_the_end(world).await;
    reactions.shutdown().await;
    is_forgotten(world, "reactions.db", last).await;
}

#[tokio::test]
async fn events_that_come_twice_late_and_from_the_beginning_again_record_the_same() {
    let plain = World::priced(20, prices()).await;
    live_with(&plain, plain.store.clone()).await;
    let world = World::priced(20, prices()).await;
    live_with(&world, Arc::new(Stuttering::of(&world.store))).await;
    assert_eq!(months(&world).await, months(&plain).await);
}

/// Waits until the reactions have read what the log holds: an offer of a batch that comes last. It is cancelled again.
async fn reach_the_end(world: &World) -> BatchId {
    let last = world.submit(1).await;
    while world.queue.next().await.unwrap().offer().batch != last {}
    world.cancel(last).await;
    world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
    last
}

#[tokio::test]
async fn tables_of_an_earlier_time_are_brought_up_to_date_and_record_nothing_twice() {
    let world = World::priced(20, prices()).await;
    let file = |name: &str| world.folder.path().join(name);
    let reactions = react(&world, world.store.clone(), "now.db").await;
    let first = world.submit(1).await;
    while world.queue.next().await.unwrap().offer().batch != first {}
    reactions.shutdown().await;
    std::fs::copy(file("now.db"), file("earlier.db")).unwrap();
    let reactions = react(&world, world.store.clone(), "now.db").await;
    world.cancel(first).await;
    live(&world).await;
    reactions.shutdown().await;
    let before = months(&world).await;
    let reactions = react(&world, world.store.clone(), "earlier.db").await;
    let rival = react(&world, Arc::new(Stuttering::of(&world.store)), "from-the-beginning.db").await;
    reach_the_end(&world).await;
    reactions.shutdown().await;
    rival.shutdown().await;
    let [old, mut new] = months(&world).await;
    // The last batch was set aside and refunded.
    new.5 -= 2;
    assert_eq!([old, new], before);
}
