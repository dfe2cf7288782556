//! Cancelling: exact numbers, running pages finish and are paid, nothing else starts.

use crate::harness::{Options, PATIENCE, Service, Site, count, credits_used, eventually};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_exactly_what_has_not_begun_and_gives_its_credits_back() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let batch = service.api.submit(&json!({"urls": vec![site.url("/gate/a"); 10]})).await;
    eventually("both slots have opened a page", PATIENCE, async || {
        (site.visits("/gate/a") == 2).then_some(())
    })
    .await;
    let cancelled = service.api.cancel(&batch).await.expect(200);
    assert_eq!(cancelled.body, json!({"status": "cancelled", "cancelledItems": 8, "creditsRefunded": 16}));
    let credits = service.api.credits().await;
    assert_eq!((credits.held, credits.spent), (4, 0), "the refund is there before the answer");
    let status = service.api.status(&batch).await;
    assert_eq!(status["status"], "cancelled");
    assert_eq!((count(&status, "running"), count(&status, "cancelled")), (2, 8));
    site.open_gate("a");
    let status = service.api.finished(&batch).await;
    assert_eq!((count(&status, "completed"), count(&status, "cancelled")), (2, 8));
    assert_eq!(credits_used(&status), 4);
    assert_eq!(service.api.settled().await.spent, 4);
    assert_eq!(site.all_visits(), 2, "something began after the cancel");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_fails_after_the_cancel_costs_nothing_and_is_not_begun_again() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let urls = [site.url("/gate/a"), site.url("/gate-to-failure/b"), site.url("/ok/c")];
    let body = json!({"urls": urls, "scrapeMode": "fast", "maxAttempts": 3});
    let batch = service.api.submit(&body).await;
    eventually("both pages are open", PATIENCE, async || {
        (site.visits("/gate/a") + site.visits("/gate-to-failure/b") == 2).then_some(())
    })
    .await;
    let cancelled = service.api.cancel(&batch).await.expect(200);
    assert_eq!(cancelled.body["cancelledItems"], 1);
    site.open_gate("a");
    site.open_gate("b");
    let status = service.api.finished(&batch).await;
    assert_eq!((count(&status, "completed"), count(&status, "failed")), (1, 1), "{status}");
    let credits = service.api.settled().await;
    assert_eq!((credits.spent, credits_used(&status)), (1, 1));
    assert_eq!((site.visits("/gate-to-failure/b"), site.visits("/ok/c")), (1, 0));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_cannot_be_cancelled_and_what_was_cancelled_cannot_be_retried() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let batch = service.api.submit(&json!({"urls": site.ok_urls(1), "scrapeMode": "fast"})).await;
    service.api.finished(&batch).await;
    let refused = service.api.cancel(&batch).await.expect_code(409, "ALREADY_TERMINAL");
    assert_eq!(refused.body["message"], "Cannot cancel a batch that is already completed.");
    let gated = service.api.submit(&json!({"urls": [site.url("/gate/a")], "scrapeMode": "fast"})).await;
    service.api.cancel(&gated).await.expect(200);
    let refused = service.api.cancel(&gated).await.expect_code(409, "ALREADY_TERMINAL");
    assert_eq!(refused.body["message"], "Cannot cancel a batch that is already cancelled.");
    site.open_gate("a");
    service.api.finished(&gated).await;
    service.api.retry(&gated, &json!({})).await.expect_code(409, "BATCH_CANCELLED");
    service.stop().await;
}
