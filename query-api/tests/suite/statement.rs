//! The history of credits: what each entry says, which events it names, and what the filters find.

use crate::{
    account::{open, top_up},
    support::{OWNER, STRANGER_KEY, World, now},
};
use leafcutter_domain::{
    BatchId,
    OutputFormat::Markdown,
    ReservationId,
    ledger::{RefundReason, Reserve, Settle, Settlement, SettlementEntry},
};
use leafcutter_event_store::EventStore;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const MONTH: &str = "2026-11";

async fn reserve(world: &World, batch: BatchId, round: u32, items: Vec<u16>) {
    let reservation = ReservationId::of(batch, round);
    let (per_item, open_max, at) = (2, 9, now());
    world.ledger(MONTH, Reserve { reservation, batch, round, items, per_item, open_max, at }).await;
}

async fn settle(world: &World, batch: BatchId, round: u32, entries: &[(u16, Settlement)]) {
    let entries = entries.iter().map(|&(item, settlement)| SettlementEntry { item, settlement }).collect();
    world.ledger(MONTH, Settle { reservation: ReservationId::of(batch, round), entries, at: now() }).await;
}

/// A batch of four pages: one done, two failed, one cancelled; then all of it is settled.
async fn told(world: &World) -> BatchId {
    world.ledger(MONTH, open(MONTH)).await;
    let batch = world.submit(1, 4, Markdown).await;
    reserve(world, batch, 1, vec![0, 1, 2, 3]).await;
    for item in 0..3 {
        world.start(batch, item).await;
    }
    world.complete(batch, 0, "text", None).await;
    world.fail(batch, 1).await;
    world.fail(batch, 2).await;
    world.cancel(batch).await;
    let refund = |reason| Settlement::Refund(reason);
    let charge = Settlement::Charge { attempt: 1, amount: 1, failure: None };
    let (failed, cancelled) = (refund(RefundReason::Failed), refund(RefundReason::Cancelled));
    settle(world, batch, 1, &[(0, charge), (1, failed), (2, failed), (3, cancelled)]).await;
    world.ledger(MONTH, top_up("2027-11", 30, now())).await;
    batch
}

/// Some fields of every entry that the query finds.
async fn entries(world: &World, query: &str, fields: &[&str]) -> Vec<Value> {
    let answer = world.get(&format!("/api/credits/history?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    let pick = |entry: &Value| fields.iter().map(|field| entry[field].clone()).collect();
    answer.json["entries"].as_array().unwrap().iter().map(pick).collect()
}

#[tokio::test]
async fn every_entry_says_what_moved_why_and_what_was_left() {
    let world = World::new().await;
    let projector = world.project();
    let batch = json!(told(&world).await);
    let fields =
        ["kind", "amount", "change", "balance", "held", "spent", "reason", "batchId", "items", "attempt"];
    let expected = [
        json!(["granted", 30, 30, 129, 0, 1, "topUp", null, [], null]),
        json!(["refunded", 2, 2, 99, 0, 1, "cancelled", batch, [3], null]),
        json!(["refunded", 4, 4, 97, 2, 1, "failed", batch, [1, 2], null]),
        json!(["charged", 1, 1, 93, 6, 1, "completed", batch, [0], 1]),
        json!(["reserved", 8, -8, 92, 8, 0, null, batch, [0, 1, 2, 3], null]),
        json!(["opened", 100, 100, 100, 0, 0, "allowance", null, [], null]),
    ];
    assert_eq!(entries(&world, "", &fields).await, expected);
    let shown = world.get("/api/credits").await.json;
    assert_eq!((&shown["available"], &shown["held"], &shown["spent"]), (&json!(129), &json!(0), &json!(1)));
    projector.shutdown().await;
}

#[tokio::test]
async fn every_entry_names_its_own_event_and_those_that_caused_it() {
    let world = World::new().await;
    let projector = world.project();
    let batch = told(&world).await;
    let mut events = BTreeMap::new();
    for stream in [format!("batch-{batch}"), format!("ledger-{}-{MONTH}", OWNER.0)] {
        for event in world.log.read(&stream.into(), 0, 100).await.unwrap() {
            let place = json!([event.position.to_string(), event.name, event.revision]);
            events.insert(event.id.to_string(), place);
        }
    }
    let place = |event: &Value| json!([event["position"], event["type"], event["revision"]]);
    let found = entries(&world, "", &["event", "causes", "kind"]).await;
    let mut causes = Vec::new();
    for entry in &found {
        let all = std::iter::once(&entry[0]).chain(entry[1].as_array().unwrap());
        for event in all {
            assert_eq!(place(event), events[event["id"].as_str().unwrap()]);
        }
        let named = entry[1].as_array().unwrap().iter().map(|cause| json!([cause["type"], cause["item"]]));
        causes.push(json!([entry[2], named.collect::<Vec<_>>()]));
    }
    let expected = [
        json!(["granted", []]),
        json!(["refunded", [["BatchCancelled", null]]]),
        json!(["refunded", [["ItemFailed", 1], ["ItemFailed", 2]]]),
        json!(["charged", [["ItemCompleted", 0]]]),
        json!(["reserved", [["BatchSubmitted", null]]]),
        json!(["opened", []]),
    ];
    assert_eq!(causes, expected);
    the_export_has_the_same_causes(&world, &found).await;
    projector.shutdown().await;
}

/// Of entries with their events and causes.
async fn the_export_has_the_same_causes(world: &World, entries: &[Value]) {
    let export = async |query: &str| {
        let answer = world.get(&format!("/api/credits/export?{query}")).await;
        String::from_utf8(answer.bytes).unwrap()
    };
    let (lines, rows) = (export("causes=true").await, export("causes=true&format=csv").await);
    for entry in entries {
        let id = entry[0]["id"].as_str().unwrap();
        let line = lines.lines().find(|line| line.contains(id)).unwrap();
        assert_eq!(serde_json::from_str::<Value>(line).unwrap()["causes"], entry[1]);
        let row = rows.lines().find(|row| row.contains(id)).unwrap();
        let causes = entry[1].as_array().unwrap().iter();
        let places: Vec<String> = causes
            .map(|cause| format!("{}@{}", cause["id"].as_str().unwrap(), cause["position"].as_str().unwrap()))
            .collect();
        assert_eq!(row.rsplit(',').next(), Some(places.join(" ").as_str()));
    }
    assert!(export("").await.lines().all(|line| line.contains("\"causes\":null")), "nothing was asked for");
}

#[tokio::test]
async fn a_retry_and_a_round_that_never_began_have_their_own_causes() {
    let world = World::new().await;
    let projector = world.project();
    world.ledger(MONTH, open(MONTH)).await;
    let batch = world.submit(1, 1, Markdown).await;
    reserve(&world, batch, 1, vec![0]).await;
    world.start(batch, 0).await;
    world.fail(batch, 0).await;
    settle(&world, batch, 1, &[(0, Settlement::Refund(RefundReason::Failed))]).await;
    reserve(&world, batch, 2, vec![0]).await;
    world.abandon(batch, 2).await;
    settle(&world, batch, 2, &[(0, Settlement::Refund(RefundReason::Abandoned))]).await;
    reserve(&world, batch, 3, vec![0]).await;
    world.retry(batch, 3).await;
    let found = entries(&world, &format!("batchId={batch}"), &["kind", "round", "causes"]).await;
    let told: Vec<Value> = found
        .iter()
        .map(|entry| json!([entry[0], entry[1], entry[2].get(0).map(|cause| &cause["type"])]))
        .collect();
    let expected = [
        json!(["reserved", 3, "RetryRequested"]),
        json!(["refunded", null, "SubmissionAbandoned"]),
        json!(["reserved", 2, null]),
        json!(["refunded", null, "ItemFailed"]),
        json!(["reserved", 1, "BatchSubmitted"]),
    ];
    assert_eq!(told, expected);
    projector.shutdown().await;
}

#[tokio::test]
async fn filters_and_pages_find_what_they_say_and_nobody_elses() {
    let world = World::new().await;
    let projector = world.project();
    let batch = told(&world).await;
    let count = async |query: &str| entries(&world, query, &["kind"]).await.len();
    assert_eq!(count(&format!("batchId={batch}")).await, 4);
    assert_eq!(count(&format!("batchId={batch}&item=2")).await, 2);
    assert_eq!(count("kind=charged,refunded").await, 3);
    assert_eq!(count("batchId=00000000-0000-0000-0000-00000000000f").await, 0);
    assert_eq!(count("from=2026-11-15T12:00:00Z").await, 5);
    assert_eq!(count("to=2026-11-15T12:00:00Z").await, 1);
    let page = world.get("/api/credits/history?page=2&limit=4").await.json;
    assert_eq!(page["pagination"], json!({"page": 2, "limit": 4, "total": 6, "totalPages": 2}));
    assert_eq!(page["entries"].as_array().unwrap().len(), 2);
    let others =
        world.ask(&format!("/api/credits/history?batchId={batch}"), &[("x-api-key", STRANGER_KEY)]).await;
    assert_eq!((others.status, &others.json["pagination"]["total"]), (200, &json!(0)));
    projector.shutdown().await;
}

#[tokio::test]
async fn a_query_that_does_not_hold_what_it_should_is_refused_with_all_its_faults() {
    let world = World::new().await;
    let refused = world.get("/api/credits/history?limit=101&page=0&kind=paid&from=x&batchId=y&item=1").await;
    assert_eq!((refused.status, &refused.json["code"]), (422, &json!("VALIDATION_FAILED")));
    let faults = refused.json["errors"].as_array().unwrap();
    for name in ["limit", "page", "kind", "from", "batchId"] {
        assert!(
            faults.iter().any(|fault| fault.as_str().unwrap().starts_with(&format!("{name}: "))),
            "{name}"
        );
    }
    for query in ["item=1", "batch=x", "kind=", "to=2026-13-01T00:00:00Z", "item=70000"] {
        assert_eq!(world.get(&format!("/api/credits/history?{query}")).await.status, 422, "{query}");
    }
}

#[tokio::test]
async fn the_history_waits_for_what_was_answered_before_and_says_so_when_it_cannot() {
    let world = World::new().await;
    world.ledger(MONTH, open(MONTH)).await;
    let busy = world.get("/api/credits/history").await;
    assert_eq!((busy.status, &busy.json["code"]), (503, &json!("SERVICE_BUSY")));
    let projector = world.project();
    assert_eq!(entries(&world, "", &["kind"]).await, [json!(["opened"])]);
    projector.shutdown().await;
}
