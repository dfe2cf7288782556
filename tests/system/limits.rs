//! Every bound that a client can meet: bodies, batches, requests, credits.

use crate::harness::{Options, Service, Site, count, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_more_than_a_mebibyte_is_refused() {
    let service = Service::start(&Options::default()).await;
    let body = json!({"urls": ["https://example.com/"], "unknown": "x".repeat(1024 * 1024)});
    service.api.try_submit(&body).await.expect_code(413, "PAYLOAD_TOO_LARGE");
    let request =
        service.api.request(Method::POST, "/api/batch/scrape").header("content-type", "application/json");
    service.api.send(request.body("{\"urls\": [")).await.expect_code(400, "INVALID_JSON");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_so_many_unfinished_batches_and_no_more() {
    let site = Site::open().await;
    let options = Options::for_site(site.address).env("LEAFCUTTER_PENDING_BATCHES", "2");
    let service = Service::start(&options).await;
    let body = json!({"urls": [site.url("/gate/a")], "scrapeMode": "fast"});
    let first = service.api.submit(&body).await;
    service.api.submit(&body).await;
    let refused = service.api.try_submit(&body).await.expect_code(429, "TOO_MANY_PENDING_JOBS");
    assert_eq!(refused.header("retry-after"), Some(refused.body["retry_after"].to_string().as_str()));
    assert_eq!(service.api.credits().await.held, 2);
    service.api.another_account(10).await.submit(&body).await;
    site.open_gate("a");
    service.api.finished(&first).await;
    service.api.submit(&body).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_makes_so_many_requests_a_minute_and_is_told_where_it_stands() {
    let service = Service::start(&Options::default().env("LEAFCUTTER_RATE_LIMIT", "3")).await;
    for remaining in ["2", "1", "0"] {
        let answer = service.api.get("/api/credits").await.expect(200);
        let named = ["ratelimit-limit", "ratelimit-remaining"].map(|name| answer.header(name));
        assert_eq!(named, [Some("3"), Some(remaining)]);
    }
    let refused = service.api.get("/api/credits").await.expect_code(429, "RATE_LIMITED");
    let seconds = |name| refused.header(name).unwrap().parse::<u64>().unwrap();
    assert_eq!(
        (refused.header("ratelimit-remaining"), refused.body["retry_after"].as_u64()),
        (Some("0"), Some(seconds("retry-after")))
    );
    assert!((1..=60).contains(&seconds("retry-after")) && (1..=60).contains(&seconds("ratelimit-reset")));
    service.api.another_account(10).await.get("/api/credits").await.expect(200);
    service.api.get("/health/live").await.expect(200);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_that_are_held_cannot_be_spent_twice_and_come_back_when_a_page_fails() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let api = service.api.another_account(4).await;
    let three = json!({"urls": site.ok_urls(3)});
    api.try_submit(&three).await.expect_code(403, "CREDIT_LIMIT_REACHED");
    let held = api.submit(&json!({"urls": vec![site.url("/gate-to-failure/a"); 2]})).await;
    assert_eq!(api.credits().await.held, 4);
    let one = json!({"urls": site.ok_urls(1)});
    api.try_submit(&one).await.expect_code(403, "CREDIT_LIMIT_REACHED");
    site.open_gate("a");
    let status = api.finished(&held).await;
    assert_eq!(count(&status, "failed"), 2);
    // At once: a submit settles what has ended before it refuses.
    let two = api.submit(&json!({"urls": site.ok_urls(2)})).await;
    api.finished(&two).await;
    let credits = api.settled().await;
    assert_eq!((credits.granted, credits.spent, credits.available), (4, 4, 0));
    api.retry(&held, &Value::Null).await.expect_code(403, "CREDIT_LIMIT_REACHED");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cost_ceiling_refuses_and_a_dry_run_queues_nothing() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let body = json!({"urls": site.ok_urls(3), "screenshot": true, "maxCredits": 8});
    service.api.try_submit(&body).await.expect_code(422, "COST_CEILING");
    let body = json!({"urls": site.ok_urls(3), "screenshot": true, "dryRun": true});
    let price = service.api.try_submit(&body).await.expect(200).body;
    assert_eq!((&price["creditsPerItem"], &price["creditsTotal"]), (&json!(3), &json!(9)));
    assert_eq!(service.api.credits().await.held, 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_does_not_answer_fails_within_the_items_time() {
    let site = Site::open().await;
    let options = Options::for_site(site.address).env("LEAFCUTTER_ITEM_TIMEOUT", "3");
    let service = Service::start(&options).await;
    let body = |mode| json!({"urls": [site.url("/gate/never")], "scrapeMode": mode});
    for mode in ["fast", "default"] {
        let batch = service.api.submit(&body(mode)).await;
        let status = eventually("the page is given up", Duration::from_secs(10), async || {
            Some(service.api.status(&batch).await).filter(|status| status["status"] == "completed")
        })
        .await;
        let code = status["items"][0]["errorCode"].as_str().unwrap();
        assert!(["NAVIGATION_TIMEOUT", "ITEM_TIMEOUT"].contains(&code), "{status}");
    }
    assert_eq!(service.api.settled().await.spent, 0);
    service.stop().await;
}
