//! Results that are erased: their objects go, once the log says so, and nothing else changes.

use crate::support::World;
use axum::http::StatusCode;
use leafcutter_domain::{
    BatchId, ErrorCode,
    batch::{Batch, EraseReason, EraseResults, Phase, StoredObject},
};
use leafcutter_event_store::{Aggregate, EventStore, Expected, NewEvent};
use serde_json::json;
use std::time::Duration;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const DEADLINE: Duration = Duration::from_secs(20);

async fn erase(world: &World, batch: BatchId) -> bool {
    let at = world.commands.clock.now();
    let command = EraseResults { reason: EraseReason::Operator, until: None, at };
    !world.commands.batches.transact(batch, command).await.unwrap().events.is_empty()
}

/// What an attempt stores whose report never came.
async fn put(world: &World, batch: BatchId, attempt: &str) -> StoredObject {
    let prefix = format!("{}/{batch}/{attempt}", world.account());
    world.commands.objects.put(&prefix, "page".into()).await.unwrap()
}

async fn is_there(world: &World, object: &StoredObject) -> bool {
    world.commands.objects.holds(object).await.unwrap()
}

async fn until_gone(world: &World, object: &StoredObject) {
    let gone = async {
        while is_there(world, object).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.expect("the object must be deleted");
}

/// A batch of one page that was done, and its object.
async fn done(world: &World) -> (BatchId, StoredObject) {
    let batch = world.submit(1).await;
    let assignment = world.claim(batch, 0).await.unwrap();
    let object = put(world, batch, "0/1").await;
    world.complete(&assignment).await;
    (batch, object)
}

#[tokio::test]
async fn objects_of_erased_attempts_are_deleted_named_or_not_and_those_of_others_stay() {
    let world = World::new(100).await;
    let batch = world.submit(2).await;
    world.complete(&world.claim(batch, 0).await.unwrap()).await;
    world.fail(&world.claim(batch, 1).await.unwrap(), ErrorCode::HttpStatus).await;
    let (of_first, of_failed) = (put(&world, batch, "0/1").await, put(&world, batch, "1/1").await);
    let (_, beside) = done(&world).await;
    assert!(erase(&world, batch).await);
    // The retry's second attempt comes before anything was deleted.
    let path = format!("/api/batch/scrape/{batch}/retry");
    let (status, answer) = world.request("POST", &path, None, json!({})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let again = world.claim(batch, 1).await.unwrap();
    let of_retry = put(&world, batch, "1/2").await;
    world.complete(&again).await;
    let reactions = world.react("reactions.db").await;
    until_gone(&world, &of_first).await;
    until_gone(&world, &of_failed).await;
    assert!(is_there(&world, &of_retry).await && is_there(&world, &beside).await);
    let ledger = world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
    assert_eq!(ledger.spent, 6);
    reactions.shutdown().await;
}

/// Makes the admin call until there is nothing more to come.
async fn erase_account(world: &World) -> (Vec<String>, Vec<String>, u64) {
    let (mut erased, mut unfinished, mut unchanged) = (vec![], vec![], 0);
    let mut body = json!({"accountId": world.account().0});
    loop {
        let (status, answer) = world.request("POST", "/admin/erase", None, body.clone()).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let ids = |name: &str| serde_json::from_value::<Vec<String>>(answer[name].clone()).unwrap();
        erased.extend(ids("erased"));
        unfinished.extend(ids("unfinished"));
        unchanged += answer["unchanged"].as_u64().unwrap();
        if answer["next"].is_null() {
            return (erased, unfinished, unchanged);
        }
        body["after"] = answer["next"].clone();
    }
}

#[tokio::test]
async fn an_account_is_erased_over_all_its_months_and_what_is_open_is_named() {
    let world = World::new(100).await;
    let (first, _) = done(&world).await;
    let open = world.submit(1).await;
    world.turn_the_month();
    world.turn_the_month();
    let (third, _) = done(&world).await;
    let cancelled = world.submit(1).await;
    world.cancel(cancelled).await;
    let (mut erased, unfinished, unchanged) = erase_account(&world).await;
    erased.sort();
    let mut both = vec![first.to_string(), third.to_string()];
    both.sort();
    assert_eq!((erased, unfinished, unchanged), (both.clone(), vec![open.to_string()], 1));
    world.cancel(open).await;
    assert_eq!(
        erase_account(&world).await,
        (vec![], vec![], 4),
        "at the same moment, and the open one never ran"
    );
    world.pass(1);
    let (mut again, unfinished, unchanged) = erase_account(&world).await;
    again.sort();
    assert_eq!((again, unfinished, unchanged), (both, vec![], 2));
}

#[tokio::test]
async fn an_account_is_erased_in_a_month_that_a_clock_began_too_early() {
    let world = World::new(100).await;
    world.submit(1).await;
    world.replica(100 * DAY_MS).submit(1).await;
    let (batch, _) = done(&world).await;
    assert!(world.batch(batch).await.rounds[0].terms.period > world.period().next());
    assert_eq!(erase_account(&world).await.0, [batch.to_string()]);
}

/// Has the batch end in an event that cannot be read.
async fn damage(world: &World, batch: BatchId) {
    let stream = Batch::stream(batch);
    let last = world.store.last(&stream).await.unwrap().unwrap();
    let (data, metadata) = (b"{}".as_slice().into(), last.metadata);
    let event = NewEvent { id: uuid::Uuid::now_v7(), name: "ItemStarted", data, metadata };
    world.store.append(&stream, Expected::Revision(last.revision), vec![event]).await.unwrap();
}

#[tokio::test]
async fn a_batch_that_cannot_be_read_is_named_and_the_others_are_erased() {
    let mut world = World::new(100).await;
    world.result_age_ms = Some(30 * DAY_MS);
    let (damaged, of_damaged) = done(&world).await;
    let (sound, of_sound) = done(&world).await;
    damage(&world, damaged).await;
    let (status, answer) =
        world.request("POST", "/admin/erase", None, json!({"accountId": world.account().0})).await;
    assert_eq!(
        (status, &answer["erased"], &answer["unreadable"], &answer["unreadableEntries"]),
        (StatusCode::OK, &json!([sound.0]), &json!([damaged.0]), &json!(0))
    );
    let (young, of_young) = done(&world).await;
    world.pass(31 * DAY_MS);
    let reactions = world.react("reactions.db").await;
    until_gone(&world, &of_sound).await;
    until_gone(&world, &of_young).await;
    assert!(is_there(&world, &of_damaged).await && world.batch(young).await.attempted_at.is_none());
    reactions.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_erased_is_refused() {
    let world = World::new(100).await;
    let (batch, _) = done(&world).await;
    let nobody = uuid::Uuid::nil();
    for (status, body) in [
        (422, json!({})),
        (422, json!({"batchId": batch.0, "accountId": world.account().0})),
        (422, json!({"batchId": batch.0, "after": "2026-11/1"})),
        (422, json!({"accountId": world.account().0, "after": "yesterday"})),
        (404, json!({"batchId": nobody})),
        (404, json!({"accountId": nobody})),
    ] {
        let (answered, answer) = world.request("POST", "/admin/erase", None, body.clone()).await;
        assert_eq!(answered.as_u16(), status, "{body}: {answer}");
    }
    let (_, answer) = world.request("POST", "/admin/erase", None, json!({"batchId": batch.0})).await;
    assert_eq!(answer["erased"], json!([batch.0]));
}

#[tokio::test]
async fn what_was_not_deleted_before_a_stop_is_deleted_after_it_and_deleting_twice_is_harmless() {
    let world = World::new(100).await;
    let (batch, object) = done(&world).await;
    assert!(erase(&world, batch).await);
    // Tables that are new have everything before them, however far the others had come.
    for file in ["first.db", "read-anew.db", "once-more.db"] {
        let reactions = world.react(file).await;
        until_gone(&world, &object).await;
        reactions.shutdown().await;
        put(&world, batch, "0/1").await;
    }
}

#[tokio::test]
async fn results_are_erased_when_they_are_older_than_is_kept_and_not_before() {
    let mut world = World::new(100).await;
    world.result_age_ms = Some(30 * DAY_MS);
    let (old, of_old) = done(&world).await;
    world.pass(DAY_MS);
    let (young, of_young) = done(&world).await;
    let reactions = world.react("reactions.db").await;
    world.pass(29 * DAY_MS - 60_000);
    // Whatever the reactions have read, they have looked at: what is asked for next is seen after it.
    let (probe, _) = done(&world).await;
    world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
    assert!(is_there(&world, &of_old).await, "a minute too young");
    world.pass(60_000);
    until_gone(&world, &of_old).await;
    assert!(is_there(&world, &of_young).await);
    world.pass(DAY_MS);
    until_gone(&world, &of_young).await;
    for (batch, is_erased) in [(old, true), (young, true), (probe, false)] {
        assert_eq!(world.batch(batch).await.attempted_at.is_none(), is_erased);
    }
    reactions.shutdown().await;
}

#[tokio::test]
async fn a_retry_keeps_the_results_of_its_batch_as_long_as_its_own() {
    let mut world = World::new(100).await;
    world.result_age_ms = Some(30 * DAY_MS);
    let batch = world.submit(2).await;
    world.complete(&world.claim(batch, 0).await.unwrap()).await;
    world.fail(&world.claim(batch, 1).await.unwrap(), ErrorCode::HttpStatus).await;
    let first = put(&world, batch, "0/1").await;
    world.pass(29 * DAY_MS);
    let (status, _) =
        world.request("POST", &format!("/api/batch/scrape/{batch}/retry"), None, json!({})).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let reactions = world.react("reactions.db").await;
    // It is open when its first events become old, and its last attempt is young after that.
    world.pass(2 * DAY_MS);
    world.complete(&world.claim(batch, 1).await.unwrap()).await;
    world.until_batch(batch, |state| state.phase == Phase::Completed).await;
    let (_, other) = done(&world).await;
    world.pass(30 * DAY_MS);
    until_gone(&world, &first).await;
    until_gone(&world, &other).await;
    reactions.shutdown().await;
    let head = world.store.head().await.unwrap();
    let reactions = world.react("read-anew.db").await;
    world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
    reactions.shutdown().await;
    assert_eq!(world.store.head().await.unwrap(), head, "read anew, nothing is erased again");
}
