//! What a client reads is never older than what it was told, and what it repeats is done once.

use crate::harness::{Answer, Options, Service, Site, count};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_submit_gets_the_first_answer_and_another_body_is_refused() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let body = json!({"urls": site.ok_urls(2), "scrapeMode": "fast"});
    let first = service.api.submit_once("key", &body).await.unwrap().expect(202);
    let location = format!("/api/batch/scrape/{}", first.body["batchId"].as_str().unwrap());
    assert_eq!(first.header("location"), Some(location.as_str()));
    service.api.finished(first.body["batchId"].as_str().unwrap()).await;
    let again = service.api.submit_once("key", &body).await.unwrap().expect(202);
    assert_eq!(
        (again.body, again.headers["location"].clone()),
        (first.body, first.headers["location"].clone())
    );
    let other = json!({"urls": site.ok_urls(1), "scrapeMode": "fast"});
    service.api.submit_once("key", &other).await.unwrap().expect_code(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(service.api.settled().await.spent, 2);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_submits_at_once_with_one_key_are_one_batch() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    for round in 0..5 {
        let body = json!({"urls": [site.url(&format!("/ok/{round}"))], "scrapeMode": "fast"});
        let key = format!("key-{round}");
        let submits = (0..8).map(|_| service.api.submit_once(&key, &body));
        let answers = futures::future::join_all(submits).await;
        let batch = |answer: reqwest::Result<Answer>| answer.unwrap().expect(202).body["batchId"].clone();
        let mut batches: Vec<Value> = answers.into_iter().map(batch).collect();
        batches.dedup();
        assert_eq!(batches.len(), 1);
        service.api.finished(batches[0].as_str().unwrap()).await;
        assert_eq!(site.visits(&format!("/ok/{round}")), 1);
    }
    assert_eq!(service.api.settled().await.spent, 5);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_retry_with_one_key_is_one_round() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let body = json!({"urls": [site.url("/status/500")], "scrapeMode": "fast"});
    let batch = service.api.submit(&body).await;
    service.api.finished(&batch).await;
    let retry = async |body: &Value| {
        let request = service.api.request(Method::POST, &format!("/api/batch/scrape/{batch}/retry"));
        service.api.send(request.header("idempotency-key", "again").json(body)).await
    };
    let first = retry(&json!({})).await.expect(202);
    assert_eq!(retry(&json!({})).await.expect(202).body, first.body);
    service.api.finished(&batch).await;
    assert_eq!(retry(&json!({})).await.expect(202).body, first.body);
    retry(&json!({"maxAttempts": 2})).await.expect_code(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(service.api.finished(&batch).await["items"][0]["attempts"], 2);
    assert_eq!(site.visits("/status/500"), 2);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_poll_is_answered_with_304_until_something_changes() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let batch = service.api.submit(&json!({"urls": [site.url("/gate/a")], "scrapeMode": "fast"})).await;
    service.api.status_when(&batch, "the page is open", |status| count(status, "running") == 1).await;
    let path = format!("/api/batch/scrape/{batch}");
    let tag = service.api.get(&path).await.expect(200).header("etag").unwrap().to_owned();
    let poll = async |path: &str, tag: &str| {
        service.api.send(service.api.request(Method::GET, path).header("if-none-match", tag)).await
    };
    let unchanged = poll(&path, &tag).await.expect(304);
    assert_eq!((unchanged.body.clone(), unchanged.header("etag")), (Value::Null, Some(tag.as_str())));
    poll(&format!("{path}?include=summary"), &tag).await.expect(200);
    site.open_gate("a");
    service.api.finished(&batch).await;
    let changed = poll(&path, &tag).await.expect(200);
    let tag = changed.header("etag").unwrap();
    poll(&path, tag).await.expect(304);
    let summary = service.api.get(&format!("{path}?include=summary")).await.expect(200).body;
    assert_eq!(summary["items"][0].get("result"), None);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_reads_its_own_writes_while_the_projector_stands_still() {
    let site = Site::open().await;
    let options = Options::for_site(site.address).env("LEAFCUTTER_PROJECTOR_PAUSED", "true");
    let service = Service::start(&options).await;
    let urls = [site.url("/ok/a"), site.url("/flaky/b")];
    let batch = service.api.submit(&json!({"urls": urls, "scrapeMode": "fast"})).await;
    assert_eq!(service.api.status(&batch).await["totalUrls"], 2);
    let first = service.api.finished(&batch).await;
    assert_eq!((count(&first, "completed"), count(&first, "failed")), (1, 1));
    site.mend("b");
    service.api.retry(&batch, &json!({})).await.expect(202);
    let at_once = service.api.status(&batch).await;
    assert_ne!(at_once["items"][1]["status"], "failed", "a stale answer after a retry: {at_once}");
    assert_eq!(at_once["failedCount"], 0);
    let second = service.api.finished(&batch).await;
    assert_eq!((count(&second, "completed"), &second["items"][0]), (2, &first["items"][0]));
    let gated = service.api.submit(&json!({"urls": [site.url("/gate/a")], "scrapeMode": "fast"})).await;
    service.api.cancel(&gated).await.expect(200);
    assert_eq!(service.api.status(&gated).await["status"], "cancelled");
    site.open_gate("a");
    let home = service.stop().await;
    let service = home.start(&Options::for_site(site.address)).await;
    let list = service.api.get("/api/batch/scrape").await.expect(200).body;
    assert_eq!((&list["jobs"][0]["uuid"], &list["jobs"][1]["uuid"]), (&json!(gated), &json!(batch)));
    service.stop().await;
}
