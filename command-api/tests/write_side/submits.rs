//! Submit, repeat, cancel and retry, and what each does to credits.

use crate::support::{World, batch_of, pages_body};
use axum::http::StatusCode;
use futures::future::join_all;
use leafcutter_domain::{
    BatchId, ErrorCode, Period, ReservationId,
    batch::{AbandonRound, Phase},
    ledger::Reserve,
};
use leafcutter_event_store::LedgerId;
use serde_json::json;

#[tokio::test]
async fn a_submit_sets_credits_aside_and_a_cancel_gives_them_back_before_it_answers() {
    let world = World::new(100).await;
    let batch = world.submit(5).await;
    assert_eq!(world.ledger(world.period()).await.held(), 10);
    let running = world.claim(batch, 0).await.unwrap();
    let (status, answer) = world.cancel(batch).await;
    assert_eq!(
        (status, &answer["cancelledItems"], &answer["creditsRefunded"]),
        (StatusCode::OK, &json!(4), &json!(8))
    );
    let ledger = world.ledger(world.period()).await;
    assert_eq!((ledger.held(), ledger.available.total()), (2, 98));
    world.complete(&running).await;
    assert_eq!(world.batch(batch).await.phase, Phase::Cancelled);
    assert_eq!(world.cancel(batch).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn repeats_with_one_idempotency_key_are_one_batch_however_many_come_at_once() {
    let world = World::new(100).await;
    let repeats = (0..8).map(|_| world.request("POST", "/api/batch/scrape", Some("k"), pages_body(3)));
    let answers = join_all(repeats).await;
    let first = batch_of(&answers[0].1);
    assert!(
        answers.iter().all(|(status, answer)| *status == StatusCode::ACCEPTED && batch_of(answer) == first)
    );
    assert_eq!(world.ledger(world.period()).await.held(), 6);
    let (status, answer) = world.request("POST", "/api/batch/scrape", Some("k"), pages_body(4)).await;
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("IDEMPOTENCY_KEY_REUSED"))
    );
}

#[tokio::test]
async fn a_repeat_after_the_months_turn_gets_the_first_answer() {
    let world = World::new(100).await;
    let (_, first) = world.request("POST", "/api/batch/scrape", Some("k"), pages_body(3)).await;
    world.turn_the_month();
    let (_, repeated) = world.request("POST", "/api/batch/scrape", Some("k"), pages_body(3)).await;
    assert_eq!(batch_of(&first), batch_of(&repeated));
    assert!(world.ledger(world.period()).await.period.is_none(), "a repeat opens no month");
}

#[tokio::test]
async fn many_clients_spend_an_account_to_exactly_zero_and_no_further() {
    let world = World::new(64).await;
    let answers =
        join_all((0..64).map(|_| world.request("POST", "/api/batch/scrape", None, pages_body(1)))).await;
    let taken = answers.iter().filter(|(status, _)| *status == StatusCode::ACCEPTED).count();
    let refused = answers.iter().filter(|(_, answer)| answer["code"] == "CREDIT_LIMIT_REACHED").count();
    assert_eq!((taken, refused), (32, 32), "{:?}", answers.last());
    assert_eq!(world.ledger(world.period()).await.available.total(), 0);
}

#[tokio::test]
async fn credits_of_finished_items_are_settled_before_a_submit_is_refused() {
    let world = World::new(10).await;
    let batch = world.submit(5).await;
    for item in 0..5 {
        let assignment = world.claim(batch, item).await.unwrap();
        world.fail(&assignment, ErrorCode::HttpStatus).await;
    }
    assert_eq!(world.ledger(world.period()).await.held(), 10, "no reaction has run");
    world.submit(5).await;
}

#[tokio::test]
async fn a_slow_submit_whose_round_was_swept_takes_the_next_round_and_pays_it() {
    let world = World::new(100).await;
    let (_, taken) = world.request("POST", "/api/batch/scrape", Some("other"), pages_body(1)).await;
    let batch = BatchId::from_idempotency_key(world.account(), "k");
    assert_ne!(batch_of(&taken), batch);
    let at = world.commands.clock.now();
    world.commands.batches.transact(batch, AbandonRound { round: 1, at }).await.unwrap();
    let (status, _) = world.request("POST", "/api/batch/scrape", Some("k"), pages_body(2)).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(world.batch(batch).await.rounds[0].terms.round, 2);
    assert_eq!(world.ledger(world.period()).await.held(), 2 + 4);
}

#[tokio::test]
async fn credits_of_a_round_that_never_began_are_given_back_and_the_round_is_forbidden() {
    let world = World::new(100).await;
    let other = world.submit(1).await;
    let batch = BatchId::from_idempotency_key(world.account(), "k");
    let id = LedgerId { account: world.account(), period: Period::of(world.commands.clock.now()) };
    let reserve = Reserve {
        reservation: ReservationId::of(batch, 1),
        batch,
        round: 1,
        items: vec![0, 1],
        per_item: 3,
        open_max: 50,
        at: world.commands.clock.now(),
    };
    world.commands.ledgers.transact(id, reserve).await.unwrap();
    // Prices have changed since, so the same request waits for that.
    let again = || world.request("POST", "/api/batch/scrape", Some("k"), pages_body(2));
    let (status, answer) = again().await;
    assert_eq!((status, &answer["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("SERVICE_BUSY")));
    let reactions = world.react("reactions.db").await;
    world.pass(31_000);
    world.until_ledger(id.period, |ledger| ledger.held() == 2).await;
    assert!(world.batch(batch).await.abandoned.contains(&1));
    assert_eq!(world.batch(other).await.phase, Phase::Open, "a batch that was submitted is not swept");
    assert_eq!(again().await.0, StatusCode::ACCEPTED);
    assert_eq!(world.ledger(id.period).await.held(), 2 + 4);
    reactions.shutdown().await;
}

#[tokio::test]
async fn a_retry_pays_for_the_failed_items_only_and_can_be_repeated_by_its_key() {
    let world = World::new(100).await;
    let batch = world.submit(2).await;
    let [first, second] = [world.claim(batch, 0).await.unwrap(), world.claim(batch, 1).await.unwrap()];
    world.complete(&first).await;
    world.fail(&second, ErrorCode::HttpStatus).await;
    let path = format!("/api/batch/scrape/{batch}/retry");
    for _ in 0..2 {
        let (status, answer) = world.request("POST", &path, Some("r"), json!({})).await;
        assert_eq!((status, &answer["retriedCount"]), (StatusCode::ACCEPTED, &json!(1)));
    }
    assert_eq!(world.batch(batch).await.rounds.len(), 2);
    let (status, answer) = world.request("POST", &path, None, json!({})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &json!("BATCH_NOT_FINISHED")));
}
