//! What a user sees of credits: a batch with pages that come, fail and are cancelled, told by its own history and by the
//! statement of the account, which agree to the credit; on the command line too.

use crate::{
    command_line::{ask, said},
    harness::{Options, PATIENCE, Service, Site, credits_used, eventually, items},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A batch of six fast pages: one comes, one fails, two come after the cancel that stops the last two.
async fn lived(service: &Service, site: &Site) -> String {
    let pages = ["/ok/a", "/status/500", "/gate/b", "/gate/c", "/ok/d", "/ok/e"];
    let urls = pages.map(|page| site.url(page));
    let batch = service.api.submit(&json!({"urls": urls, "scrapeMode": "fast"})).await;
    eventually("both slots wait at the gates", PATIENCE, async || {
        (site.visits("/gate/b") + site.visits("/gate/c") == 2).then_some(())
    })
    .await;
    let cancelled = service.api.cancel(&batch).await.expect(200);
    assert_eq!(cancelled.body["cancelledItems"], 2, "{}", cancelled.body);
    site.open_gate("b");
    site.open_gate("c");
    service.api.finished(&batch).await;
    service.api.settled().await;
    batch
}

async fn list(service: &Service, path: &str, field: &str) -> Vec<Value> {
    service.api.get(path).await.expect(200).body[field].as_array().unwrap().clone()
}

fn number(value: &Value, field: &str) -> i64 {
    value[field].as_i64().unwrap()
}

/// Every balance is the one before it and the change, and what it was at that moment by replay.
async fn the_statement_adds_up(service: &Service, newest_first: &[Value]) {
    let mut balance = 0;
    for entry in newest_first.iter().rev() {
        balance += number(entry, "change");
        assert_eq!(number(entry, "balance"), balance, "{entry}");
    }
    let mut last_of_moment = BTreeMap::new();
    for entry in newest_first.iter().rev() {
        last_of_moment.insert(entry["at"].as_str().unwrap(), entry);
    }
    for (at, entry) in last_of_moment {
        let then = service.api.get(&format!("/api/credits?at={at}")).await.expect(200).body;
        let seen = ["held", "spent", "available"].map(|field| number(&then, field));
        assert_eq!(seen, ["held", "spent", "balance"].map(|field| number(entry, field)), "{entry}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_histories_of_a_batch_and_of_credits_tell_one_story() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let batch = lived(&service, &site).await;
    let events = list(&service, &format!("/api/batch/scrape/{batch}/history"), "events").await;
    let entries = list(&service, "/api/credits/history?limit=100", "entries").await;
    the_statement_adds_up(&service, &entries).await;
    let counted =
        |list: &[Value], field: &str, word: &str| list.iter().filter(|one| one[field] == word).count();
    let ends = ["ItemStarted", "ItemCompleted", "ItemFailed", "BatchCancelled", "BatchCompleted"];
    assert_eq!(ends.map(|name| counted(&events, "type", name)), [4, 3, 1, 1, 0], "{events:?}");
    assert_eq!(["reserved", "charged"].map(|kind| counted(&entries, "kind", kind)), [1, 3], "{entries:?}");
    // Each movement names events of the batch, and each item's charges are its price.
    let known: Vec<&Value> = events.iter().map(|event| &event["id"]).collect();
    for entry in entries.iter().filter(|entry| entry["batchId"] == json!(batch)) {
        let causes = entry["causes"].as_array().unwrap();
        assert!(!causes.is_empty() && causes.iter().all(|cause| known.contains(&&cause["id"])), "{entry}");
    }
    let status = service.api.status(&batch).await;
    for (index, item) in (0_u64..).zip(items(&status)) {
        let path = format!("/api/credits/history?batchId={batch}&item={index}&kind=charged");
        let charged: i64 =
            list(&service, &path, "entries").await.iter().map(|one| number(one, "amount")).sum();
        assert_eq!(charged, number(item, "creditsUsed"), "{item}");
    }
    assert_eq!(credits_used(&status), service.api.credits().await.spent);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_tells_both_histories_and_the_balance_of_before() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let batch = lived(&service, &site).await;
    let history = ask(&service, &["credits", "history", "--batch", &batch, "--limit", "50"]).await;
    let text = String::from_utf8_lossy(&history.stdout).into_owned();
    for part in
        ["reserved", "round 1", "charged", "completed, item 0, attempt 1", "cancelled, items 4 5", "┤"]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let told = ask(&service, &["batch", "history", &batch]).await;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(text.contains("HTTP_STATUS") && text.contains("BatchCancelled"), "{text}");
    let opened = list(&service, "/api/credits/history?kind=opened", "entries").await;
    let at = opened[0]["at"].as_str().unwrap();
    let before = ask(&service, &["credits", "at", at, "--json"]).await;
    assert_eq!(before.status.code(), Some(0), "{}", said(&before));
    let refused = ask(&service, &["credits", "at", "2001-01-01T00:00:00Z"]).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("at: must not be before the account was opened"), "{}", said(&refused));
    service.stop().await;
}
