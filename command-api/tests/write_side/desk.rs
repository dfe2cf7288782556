//! Claims and reports.

use crate::support::World;
use leafcutter_dispatch::{ClaimAnswer, ClaimRequest, Outcome, ReportAnswer, ScrapedPage, WorkDesk};
use leafcutter_domain::{
    ErrorCode, WorkerId,
    batch::{Extractor, ItemStatus, StoredObject},
};
use uuid::Uuid;

#[tokio::test]
async fn the_same_claim_gets_the_same_answer_and_another_claim_none() {
    let world = World::new(100).await;
    let batch = world.submit(1).await;
    let request = ClaimRequest { batch, item: 0, claim: Uuid::now_v7(), worker: world.worker };
    let ClaimAnswer::Granted(first) = world.desk.claim(request).await.unwrap() else { panic!("refused") };
    world.pass(1_000);
    let ClaimAnswer::Granted(again) = world.desk.claim(request).await.unwrap() else { panic!("refused") };
    assert!(first.lease == again.lease && first.deadline == again.deadline && again.attempt == 1);
    assert!(world.claim(batch, 0).await.is_none());
}

#[tokio::test]
async fn a_repeated_report_changes_nothing_and_a_late_one_is_refused() {
    let world = World::new(100).await;
    let batch = world.submit(2).await;
    let [first, second] = [world.claim(batch, 0).await.unwrap(), world.claim(batch, 1).await.unwrap()];
    assert_eq!(world.complete(&first).await, ReportAnswer::Recorded);
    assert_eq!(world.complete(&first).await, ReportAnswer::Recorded);
    world.pass(60_001);
    assert_eq!(world.complete(&second).await, ReportAnswer::Refused);
}

#[tokio::test]
async fn a_result_that_is_not_in_the_store_or_not_the_attempts_own_is_refused() {
    let world = World::new(100).await;
    let batch = world.submit(2).await;
    let [first, second] = [world.claim(batch, 0).await.unwrap(), world.claim(batch, 1).await.unwrap()];
    let foreign = world.commands.objects.put(&second.object_prefix, "page".into()).await.unwrap();
    let missing = StoredObject { key: format!("{}-x", first.object_prefix), hash: "x".to_owned(), bytes: 4 };
    for result in [foreign, missing] {
        let page = ScrapedPage {
            result,
            screenshot: None,
            final_url: first.url.clone(),
            http_status: 200,
            extractor: Extractor::None,
        };
        assert_eq!(world.report(&first, Outcome::Completed(page)).await, ReportAnswer::Refused);
    }
}

#[tokio::test]
async fn an_item_that_is_put_back_costs_no_attempt_and_runs_again() {
    let world = World::new(100).await;
    let batch = world.submit(1).await;
    let first = world.claim(batch, 0).await.unwrap();
    assert_eq!(world.report(&first, Outcome::PutBack).await, ReportAnswer::Recorded);
    let again = world.claim(batch, 0).await.unwrap();
    assert_eq!(again.attempt, 2);
    world.fail(&again, ErrorCode::HttpStatus).await;
    assert_eq!(world.batch(batch).await.items[0].status, ItemStatus::Failed);
}

#[tokio::test]
async fn items_whose_cookies_are_gone_fail_with_that_code_without_being_started() {
    let world = World::new(100).await;
    let body = serde_json::json!({"urls": ["https://example.com/"], "cookies": "session=SECRET"});
    let (_, answer) = world.request("POST", "/api/batch/scrape", None, body).await;
    let batch = crate::support::batch_of(&answer);
    let assignment = world.claim(batch, 0).await.unwrap();
    assert_eq!(assignment.cookies.as_ref().map(|cookies| cookies.reveal()), Some("session=SECRET"));
    world.report(&assignment, Outcome::PutBack).await;
    let name = leafcutter_secrets::SecretName { batch, request: None };
    world.commands.secrets.forget(&name).await;
    assert!(world.claim(batch, 0).await.is_none());
    let state = world.batch(batch).await;
    let outcome = state.rounds[0].outcomes.get(&0).copied();
    let expected = leafcutter_domain::batch::RoundOutcome::Failed {
        attempt: 0,
        credits: 0,
        code: ErrorCode::CookiesExpired,
    };
    assert_eq!(outcome, Some(expected));
}

#[tokio::test]
async fn a_batch_or_item_that_does_not_exist_is_not_claimed() {
    let world = World::new(100).await;
    let batch = world.submit(1).await;
    assert!(world.claim(batch, 1).await.is_none());
    let unknown = leafcutter_domain::BatchId(Uuid::now_v7());
    let request =
        ClaimRequest { batch: unknown, item: 0, claim: Uuid::now_v7(), worker: WorkerId(Uuid::now_v7()) };
    assert!(matches!(world.desk.claim(request).await.unwrap(), ClaimAnswer::Refused));
}
