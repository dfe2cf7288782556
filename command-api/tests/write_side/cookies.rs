//! Cookies: in their place before a batch runs, gone after it, and never in the way of a true answer.

use crate::support::{World, batch_of};
use axum::http::StatusCode;
use leafcutter_domain::{BatchId, ErrorCode, batch::Phase};
use leafcutter_secrets::{SecretName, Secrets};
use serde_json::{Value, json};
use std::{sync::atomic::Ordering, time::Duration};

const DEADLINE: Duration = Duration::from_secs(20);

fn body(pages: usize) -> Value {
    let mut body = crate::support::pages_body(pages);
    body["cookies"] = json!("session=SECRET");
    body
}

async fn are_there(world: &World, batch: BatchId) -> bool {
    world.secrets.find(&SecretName { batch, request: None }).await.unwrap().is_some()
}

async fn until_gone(world: &World, batch: BatchId) {
    let waiting = async {
        while are_there(world, batch).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.expect("the cookies must go");
}

#[tokio::test]
async fn while_their_place_is_away_a_submit_or_retry_with_cookies_may_come_again_and_nothing_is_kept() {
    let world = World::new(100).await;
    let (_, answer) = world.request("POST", "/api/batch/scrape", None, body(1)).await;
    let batch = batch_of(&answer);
    let assignment = world.claim(batch, 0).await.unwrap();
    world.fail(&assignment, ErrorCode::HttpStatus).await;
    let before = world.ledger(world.period()).await;
    world.secrets.away.store(true, Ordering::SeqCst);
    let retry = format!("/api/batch/scrape/{batch}/retry");
    let requests = [("/api/batch/scrape", body(1)), (&retry, json!({})), (&retry, json!({"cookies": "a=b"}))];
    for (path, body) in requests {
        let (status, answer) = world.request("POST", path, None, body).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains("cookies are held does not answer"), "{answer}");
    }
    assert_eq!(world.ledger(world.period()).await, before);
    world.secrets.away.store(false, Ordering::SeqCst);
    assert_eq!(world.request("POST", &retry, None, json!({})).await.0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn the_end_of_cookies_is_told_when_their_place_is_back() {
    let world = World::new(100).await;
    let reactions = world.react("reactions.db").await;
    let (_, answer) = world.request("POST", "/api/batch/scrape", None, body(1)).await;
    let batch = batch_of(&answer);
    let assignment = world.claim(batch, 0).await.unwrap();
    world.secrets.away.store(true, Ordering::SeqCst);
    world.complete(&assignment).await;
    world.until_batch(batch, |state| state.phase == Phase::Completed).await;
    world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
    world.secrets.away.store(false, Ordering::SeqCst);
    assert!(are_there(&world, batch).await);
    // Long after every end that can have been set by now; the reactions may set it anew meanwhile.
    let waiting = async {
        while are_there(&world, batch).await {
            world.pass(901_000);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.expect("the cookies must go");
    reactions.shutdown().await;
}

#[tokio::test]
async fn cookies_stay_while_their_batch_runs_and_those_of_a_refused_retry_do_not() {
    let world = World::new(3).await;
    let reactions = world.react("reactions.db").await;
    let (_, answer) = world.request("POST", "/api/batch/scrape", None, body(1)).await;
    let batch = batch_of(&answer);
    let _offered = leafcutter_dispatch::WorkSource::next(&world.queue).await.unwrap();
    world.pass(901_000);
    let assignment = world.claim(batch, 0).await.expect("the cookies are there");
    world.fail(&assignment, ErrorCode::HttpStatus).await;
    world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
    world.submit(1).await;
    let retry = format!("/api/batch/scrape/{batch}/retry");
    let (status, _) = world.request("POST", &retry, None, json!({"cookies": "session=OTHER"})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    world.pass(901_000);
    until_gone(&world, batch).await;
    reactions.shutdown().await;
}
