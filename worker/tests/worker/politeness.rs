//! Hosts that have to wait, and what `robots.txt` forbids, in a whole worker.

use crate::{
    site::Site,
    support::{Order, System, until},
};
use leafcutter_dispatch::Outcome;
use leafcutter_domain::{ErrorCode, ScrapeMode, ScrapeOptions};
use std::time::Duration;

fn polite(url: String, mode: ScrapeMode) -> Order {
    let options = ScrapeOptions { respect_robots: true, mode, ..ScrapeOptions::default() };
    Order { options, ..Order::of(url) }
}

fn fast(url: String) -> Order {
    Order { options: ScrapeOptions { mode: ScrapeMode::Fast, ..ScrapeOptions::default() }, ..Order::of(url) }
}

/// The site under its other name, which is another host.
fn elsewhere(site: &Site, path: &str) -> String {
    format!("http://localhost:{}{path}", site.address.port())
}

#[tokio::test]
async fn a_page_that_the_sites_rules_forbid_is_not_opened_in_any_mode() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    for mode in [ScrapeMode::Default, ScrapeMode::Fast] {
        let failure = system.failed(polite(site.url("/forbidden/page"), mode)).await;
        assert_eq!(failure.code, ErrorCode::RobotsDenied, "{}", failure.message);
        let (_, text) = system.completed(polite(site.url("/plain"), mode)).await;
        assert!(text.contains("Plain page"), "{text}");
    }
    assert_eq!(site.count("/forbidden/page"), 0);
    assert_eq!(site.count("/robots.txt"), 1, "the rules are kept");
    let failure = system.failed(polite(elsewhere(&site, "/plain"), ScrapeMode::Fast)).await;
    assert_eq!(failure.code, ErrorCode::RobotsDenied, "rules that the site does not show forbid everything");
    let failure = system.failed(fast(site.url("/forbidden/page"))).await;
    assert_eq!(failure.code, ErrorCode::HttpStatus, "who does not ask for it is not kept away");
    system.stop().await;
}

#[tokio::test]
async fn what_a_redirect_leads_to_is_asked_for_at_its_own_site() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    for (path, led_to) in [("/moved-to-forbidden", "/forbidden/page"), ("/moved-to-closed", "/plain")] {
        for mode in [ScrapeMode::Default, ScrapeMode::Fast] {
            let failure = system.failed(polite(site.url(path), mode)).await;
            let denied = failure.code == ErrorCode::RobotsDenied;
            assert!(denied || led_to == "/forbidden/page", "{path}: {failure:?}");
            assert!(failure.final_url.unwrap_or_default().ends_with(led_to), "{path}");
        }
    }
    system.completed(polite(site.url("/moved"), ScrapeMode::Default)).await;
    system.stop().await;
}

#[tokio::test]
async fn a_site_whose_rules_cannot_be_reached_fails_as_its_pages_would() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let url = "http://10.0.0.1/page".to_owned();
    let failure = system.failed(polite(url, ScrapeMode::Default)).await;
    assert_eq!(failure.code, ErrorCode::PrivateAddress, "{}", failure.message);
    system.stop().await;
}

#[tokio::test]
async fn a_host_that_asks_for_a_pause_gets_it_while_the_slot_does_something_else() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    for order in [Order::of(elsewhere(&site, "/busy/600")), fast(site.url("/busy/600"))] {
        let page = order.url.replace("/busy/600", "/plain");
        let batch = system.offer(&[order, Order::of(page)]).await;
        let Outcome::Failed(failure) = system.report(batch, 0).await.outcome else {
            panic!("it was refused")
        };
        assert_eq!((failure.code, failure.http_status), (ErrorCode::HttpStatus, Some(429)));
        if site.count("/busy/600") == 1 {
            // The only slot is free for another host.
            system.completed(fast(site.url("/text"))).await;
        }
    }
    assert_eq!(site.count("/plain"), 0, "both hosts are left alone");
    let reports = system.reports();
    system.stop().await;
    assert_eq!(reports.borrow().len(), 3, "what waits is given back without a report");
}

#[tokio::test]
async fn what_waits_for_its_host_goes_on_when_the_pause_is_over() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let orders = [Order::of(site.url("/busy/1")), Order::of(site.url("/plain")), fast(site.url("/text"))];
    let outcomes = system.run(&orders).await;
    assert!(matches!(outcomes[..], [Outcome::Failed(_), Outcome::Completed(_), Outcome::Completed(_)]));
    system.stop().await;
}

#[tokio::test]
async fn no_more_pages_of_a_host_are_opened_at_a_time_than_allowed() {
    let site = Site::start(None).await;
    let system = System::with(&site, |settings| {
        settings.concurrency = 3;
        settings.politeness.pages_max = Some(1);
    })
    .await;
    let first = system.offer(&[fast(site.url("/gate/first"))]).await;
    until("the first page", || (site.count("/gate/first") == 1).then_some(())).await;
    let second = system.offer(&[fast(site.url("/gate/second"))]).await;
    system.completed(Order::of(elsewhere(&site, "/plain"))).await;
    assert_eq!(site.count("/gate/second"), 0, "a slot is free, the host is not");
    system.run(&[fast(elsewhere(&site, "/open/first"))]).await;
    system.report(first, 0).await;
    until("the second page", || (site.count("/gate/second") == 1).then_some(())).await;
    system.run(&[fast(elsewhere(&site, "/open/second"))]).await;
    system.report(second, 0).await;
    system.stop().await;
}

#[tokio::test]
async fn many_pages_of_a_host_come_one_after_another_with_a_delay_and_all_come() {
    let site = Site::start(None).await;
    let system = System::with(&site, |settings| {
        settings.concurrency = 2;
        settings.politeness.delay = Duration::from_millis(20);
    })
    .await;
    let batches = [site.url("/text"), elsewhere(&site, "/text")]
        .map(|url| (0..8).map(|_| fast(url.clone())).collect::<Vec<_>>());
    let [one, other] = batches.each_ref().map(|orders| system.run(orders));
    let (one, other) = tokio::join!(one, other);
    assert!(one.iter().chain(&other).all(|outcome| matches!(outcome, Outcome::Completed(_))));
    system.stop().await;
}
