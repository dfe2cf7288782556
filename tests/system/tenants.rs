//! Whose batch is it: keys, accounts, and that nobody sees what is another's.

use crate::harness::{Options, Service, Site, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_another_account_is_not_there_for_any_call() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let urls = [site.url("/ok/a"), site.url("/status/500")];
    let batch = service.api.submit(&json!({"urls": urls, "screenshot": true})).await;
    service.api.finished(&batch).await;
    let picture = format!("/api/batch/scrape/{batch}/items/0/screenshot");
    assert_eq!(service.api.get(&picture).await.expect(200).header("content-type"), Some("image/png"));
    let other = service.api.another_account(100).await;
    let path = format!("/api/batch/scrape/{batch}");
    for path in [&path, &picture, &format!("/v1/batch-sessions/{batch}")] {
        other.get(path).await.expect(404);
    }
    other.cancel(&batch).await.expect_code(404, "NOT_FOUND");
    other.retry(&batch, &json!({})).await.expect_code(404, "NOT_FOUND");
    other.post(&format!("/v1/batch-sessions/{batch}/retry"), &json!({})).await.expect(404);
    assert_eq!(other.get("/api/batch/scrape").await.expect(200).body["jobs"], json!([]));
    // What is not there and what is malformed looks the same.
    let unknown = "/api/batch/scrape/01890000-0000-7000-8000-000000000000";
    for path in [unknown, "/api/batch/scrape/not-an-id"] {
        let answer = other.get(path).await.expect_code(404, "NOT_FOUND");
        assert_eq!(answer.body, other.get(&format!("/api/batch/scrape/{batch}")).await.body);
    }
    assert_eq!(service.api.status(&batch).await["failedCount"], 1, "another account has changed it");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_idempotency_key_of_two_accounts_names_two_batches() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let other = service.api.another_account(100).await;
    let body = json!({"urls": site.ok_urls(1), "scrapeMode": "fast"});
    let mine = service.api.submit_once("key", &body).await.unwrap().expect(202).body["batchId"].clone();
    let others = other.submit_once("key", &body).await.unwrap().expect(202).body["batchId"].clone();
    assert_ne!(mine, others);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_taken_from_each_header_and_an_unknown_one_is_refused() {
    let service = Service::start(&Options::default()).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let key = service.api.key();
    let call = async |path: &str, header: &str, value: &str| {
        let request = http.get(format!("{}{path}", service.api.base())).header(header, value);
        service.api.send(request).await.status
    };
    let bearer = format!("Bearer {key}");
    for (header, value) in [("x-api-key", key), ("authorization", &bearer), ("anchor-api-key", key)] {
        assert_eq!(call("/api/credits", header, value).await, 200, "{header}");
        assert_eq!(call("/v1/batch-sessions", header, value).await, 200, "{header}");
    }
    let unknown = format!("lc_{}", "x".repeat(40));
    assert_eq!(call("/api/credits", "x-api-key", &unknown).await, 403);
    assert_eq!(call("/v1/batch-sessions", "x-api-key", &unknown).await, 401);
    assert_eq!(call("/api/credits", "accept", "*/*").await, 401);
    assert_eq!(call("/v1/batch-sessions", "accept", "*/*").await, 401);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_from_its_issue_on_and_a_revoked_one_is_refused_within_a_second() {
    let service = Service::start(&Options::default()).await;
    let account = json!({"name": "another", "monthlyCredits": 10});
    let opened = service.api.admin(Method::POST, "/admin/accounts", &account).await.expect(201).body;
    let keys = format!("/admin/accounts/{}/keys", opened["accountId"].as_str().unwrap());
    let issued = service.api.admin(Method::POST, &keys, &Value::Null).await.expect(201).body;
    let (first, second) = (opened["apiKey"].as_str().unwrap(), issued["apiKey"].as_str().unwrap());
    assert!(first.starts_with("lc_") && first.len() == 43 && first != second);
    service.api.with_key(first).get("/api/credits").await.expect(200);
    service.api.with_key(second).get("/api/credits").await.expect(200);
    let revoke = format!("/admin/keys/{}", issued["keyId"].as_str().unwrap());
    service.api.admin(Method::DELETE, &revoke, &Value::Null).await.expect(204);
    eventually("the key is refused", Duration::from_secs(1), async || {
        (service.api.with_key(second).get("/api/credits").await.status == 403).then_some(())
    })
    .await;
    service.api.with_key(first).get("/api/credits").await.expect(200);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_calls_need_the_token_and_are_off_without_one() {
    let service = Service::start(&Options::default()).await;
    let request = service.api.request(Method::POST, "/admin/accounts").json(&json!({"name": "a"}));
    service.api.send(request).await.expect(401);
    let request =
        service.api.request(Method::POST, "/admin/accounts").bearer_auth("wrong").json(&json!({"name": "a"}));
    service.api.send(request).await.expect(401);
    service.api.admin(Method::POST, "/admin/accounts", &json!({"name": ""})).await.expect(422);
    service.stop().await;
}
