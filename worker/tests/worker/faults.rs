//! Pages that never end, and a browser that dies: the item ends within its limit, the next one works.

use crate::{
    site::Site,
    support::{Order, System, chromiums, group, until},
};
use leafcutter_dispatch::Outcome;
use leafcutter_domain::ErrorCode;
use rustix::process::{Pid, Signal, kill_process};
use std::time::{Duration, Instant};

/// Item limit of these tests.
const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_end_ends_within_the_limit() {
    let site = Site::start(None).await;
    let system = System::with(&site, |settings| settings.item_limit = LIMIT).await;
    for (path, code) in [
        ("/endless", ErrorCode::NavigationTimeout),
        ("/dialogs", ErrorCode::NavigationTimeout),
        ("/gate/never", ErrorCode::NavigationTimeout),
        ("/spin", ErrorCode::ItemTimeout),
    ] {
        let begun = Instant::now();
        let failure = system.failed(Order::of(site.url(path))).await;
        assert_eq!(failure.code, code, "{path}: {}", failure.message);
        assert!(begun.elapsed() < LIMIT + Duration::from_secs(1), "{path} took {:?}", begun.elapsed());
        let (_, text) = system.completed(Order::of(site.url("/plain"))).await;
        assert!(text.contains("Plain page"), "after {path}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_that_a_page_opens_do_no_harm() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let (_, text) = system.completed(Order::of(site.url("/popups"))).await;
    assert!(text.contains("Popups"));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_browser_fails_its_item_and_is_replaced() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let batch = system.offer(&[Order::of(site.url("/gate/never")), Order::of(site.url("/plain"))]).await;
    until("the page is asked for", || (site.count("/gate/never") > 0).then_some(())).await;
    for pid in chromiums(&system.profiles) {
        // The guardian is left to find out by itself.
        if group(pid) != Some(pid) {
            let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
    }
    match system.report(batch, 0).await.outcome {
        Outcome::Failed(failure) => assert_eq!(failure.code, ErrorCode::BrowserCrashed),
        other => panic!("{other:?}"),
    }
    assert!(matches!(system.report(batch, 1).await.outcome, Outcome::Completed(_)));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_page_fails_its_item_only() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let batch = system.offer(&[Order::of(site.url("/gate/never")), Order::of(site.url("/plain"))]).await;
    until("the page is asked for", || (site.count("/gate/never") > 0).then_some(())).await;
    let (leader, before) = until("a browser", || {
        let pids = chromiums(&system.profiles);
        Some((group(*pids.first()?)?, pids))
    })
    .await;
    for pid in crate::support::members(&[leader]) {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains("--type=renderer") {
            let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
    }
    match system.report(batch, 0).await.outcome {
        Outcome::Failed(failure) => assert_eq!(failure.code, ErrorCode::BrowserCrashed),
        other => panic!("{other:?}"),
    }
    assert!(matches!(system.report(batch, 1).await.outcome, Outcome::Completed(_)));
    assert_eq!(chromiums(&system.profiles), before, "the browser itself was replaced");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_browser_takes_over_after_its_pages() {
    let site = Site::start(None).await;
    let system = System::with(&site, |settings| settings.pages_per_browser = 2).await;
    let first = chromiums(&system.profiles);
    for _ in 0..6 {
        system.completed(Order::of(site.url("/plain"))).await;
    }
    until("the first browser is gone", || {
        let now = chromiums(&system.profiles);
        (!now.is_empty() && !now.iter().any(|pid| first.contains(pid))).then_some(())
    })
    .await;
    system.stop().await;
}
