//! A browser is taken out of service while its items go on; a worker without memory begins nothing.

use crate::{
    site::Site,
    support::{Order, System, chromiums, group, members, until},
};
use leafcutter_dispatch::Outcome;
use leafcutter_worker::Readiness;
use std::time::Duration;

/// A worker with two slots whose browsers are old as soon as they have opened a page.
async fn short_lived(site: &Site, drain_limit: Duration) -> System {
    System::with(site, |settings| {
        (settings.concurrency, settings.browser_age, settings.drain_limit) = (2, Duration::ZERO, drain_limit);
    })
    .await
}

/// Waits for a browser that is not of `old`, and up.
async fn successor(system: &System, old: &[i32]) {
    until("a fresh browser", || {
        let now = chromiums(&system.profiles).into_iter().filter_map(group);
        now.into_iter().any(|group| !old.contains(&group)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_items_go_to_a_fresh_browser_while_the_old_one_drains() {
    let site = Site::start(None).await;
    let system = short_lived(&site, Duration::from_secs(60)).await;
    let old: Vec<i32> = chromiums(&system.profiles).into_iter().filter_map(group).collect();
    let batch = system.offer(&[Order::of(site.url("/held"))]).await;
    until("the page is asked for", || (site.count("/gate/held") > 0).then_some(())).await;
    successor(&system, &old).await;
    let (_, text) = system.completed(Order::of(site.url("/plain"))).await;
    assert!(text.contains("Plain page"));
    assert!(!members(&old).is_empty(), "the old browser went with an item in it");
    site.open("held");
    let outcome = system.report(batch, 0).await.outcome;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    until("the old browser is gone", || members(&old).is_empty().then_some(())).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_does_not_leave_an_old_browser_in_time_is_put_back() {
    let site = Site::start(None).await;
    let system = short_lived(&site, Duration::ZERO).await;
    let old: Vec<i32> = chromiums(&system.profiles).into_iter().filter_map(group).collect();
    let batch = system.offer(&[Order::of(site.url("/gate/never")), Order::of(site.url("/plain"))]).await;
    let outcome = system.report(batch, 0).await.outcome;
    assert!(matches!(outcome, Outcome::PutBack), "{outcome:?}");
    until("the old browser is gone", || members(&old).is_empty().then_some(())).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_memory_says_so_and_begins_nothing() {
    let site = Site::start(None).await;
    let system = System::with(&site, |settings| settings.memory_reserve_bytes = u64::MAX).await;
    assert_eq!(*system.worker.ready().borrow(), Readiness::ShortOfMemory);
    system.offer(&[Order::of(site.url("/plain"))]).await;
    let reports = system.reports();
    system.stop().await;
    assert!(reports.borrow().is_empty() && site.seen().is_empty(), "an item was begun");
}
