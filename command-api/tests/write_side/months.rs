//! The turn of the month.

use crate::support::{World, pages_body};
use axum::http::StatusCode;
use leafcutter_domain::{
    GrantId, Period,
    ledger::{Funds, Grant},
};
use leafcutter_event_store::LedgerId;
use uuid::Uuid;

pub(crate) async fn top_up(world: &World, period: Period, amount: u64) {
    let id = LedgerId { account: world.account(), period };
    let funds = Funds::of(period.plus_months(12), amount);
    let grant =
        Grant { grant: GrantId(Uuid::now_v7()), funds, released_by: None, at: world.commands.clock.now() };
    world.commands.ledgers.transact(id, grant).await.unwrap();
}

#[tokio::test]
async fn a_new_month_closes_the_one_before_and_carries_top_ups_only() {
    let world = World::new(10).await;
    let november = world.period();
    world.submit(1).await;
    top_up(&world, november, 7).await;
    world.turn_the_month();
    world.submit(1).await;
    let (old, new) = (world.ledger(november).await, world.ledger(world.period()).await);
    assert!(old.closed && old.is_balanced() && new.is_balanced());
    assert_eq!((old.expired, old.carried_out, old.held()), (8, 7, 2));
    assert_eq!((new.granted, new.available.total()), (17, 15));
}

#[tokio::test]
async fn an_open_reservation_is_settled_in_the_month_that_took_it() {
    let world = World::new(10).await;
    let november = world.period();
    let reactions = world.react("reactions.db").await;
    let batch = world.submit(2).await;
    let [first, second] = [world.claim(batch, 0).await.unwrap(), world.claim(batch, 1).await.unwrap()];
    world.turn_the_month();
    world.submit(1).await;
    // The clock has jumped over the leases, so the items come back and are run again.
    world.until_batch(batch, |state| state.pending_items().len() == 2).await;
    drop((first, second));
    let again = [world.claim(batch, 0).await.unwrap(), world.claim(batch, 1).await.unwrap()];
    world.complete(&again[0]).await;
    world.fail(&again[1], leafcutter_domain::ErrorCode::HttpStatus).await;
    let old = world.until_ledger(november, |ledger| ledger.held() == 0).await;
    assert_eq!((old.spent, old.expired), (2, 8));
    assert_eq!(world.ledger(world.period()).await.spent, 0);
    reactions.shutdown().await;
}

#[tokio::test]
async fn top_ups_released_after_the_close_are_granted_again_once() {
    let world = World::new(3).await;
    let november = world.period();
    world.submit(1).await;
    top_up(&world, november, 3).await;
    let batch = world.submit(2).await;
    world.turn_the_month();
    let (refused, _) = world.request("POST", "/api/batch/scrape", None, pages_body(50)).await;
    assert_eq!(refused, StatusCode::FORBIDDEN, "too dear, but it has turned the month");
    assert!(world.ledger(november).await.closed);
    let (status, _) = world.cancel(batch).await;
    assert_eq!(status, StatusCode::OK);
    let december = world.period();
    for file in ["first.db", "second.db"] {
        let reactions = world.react(file).await;
        world.until_ledger(december, |ledger| ledger.granted == 3 + 3).await;
        reactions.shutdown().await;
    }
    let old = world.ledger(november).await;
    assert_eq!((old.carried_out, old.expired, old.held()), (3, 1, 2));
    assert!(old.is_balanced());
}

#[tokio::test]
async fn batches_of_the_month_before_that_are_unfinished_count_as_pending() {
    let world = World::new(1_000).await;
    let mut open = Vec::new();
    for _ in 0..world.commands.settings.pending_batches_max {
        open.push(world.submit(1).await);
    }
    world.turn_the_month();
    let (status, answer) = world.request("POST", "/api/batch/scrape", None, pages_body(1)).await;
    assert_eq!((status, &answer["code"]), (StatusCode::TOO_MANY_REQUESTS, &"TOO_MANY_PENDING_JOBS".into()));
    world.cancel(open[0]).await;
    world.submit(1).await;
    let (status, _) = world.request("POST", "/api/batch/scrape", None, pages_body(1)).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn batches_of_any_month_before_that_are_unfinished_count_as_pending_also_over_idle_months() {
    let world = World::new(1_000).await;
    let max = world.commands.settings.pending_batches_max;
    let oldest = world.submit(1).await;
    world.turn_the_month();
    world.turn_the_month();
    for _ in 2..max {
        world.submit(1).await;
    }
    world.turn_the_month();
    world.submit(1).await;
    let (status, _) = world.request("POST", "/api/batch/scrape", None, pages_body(1)).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    world.cancel(oldest).await;
    world.submit(1).await;
}
