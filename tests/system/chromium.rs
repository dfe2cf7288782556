//! `kill -9` of Chromium in the middle of a batch: its pages are opened again in another one, up to a bound.

use crate::harness::{Options, PATIENCE, Processes, Service, Site, count, credits_used, end, eventually};
use serde_json::json;

/// Kills the one browser process that there is.
fn kill_browser(processes: &Processes) -> i32 {
    let browsers = processes.browsers();
    assert_eq!(browsers.len(), 1, "{:?}", processes.command_lines());
    end(browsers[0]);
    browsers[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_chromium_costs_no_item_and_leaves_no_process() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let mut urls = vec![site.url("/gate/a"); 4];
    urls.extend(site.ok_urls(6));
    let batch = service.api.submit(&json!({"urls": urls})).await;
    eventually("pages are open", PATIENCE, async || (site.visits("/gate/a") >= 2).then_some(())).await;
    let before = service.home().processes.all();
    let killed = kill_browser(&service.home().processes);
    site.open_gate("a");
    let status = service.api.finished(&batch).await;
    assert_eq!((count(&status, "completed"), credits_used(&status)), (10, 20), "{status}");
    assert_eq!(service.api.settled().await.spent, 20);
    let now = service.home().processes.all();
    assert!(!now.contains(&killed));
    let service_itself = service.pid();
    let survivors: Vec<_> =
        before.iter().filter(|pid| **pid != service_itself && now.contains(pid)).collect();
    assert!(survivors.is_empty(), "{survivors:?} of the killed Chromium are left");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_chromium_always_dies_fails_in_the_end_and_can_be_retried() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let batch = service.api.submit(&json!({"urls": [site.url("/gate/a")]})).await;
    // The first time, and three times more.
    for visits in 1..=4 {
        eventually("the page is open", PATIENCE, async || (site.visits("/gate/a") == visits).then_some(()))
            .await;
        kill_browser(&service.home().processes);
    }
    let status = service.api.finished(&batch).await;
    assert_eq!(status["items"][0]["errorCode"], "BROWSER_CRASHED", "{status}");
    assert_eq!(
        (&status["items"][0]["attempts"], &status["items"][0]["retryable"]),
        (&json!(4), &json!(true))
    );
    assert_eq!(service.api.settled().await.spent, 0);
    service.api.retry(&batch, &json!({})).await.expect(202);
    site.open_gate("a");
    let status = service.api.finished(&batch).await;
    assert_eq!(count(&status, "completed"), 1, "{status}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chromium_that_has_opened_its_share_of_pages_is_replaced_without_a_failure() {
    let site = Site::open().await;
    let options = Options::for_site(site.address).flag("--pages-per-browser", "3");
    let service = Service::start(&options).await;
    let first = service.home().processes.browsers();
    let batch = service.api.submit(&json!({"urls": site.ok_urls(12)})).await;
    let status = service.api.finished(&batch).await;
    assert_eq!(count(&status, "completed"), 12, "{status}");
    let gone = async || first.iter().all(|pid| !service.home().processes.all().contains(pid)).then_some(());
    eventually("the first Chromium has gone", PATIENCE, gone).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chromium_that_outlived_its_service_is_ended_at_the_next_start() {
    let site = Site::open().await;
    let options = Options::for_site(site.address);
    let service = Service::start(&options).await;
    let batch = service.api.submit(&json!({"urls": [site.url("/gate/a")]})).await;
    eventually("the page is open", PATIENCE, async || (site.visits("/gate/a") == 1).then_some(())).await;
    let home = service.kill_and_orphan_chromium().await;
    let left = home.processes.browsers();
    assert_eq!(left.len(), 1, "the test has to leave a Chromium behind");
    let service = home.start(&options).await;
    let now = service.home().processes.browsers();
    assert!(now.len() == 1 && now != left, "{left:?} of the former run is still there: {now:?}");
    site.open_gate("a");
    service.api.finished(&batch).await;
    let home = service.stop().await;
    let profiles: Vec<_> = std::fs::read_dir(home.folder().join("tmp")).unwrap().collect();
    assert!(profiles.is_empty(), "{profiles:?}");
}
