//! Two command-apis on one log, each with its own memory of it: whoever loses a race decides again and finds out.

use crate::support::{World, batch_of, pages_body};
use axum::http::StatusCode;
use futures::future::join_all;
use leafcutter_command_api::ensure_first_account;
use leafcutter_dispatch::ReportAnswer;
use leafcutter_domain::{ErrorCode, Moment, batch::Phase};
use leafcutter_event_store::{Aggregate, EventStore};
use serde_json::json;

/// Races of each kind, so that both outcomes are met.
const RACES: usize = 10;

#[tokio::test]
async fn the_same_submit_on_two_replicas_at_once_is_one_batch_paid_once() {
    let world = World::new(1_000).await;
    let other = world.replica(0);
    for race in 0..RACES {
        let key = format!("key-{race}");
        let replicas = [&world, &other, &world, &other];
        let submits = replicas.map(|at| at.request("POST", "/api/batch/scrape", Some(&key), pages_body(3)));
        let answers = join_all(submits).await;
        assert!(answers.iter().all(|(status, _)| *status == StatusCode::ACCEPTED), "{answers:?}");
        assert!(answers.iter().all(|(_, answer)| batch_of(answer) == batch_of(&answers[0].1)));
        let held = world.ledger(world.period()).await.held();
        assert_eq!(held, 6 * (race as u64 + 1));
    }
}

#[tokio::test]
async fn a_submit_that_was_overtaken_by_its_twin_sets_nothing_aside_a_second_time() {
    let body = || {
        let mut body = pages_body(1);
        body["cookies"] = json!("session=SECRET");
        body
    };
    let world = World::new(100).await;
    let other = world.replica(0);
    let reactions = world.react("reactions.db").await;
    for (key, ended) in [("runs", false), ("ended", true)] {
        let (arrived, enter) = world.secrets.hold_up_the_next();
        let slow = world.request("POST", "/api/batch/scrape", Some(key), body());
        let twin = async {
            arrived.await.unwrap();
            let (status, answer) = other.request("POST", "/api/batch/scrape", Some(key), body()).await;
            assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
            let batch = batch_of(&answer);
            if ended {
                let assignment = other.claim(batch, 0).await.unwrap();
                other.complete(&assignment).await;
                world.until_ledger(world.period(), |ledger| ledger.spent == 2).await;
            }
            enter.send(()).unwrap();
            batch
        };
        let ((status, answer), batch) = tokio::join!(slow, twin);
        assert_eq!((status, batch_of(&answer)), (StatusCode::ACCEPTED, batch), "{answer}");
        assert_eq!(world.batch(batch).await.rounds.len(), 1);
    }
    let ledger = world.ledger(world.period()).await;
    assert_eq!((ledger.held(), ledger.spent), (2, 2));
    reactions.shutdown().await;
}

#[tokio::test]
async fn one_key_for_two_requests_at_once_takes_one_of_them() {
    let world = World::new(1_000).await;
    let other = world.replica(0);
    for race in 0..RACES {
        let key = format!("key-{race}");
        let (first, second) = tokio::join!(
            world.request("POST", "/api/batch/scrape", Some(&key), pages_body(1)),
            other.request("POST", "/api/batch/scrape", Some(&key), pages_body(2)),
        );
        let mut statuses = [first.0, second.0];
        statuses.sort();
        assert_eq!(statuses, [StatusCode::ACCEPTED, StatusCode::UNPROCESSABLE_ENTITY]);
    }
}

#[tokio::test]
async fn one_item_claimed_on_two_replicas_at_once_runs_once() {
    let world = World::new(1_000).await;
    let other = world.replica(0);
    let batch = world.submit(20).await;
    for item in 0..20 {
        let (first, second) = tokio::join!(world.claim(batch, item), other.claim(batch, item));
        assert_eq!(usize::from(first.is_some()) + usize::from(second.is_some()), 1, "item {item}");
    }
}

#[tokio::test]
async fn a_report_on_one_replica_and_a_cancel_on_the_other_keep_every_credit() {
    let world = World::new(1_000).await;
    let other = world.replica(0);
    let reactions = world.react("reactions.db").await;
    for race in 1..=RACES as u64 {
        let batch = world.submit(4).await;
        let running = [world.claim(batch, 0).await.unwrap(), other.claim(batch, 1).await.unwrap()];
        let (first, cancelled, second) =
            tokio::join!(other.complete(&running[0]), other.cancel(batch), world.complete(&running[1]),);
        assert_eq!((first, second), (ReportAnswer::Recorded, ReportAnswer::Recorded));
        assert_eq!(cancelled.1["cancelledItems"], json!(2), "{cancelled:?}");
        assert_eq!(cancelled.1["creditsRefunded"], json!(4));
        let ledger = world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
        assert_eq!((ledger.spent, ledger.available.total()), (4 * race, 1_000 - 4 * race));
        assert_eq!(world.batch(batch).await.phase, Phase::Cancelled);
    }
    reactions.shutdown().await;
}

#[tokio::test]
async fn both_replicas_settle_the_same_outcomes_before_they_refuse_and_pay_them_once() {
    let world = World::new(20).await;
    let other = world.replica(0);
    let batch = world.submit(10).await;
    for item in 0..10 {
        let assignment = world.claim(batch, item).await.unwrap();
        if item < 5 {
            world.complete(&assignment).await;
        } else {
            other.fail(&assignment, ErrorCode::HttpStatus).await;
        }
    }
    let replicas = [&world, &other].into_iter().cycle().take(8);
    let submits = replicas.map(|at| at.request("POST", "/api/batch/scrape", None, pages_body(1)));
    let answers = join_all(submits).await;
    let taken = answers.iter().filter(|(status, _)| *status == StatusCode::ACCEPTED).count();
    assert_eq!(taken, 5, "five items gave ten credits back: {answers:?}");
    let ledger = world.ledger(world.period()).await;
    assert_eq!((ledger.spent, ledger.held(), ledger.available.total()), (10, 10, 0));
}

#[tokio::test]
async fn a_replica_whose_clock_is_behind_gives_whole_leases_and_writes_no_earlier_time() {
    let world = World::new(100).await;
    let behind = world.replica(-300_000);
    let batch = world.submit(2).await;
    let assignment = behind.claim(batch, 0).await.unwrap();
    let lease = assignment.deadline.millis_since(world.commands.clock.now());
    assert_eq!(lease, 60_000, "the lease is counted from the time that is written");
    assert_eq!(behind.complete(&assignment).await, ReportAnswer::Recorded);
    let stream = leafcutter_domain::batch::Batch::stream(batch);
    let events = world.store.read(&stream, 0, 100).await.unwrap();
    let times: Vec<Moment> = events
        .iter()
        .map(|event| serde_json::from_slice::<serde_json::Value>(&event.metadata).unwrap())
        .map(|metadata| metadata["occurredAt"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test]
async fn the_first_account_opened_by_two_replicas_at_once_has_one_key() {
    let world = World::without_account(100, vec![]).await;
    let other = world.replica(0);
    let (first, second) = tokio::join!(
        ensure_first_account(&world.commands, "lc_k"),
        ensure_first_account(&other.commands, "lc_k")
    );
    first.and(second).unwrap();
    let keys =
        world.commands.accounts.inspect(world.account(), |folded| folded.state.keys.len()).await.unwrap();
    assert_eq!(keys, 1);
}
