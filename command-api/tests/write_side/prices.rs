//! Price lists of the operator: published once, charged by the version under which a batch was submitted; what failed
//! items cost, and what a retry is told of its price.

use crate::support::{World, batch_of, pages_body};
use axum::http::StatusCode;
use leafcutter_domain::{
    BatchId, ErrorCode, PriceList,
    batch::Phase,
    price_lists::{PriceListRejection, PriceLists},
};
use leafcutter_event_store::{Aggregate, EventStore, TransactError};
use serde_json::{Value, json};

/// A list in which a page costs this, and these failures cost something.
fn list(version: u32, page: u64, failures: &[(ErrorCode, u64)]) -> PriceList {
    PriceList { version, page, failures: failures.iter().copied().collect(), ..PriceList::built_in() }
}

async fn published(world: &World) -> usize {
    world.store.read(&PriceLists::stream(()), 0, 100).await.unwrap().len()
}

async fn publish(world: &World) -> Result<(), TransactError<PriceListRejection>> {
    world.commands.prices.publish(world.commands.clock.now()).await
}

#[tokio::test]
async fn replicas_that_start_at_once_publish_their_lists_once() {
    let lists = || vec![list(4, 7, &[]), list(3, 5, &[(ErrorCode::Blocked, 1)])];
    let world = World::priced(100, lists()).await;
    let others = [world.replica_priced(0, lists()), world.replica_priced(0, lists())];
    let (first, second) = tokio::join!(publish(&others[0]), publish(&others[1]));
    first.and(second).unwrap();
    assert_eq!(published(&world).await, 2);
    let batch = world.submit(1).await;
    assert_eq!(world.batch(batch).await.rounds[0].terms.per_item, 7, "the newest list holds");
}

#[tokio::test]
async fn a_version_that_is_there_with_other_prices_is_refused_and_the_built_in_lists_need_no_event() {
    let world = World::priced(100, vec![list(3, 5, &[])]).await;
    for (version, page) in [(3, 6), (1, 6), (2, 6)] {
        let refused = publish(&world.replica_priced(0, vec![list(version, page, &[])])).await;
        let said = refused.unwrap_err().to_string();
        assert!(said.contains(&format!("price list {version}")) && said.contains("higher version"), "{said}");
    }
    publish(&world.replica_priced(0, vec![PriceList::built_in()])).await.unwrap();
    assert_eq!(published(&world).await, 1);
}

#[tokio::test]
async fn a_running_batch_keeps_the_prices_of_its_list_when_the_file_says_another_or_none() {
    let world = World::priced(100, vec![list(3, 5, &[(ErrorCode::Blocked, 1)])]).await;
    let batch = world.submit(2).await;
    for lists in [vec![list(4, 50, &[])], vec![]] {
        let later = world.replica_priced(0, lists);
        publish(&later).await.unwrap();
        let item = later.batch(batch).await.pending_items()[0];
        let assignment = later.claim(batch, item).await.unwrap();
        if item == 0 {
            later.complete(&assignment).await;
        } else {
            later.fail(&assignment, ErrorCode::Blocked).await;
        }
    }
    let state = world.batch(batch).await;
    assert_eq!((state.phase, state.credits_used(0), state.credits_used(1)), (Phase::Completed, 5, 1));
}

/// Fails the only item of the batch.
async fn fail(world: &World, batch: BatchId, code: ErrorCode) {
    let assignment = world.claim(batch, 0).await.unwrap();
    world.fail(&assignment, code).await;
}

#[tokio::test]
async fn an_item_costs_the_sum_of_what_its_rounds_were_charged() {
    let world =
        World::priced(100, vec![list(3, 5, &[(ErrorCode::Blocked, 2), (ErrorCode::DnsFailure, 9)])]).await;
    let reactions = world.react("reactions.db").await;
    let batch = world.submit(1).await;
    assert_eq!(world.ledger(world.period()).await.held(), 9, "the dearest failure is above the page");
    fail(&world, batch, ErrorCode::Blocked).await;
    let ledger = world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
    assert_eq!((ledger.spent, ledger.available.total()), (2, 98));
    retry(&world, batch, json!({})).await;
    let assignment = world.claim(batch, 0).await.unwrap();
    world.complete(&assignment).await;
    let ledger = world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
    assert_eq!((ledger.spent, world.batch(batch).await.credits_used(0)), (7, 7));
    reactions.shutdown().await;
}

#[tokio::test]
async fn a_lost_worker_and_lost_cookies_cost_what_the_list_says() {
    let failures = [(ErrorCode::WorkerLost, 3), (ErrorCode::CookiesExpired, 4)];
    let world = World::priced(100, vec![list(3, 5, &failures)]).await;
    let reactions = world.react("reactions.db").await;
    let batch = world.submit(1).await;
    for _ in 0..4 {
        world.until_batch(batch, |state| state.pending_items() == [0]).await;
        let _lost = world.claim(batch, 0).await.unwrap();
        world.pass(63_000);
    }
    world.until_batch(batch, |state| state.phase == Phase::Completed).await;
    world.until_ledger(world.period(), |ledger| ledger.spent == 3 && ledger.held() == 0).await;
    let mut body = pages_body(1);
    body["cookies"] = json!("session=SECRET");
    let batch = batch_of(&world.request("POST", "/api/batch/scrape", None, body).await.1);
    world.commands.secrets.forget(&leafcutter_secrets::SecretName { batch, request: None }).await;
    assert!(world.claim(batch, 0).await.is_none());
    world.until_ledger(world.period(), |ledger| ledger.spent == 3 + 4 && ledger.held() == 0).await;
    reactions.shutdown().await;
}

async fn retry(world: &World, batch: BatchId, body: Value) -> (StatusCode, Value) {
    world.request("POST", &format!("/api/batch/scrape/{batch}/retry"), None, body).await
}

#[tokio::test]
async fn a_retry_says_its_price_and_keeps_to_its_ceiling() {
    let world = World::priced(100, vec![list(3, 5, &[])]).await;
    let batch = world.submit(2).await;
    for item in [0, 1] {
        let assignment = world.claim(batch, item).await.unwrap();
        world.fail(&assignment, ErrorCode::HttpStatus).await;
    }
    // A later list changes nothing: the batch is priced by its own.
    let world = world.replica_priced(0, vec![list(4, 50, &[])]);
    publish(&world).await.unwrap();
    let (status, answer) = retry(&world, batch, json!({"dryRun": true, "maxCredits": 10})).await;
    let price =
        json!({"status": "dryRun", "total": 2, "creditsPerItem": 5, "creditsTotal": 10, "priceList": 3});
    assert_eq!((status, answer), (StatusCode::OK, price));
    for dry_run in [true, false] {
        let (status, answer) = retry(&world, batch, json!({"dryRun": dry_run, "maxCredits": 9})).await;
        assert_eq!((status, &answer["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("COST_CEILING")));
    }
    assert_eq!(world.batch(batch).await.rounds.len(), 1, "nothing was queued");
    let (status, answer) = retry(&world, batch, json!({"maxCredits": 10})).await;
    assert_eq!((status, &answer["retriedCount"]), (StatusCode::ACCEPTED, &json!(2)));
    assert_eq!(world.batch(batch).await.rounds[1].terms.per_item, 5);
    let (status, answer) = retry(&world, batch, json!({"dryRun": true})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &json!("BATCH_NOT_FINISHED")));
    let (status, _) = retry(&world, batch, json!({"maxCredits": u64::MAX})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_repeat_gets_its_first_answer_though_prices_have_risen_above_its_ceiling() {
    let mut body = pages_body(1);
    body["maxCredits"] = json!(5);
    let world = World::priced(100, vec![list(3, 5, &[])]).await;
    let (status, first) = world.request("POST", "/api/batch/scrape", Some("k"), body.clone()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let dearer = world.replica_priced(0, vec![list(4, 6, &[])]);
    publish(&dearer).await.unwrap();
    let (status, again) = dearer.request("POST", "/api/batch/scrape", Some("k"), body.clone()).await;
    assert_eq!((status, batch_of(&again)), (StatusCode::ACCEPTED, batch_of(&first)));
    let (status, answer) = dearer.request("POST", "/api/batch/scrape", Some("other"), body).await;
    assert_eq!((status, &answer["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("COST_CEILING")));
}

#[tokio::test]
async fn a_dry_retry_keeps_no_cookies() {
    let world = World::new(100).await;
    let mut body = pages_body(1);
    body["cookies"] = json!("session=FIRST");
    let batch = batch_of(&world.request("POST", "/api/batch/scrape", None, body).await.1);
    fail(&world, batch, ErrorCode::HttpStatus).await;
    let (status, _) = retry(&world, batch, json!({"dryRun": true, "cookies": "session=OTHER"})).await;
    assert_eq!(status, StatusCode::OK);
    retry(&world, batch, json!({})).await;
    let cookies = world.claim(batch, 0).await.unwrap().cookies.unwrap();
    assert_eq!(cookies.reveal(), "session=FIRST");
}
