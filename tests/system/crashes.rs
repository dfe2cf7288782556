//! `kill -9` of the service, at every named place and at random moments, always with pages running. What was accepted
//! is finished after the restart, nothing is lost or paid twice, and no Chromium survives.

use crate::harness::{Home, Options, PATIENCE, Service, Site, credits_used, eventually, items};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a client submits: pages for Chromium, pages for the fast mode, and one page of each that fails.
fn orders(site: &Site) -> [Value; 2] {
    let in_chromium = [site.url("/ok/a"), site.url("/status/500"), site.url("/ok/b"), site.url("/ok/c")];
    let mut fast = site.ok_urls(5);
    fast.push(site.url("/status/404"));
    [json!({"urls": in_chromium}), json!({"urls": fast, "scrapeMode": "fast"})]
}

/// A client that wants each of its orders done once and does not know whether an unanswered one was taken. It names
/// them, and so may repeat them; an answer that it got must hold for ever.
#[derive(Default)]
struct Client {
    accepted: BTreeMap<String, String>,
}

impl Client {
    /// Submits what was not accepted so far; stops at the first order that gets no answer.
    async fn submit(&mut self, service: &Service, orders: &[Value]) {
        for (number, order) in orders.iter().enumerate() {
            let name = format!("order-{number}");
            let Ok(answer) = service.api.submit_once(&name, order).await else { return };
            let batch = answer.expect(202).body["batchId"].as_str().unwrap().to_owned();
            let before = self.accepted.insert(name, batch.clone());
            assert!(before.is_none_or(|before| before == batch), "one order became two batches");
        }
    }
}

/// A folder in which the account has been opened already, so that the first events of the next life are the client's.
async fn settled_home() -> Home {
    Service::start(&Options::default()).await.stop().await
}

/// After the crash: everything is finished on the same directory, and every account is balanced.
async fn recover(home: Home, site: &Site, mut client: Client, case: &str) {
    let service = home.start(&Options::for_site(site.address)).await;
    let orders = orders(site);
    client.submit(&service, &orders).await;
    assert_eq!(client.accepted.len(), orders.len(), "{case}");
    let mut spent = 0;
    for (name, batch) in &client.accepted {
        let status = service.api.finished(batch).await;
        let order = &orders[name.strip_prefix("order-").unwrap().parse::<usize>().unwrap()];
        assert_eq!(status["status"], "completed", "{case}: {status}");
        for (item, url) in items(&status).iter().zip(order["urls"].as_array().unwrap()) {
            let fails = url.as_str().unwrap().contains("/status/");
            let (word, price) = match (fails, order["scrapeMode"] == "fast") {
                (true, _) => ("failed", 0),
                (false, true) => ("completed", 1),
                (false, false) => ("completed", 2),
            };
            let found = (&item["url"], item["status"].as_str(), item["creditsUsed"].as_u64());
            assert_eq!(found, (url, Some(word), Some(price)), "{case}: {item}");
        }
        assert_eq!(items(&status).len(), order["urls"].as_array().unwrap().len(), "{case}");
        spent += credits_used(&status);
    }
    let credits = service.api.settled().await;
    assert_eq!((credits.spent, credits.granted), (spent, credits.available + spent), "{case}");
    let list = service.api.get("/api/batch/scrape").await.expect(200).body;
    assert_eq!(list["pagination"]["total"], orders.len(), "{case}: {list}");
    service.stop().await;
}

/// Kills the service when it reaches the place for the `count`-th time, and recovers.
async fn crash_at(point: &str, count: u32) {
    let case = format!("{point}:{count}");
    let site = Site::open().await;
    let options = Options::for_site(site.address).crash_at(point, count);
    let mut service = settled_home().await.start(&options).await;
    let mut client = Client::default();
    client.submit(&service, &orders(&site)).await;
    eventually(&format!("the end at {case}"), PATIENCE, async || service.is_dead().then_some(())).await;
    let home = service.wait_for_death().await;
    recover(home, &site, client, &case).await;
}

macro_rules! a_crash_at {
    ($($name:ident: $point:literal at $counts:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            for count in $counts {
                crash_at($point, count).await;
            }
        }
    )*

        #[test]
        fn every_named_place_has_a_crash() {
            // The last one has a test of its own, in `erasing.rs`.
            assert_eq!([$($point,)* "erase"], leafcutter_crash_points::POINTS);
        }
    };
}

a_crash_at! {
    a_crash_after_credits_are_set_aside_loses_nothing: "reserve" at [1, 2];
    a_crash_after_a_submit_is_stored_loses_nothing: "submit" at [1, 2];
    a_crash_after_work_is_offered_loses_nothing: "offer" at [1, 3];
    a_crash_after_an_item_has_started_loses_nothing: "start" at [1, 6];
    a_crash_after_a_result_is_stored_loses_nothing: "store" at [1, 4];
    a_crash_after_a_report_is_recorded_loses_nothing: "report" at [1, 5];
    a_crash_after_a_settlement_loses_nothing: "settle" at [1, 2];
    a_crash_before_a_page_of_the_log_is_projected_loses_nothing: "project" at [1, 4];
    a_crash_after_a_page_of_the_log_is_projected_loses_nothing: "checkpoint" at [1, 4];
}

/// Kills the service when a client has seen the `changes`-th change of a status, and recovers.
async fn crash_after_changes(changes: usize) {
    let case = format!("after {changes} changes");
    let site = Site::open().await;
    let service = settled_home().await.start(&Options::for_site(site.address)).await;
    let mut client = Client::default();
    client.submit(&service, &orders(&site)).await;
    let (mut seen, mut last) = (0, BTreeMap::new());
    eventually(&case, PATIENCE, async || {
        for batch in client.accepted.values() {
            let now: Vec<Value> =
                items(&service.api.status(batch).await).iter().map(|item| item["status"].clone()).collect();
            let before = last.insert(batch.clone(), now.clone()).unwrap_or_default();
            seen += now.iter().zip(before).filter(|(now, before)| *now != before).count();
        }
        (seen >= changes).then_some(())
    })
    .await;
    recover(service.kill().await, &site, client, &case).await;
}

/// Random moments that are the same in every run: ten numbers of changes, from the first to the last but a few.
fn moments() -> impl Iterator<Item = usize> {
    const SEED: u64 = 0x1eaf_c077;
    const CHANGES: u64 = 9;
    std::iter::successors(Some(SEED), |state| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|state| usize::try_from((state >> 33) % CHANGES).unwrap() + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_at_random_moments_lose_nothing() {
    for changes in moments().take(5) {
        crash_after_changes(changes).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn further_crashes_at_random_moments_lose_nothing() {
    for changes in moments().skip(5).take(5) {
        crash_after_changes(changes).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_a_retry_loses_nothing_and_the_repeated_retry_is_one_round() {
    for point in ["reserve", "submit", "report"] {
        let site = Site::open().await;
        let options = Options::for_site(site.address);
        let service = Service::start(&options).await;
        let urls = [site.url("/ok/a"), site.url("/flaky/b")];
        let batch = service.api.submit(&json!({"urls": urls, "scrapeMode": "fast"})).await;
        service.api.finished(&batch).await;
        site.mend("b");
        let retry = async |service: &Service| {
            let path = format!("/api/batch/scrape/{batch}/retry");
            let request =
                service.api.request(reqwest::Method::POST, &path).header("idempotency-key", "again");
            service.api.try_send(request).await
        };
        let service = service.stop().await.start(&options.clone().crash_at(point, 1)).await;
        let unanswered = retry(&service).await.is_err();
        assert!(unanswered || point == "report", "{point}");
        let service = service.wait_for_death().await.start(&options).await;
        assert_eq!(retry(&service).await.unwrap().expect(202).body["retriedCount"], 1, "{point}");
        let status = service.api.finished(&batch).await;
        assert_eq!(
            (credits_used(&status), status["completedCount"].as_u64()),
            (2, Some(2)),
            "{point}: {status}"
        );
        assert_eq!(service.api.settled().await.spent, 2, "{point}");
        service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_of_a_submit_that_a_crash_cut_off_and_nobody_repeats_are_given_back() {
    let site = Site::open().await;
    let options = Options::for_site(site.address).env("LEAFCUTTER_SWEEP_GRACE_MS", "100");
    let service = settled_home().await.start(&options.clone().crash_at("reserve", 1)).await;
    let order = json!({"urls": site.ok_urls(3)});
    assert!(service.api.submit_once("never again", &order).await.is_err());
    let service = service.wait_for_death().await.start(&options).await;
    let credits = service.api.settled().await;
    assert_eq!((credits.spent, credits.available), (0, credits.granted));
    // Whoever comes back late pays anew.
    let answer = service.api.submit_once("never again", &order).await.unwrap().expect(202);
    let status = service.api.finished(answer.body["batchId"].as_str().unwrap()).await;
    assert_eq!((credits_used(&status), service.api.settled().await.spent), (6, 6));
    service.stop().await;
}
