//! What a client can ask for on behalf of a site: that its rules are kept, and that not too much is asked at a time.

use crate::harness::{Options, Service, Site, eventually, items};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_the_sites_rules_forbid_is_not_opened_and_costs_nothing() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let urls = [site.url("/ok/a"), site.url("/forbidden/b")];
    let batch = service.api.submit(&json!({"urls": urls, "respectRobots": true})).await;
    let status = service.api.finished(&batch).await;
    assert_eq!(items(&status)[0]["status"], "completed", "{status}");
    assert_eq!(items(&status)[1]["errorCode"], "ROBOTS_DENIED", "{status}");
    assert_eq!(items(&status)[1]["creditsUsed"], 0);
    assert_eq!((site.visits("/forbidden/b"), site.visits("/robots.txt")), (0, 1));
    let credits = service.api.settled().await;
    assert_eq!(credits.spent, items(&status)[0]["creditsUsed"].as_u64().unwrap());
    service.api.submit(&json!({"urls": urls})).await;
    let visited = async || (site.visits("/forbidden/b") == 1).then_some(());
    eventually("who does not ask for it is not kept away", Duration::from_secs(20), visited).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_pages_of_a_batch_are_opened_at_a_time_than_it_allows() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let urls: Vec<String> = (0..3).map(|name| site.url(&format!("/gate/{name}"))).collect();
    let body = json!({"urls": urls, "scrapeMode": "fast", "concurrency": 1});
    let batch = service.api.submit(&body).await;
    for name in 0..3 {
        let opened = async || (site.visits(&format!("/gate/{name}")) == 1).then_some(());
        eventually("the next page is opened", Duration::from_secs(20), opened).await;
        let other = service.api.submit(&json!({"urls": [site.url("/ok/a")], "scrapeMode": "fast"})).await;
        service.api.finished(&other).await;
        let visits: usize = (0..3).map(|name| site.visits(&format!("/gate/{name}"))).sum();
        assert_eq!(visits, name + 1, "a slot is free, and the batch waits");
        site.open_gate(&name.to_string());
    }
    assert_eq!(service.api.finished(&batch).await["completedCount"], 3);
    service.stop().await;
}
