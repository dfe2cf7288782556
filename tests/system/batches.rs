//! The life of a batch as its owner sees it: results, failures, retries, and credits that agree at every moment.

use crate::harness::{Options, Service, Site, count, credits_used, eventually, items};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_opened_in_chromium_and_a_schema_is_filled_from_it() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let pages = service.api.submit(&json!({"urls": [site.url("/script")]})).await;
    let schema = json!({"type": "object", "required": ["name", "price"],
        "properties": {"name": {"type": "string"}, "price": {"type": "number"}}});
    let products = json!({"urls": [{"url": site.url("/product/Secateurs")}], "schema": schema});
    let products = service.api.submit(&products).await;
    let page = service.api.finished(&pages).await;
    assert!(page["items"][0]["result"].as_str().unwrap().contains("# Made by a script"), "{page}");
    let product = service.api.finished(&products).await;
    assert_eq!(product["items"][0]["result"], json!({"name": "Secateurs", "price": 12.5}), "{product}");
    service.stop().await;
}

/// 45 pages that work and 5 that do not, in submit order.
fn fifty_pages(site: &Site) -> Vec<String> {
    let mut urls = site.ok_urls(45);
    urls.extend((0..5).map(|name| site.url(&format!("/flaky/{name}"))));
    urls
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_items_of_fifty_pages_cost_is_covered_at_every_poll_and_spent_at_the_end() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let batch = service.api.submit(&json!({"urls": fifty_pages(&site)})).await;
    let mut polls = 0;
    loop {
        let before = service.api.credits().await;
        let status = service.api.status(&batch).await;
        let used = credits_used(&status);
        for credits in [before, service.api.credits().await] {
            assert!(used <= credits.spent + credits.held, "{used} of {credits:?}");
            assert_eq!(credits.granted, credits.available + credits.held + credits.spent);
        }
        polls += 1;
        if status["status"] == "completed" {
            break;
        }
    }
    assert!(polls > 5, "the batch was over before it was looked at");
    eventually("all is spent", Duration::from_secs(2), async || {
        let credits = service.api.credits().await;
        (credits.held == 0 && credits.spent == 45 * 2).then_some(())
    })
    .await;
    let status = service.api.status(&batch).await;
    assert_eq!((count(&status, "completed"), count(&status, "failed")), (45, 5));
    assert_eq!(credits_used(&status), 45 * 2);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_touches_only_what_has_failed() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let batch = service.api.submit(&json!({"urls": fifty_pages(&site), "scrapeMode": "fast"})).await;
    let before = service.api.finished(&batch).await;
    assert_eq!((before["completedCount"].as_u64(), before["failedCount"].as_u64()), (Some(45), Some(5)));
    let codes = items(&before)[45..].iter().map(|item| item["errorCode"].as_str());
    assert!(codes.eq([Some("HTTP_STATUS"); 5]));
    (0..5).for_each(|name| site.mend(&name.to_string()));
    let retried = service.api.retry(&batch, &json!({})).await.expect(202);
    assert_eq!(retried.body, json!({"status": "queued", "retriedCount": 5}));
    let running = service.api.status(&batch).await;
    assert!(["running", "completed"].contains(&running["status"].as_str().unwrap()), "{running}");
    let after = service.api.finished(&batch).await;
    assert_eq!(count(&after, "completed"), 50);
    assert_eq!(items(&after)[..45], items(&before)[..45], "a completed item was touched");
    assert!((0..45).all(|name| site.visits(&format!("/ok/{name}")) == 1));
    assert_eq!(service.api.settled().await.spent, 50);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_rounds_of_retry_work_and_the_next_is_refused() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let urls = [site.url("/ok/a"), site.url("/status/500")];
    let batch = service.api.submit(&json!({"urls": urls, "scrapeMode": "fast"})).await;
    let first = service.api.finished(&batch).await;
    for round in 1..=20 {
        service.api.retry(&batch, &Value::Null).await.expect(202);
        let status = service.api.finished(&batch).await;
        assert_eq!(status["items"][1]["attempts"], round + 1);
        assert_eq!(status["items"][0], first["items"][0]);
    }
    service.api.retry(&batch, &Value::Null).await.expect_code(409, "RETRY_LIMIT");
    assert_eq!(site.visits("/status/500"), 21);
    let credits = service.api.settled().await;
    assert_eq!((credits.spent, credits.available), (1, credits.granted - 1));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_without_failures_and_one_that_runs_cannot_be_retried() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let gated = service.api.submit(&json!({"urls": [site.url("/gate/a")], "scrapeMode": "fast"})).await;
    service.api.retry(&gated, &json!({})).await.expect_code(409, "BATCH_NOT_FINISHED");
    site.open_gate("a");
    service.api.finished(&gated).await;
    service.api.retry(&gated, &json!({})).await.expect_code(400, "NO_FAILED_ITEMS");
    service.stop().await;
}
