//! What decides how politely a batch runs: how many of its items are out at a time, and which hosts its offers name.

use crate::support::{World, batch_of, pages_body};
use axum::http::StatusCode;
use futures::FutureExt;
use leafcutter_dispatch::{Assignment, HostKey, Offer, WorkSource};
use leafcutter_domain::{BatchId, ErrorCode, batch::Phase};
use serde_json::json;

/// Takes the next offer, which has to be of one item, and claims that.
async fn next(world: &World, batch: BatchId) -> Assignment {
    let offer = offer(world).await;
    assert_eq!((offer.batch, offer.items.len()), (batch, 1));
    world.claim(batch, offer.items[0]).await.unwrap()
}

async fn offer(world: &World) -> Offer {
    world.queue.next().await.unwrap().offer().clone()
}

async fn retry(world: &World, batch: BatchId) {
    let path = format!("/api/batch/scrape/{batch}/retry");
    let (status, answer) = world.request("POST", &path, None, json!({})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
}

#[tokio::test]
async fn no_more_items_of_a_batch_are_out_than_it_allows_also_when_it_is_retried() {
    let world = World::new(100).await;
    let reactions = world.react("reactions.db").await;
    let mut body = pages_body(6);
    body["concurrency"] = json!(2);
    let (_, answer) = world.request("POST", "/api/batch/scrape", None, body).await;
    let batch = batch_of(&answer);
    for _ in 0..2 {
        let mut out = vec![next(&world, batch).await, next(&world, batch).await];
        for _ in 2..6 {
            assert!(world.queue.next().now_or_never().is_none(), "two of two are out");
            world.fail(&out.remove(0), ErrorCode::HttpStatus).await;
            out.push(next(&world, batch).await);
        }
        for assignment in out {
            world.fail(&assignment, ErrorCode::HttpStatus).await;
        }
        world.until_batch(batch, |state| state.phase == Phase::Completed).await;
        world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
        retry(&world, batch).await;
    }
    reactions.shutdown().await;
}

#[tokio::test]
async fn an_offer_names_its_hosts_when_it_is_made_made_again_or_made_by_another_owner() {
    let mut world = World::new(100).await;
    let reactions = world.react("reactions.db").await;
    let batch = world.submit(1).await;
    let hosts = [(0, HostKey::of_text("https://example.com").unwrap())].into();
    assert_eq!(offer(&world).await.hosts, hosts);
    reactions.shutdown().await;
    world.queue = leafcutter_dispatch::in_process(1_000);
    let reactions = world.react("reactions.db").await;
    assert_eq!(offer(&world).await.hosts, hosts, "from what is remembered");
    let assignment = world.claim(batch, 0).await.unwrap();
    world.fail(&assignment, ErrorCode::HttpStatus).await;
    world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
    retry(&world, batch).await;
    assert_eq!(offer(&world).await.hosts, hosts, "from the batch itself");
    reactions.shutdown().await;
}
