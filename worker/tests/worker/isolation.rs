//! What may not pass: from one item to the next, from an item to another host, from a page to this machine.

use crate::{
    site::Site,
    support::{Order, System},
};
use leafcutter_dispatch::Outcome;
use leafcutter_domain::{ErrorCode, Isolation, ScrapeMode, ScrapeOptions};
use std::collections::HashSet;

/// What Chromium gives no command to forget, so that it may cross between items of one batch (ADR 0006): remembered
/// HTTP authentication, and which headers a site has asked for.
const CROSSES_IN_A_BATCH: [&str; 2] = ["login", "sec-ch-ua-platform-version"];

const COOKIES: &str = "session=SECRET-1; theme=dark";

#[tokio::test(flavor = "multi_thread")]
async fn cookies_go_to_the_pages_host_only_and_end_with_the_item() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let with = Order { cookies: Some(COOKIES), ..Order::of(site.url("/elsewhere")) };
    system.run(&[with, Order::of(site.url("/plain"))]).await;
    let seen = site.seen();
    let cookie = |path: &str, host: &str| {
        let request = seen.iter().find(|seen| seen.path == path && seen.host.starts_with(host)).unwrap();
        request.cookie.clone()
    };
    assert_eq!(cookie("/elsewhere", "127.0.0.1").as_deref(), Some(COOKIES));
    assert_eq!(cookie("/image", "127.0.0.1").as_deref(), Some(COOKIES));
    assert_eq!(cookie("/image", "localhost"), None);
    assert_eq!(cookie("/plain", "127.0.0.1"), None);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fast_mode_sends_the_cookies_too_and_only_once() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let options = ScrapeOptions { mode: ScrapeMode::Fast, ..ScrapeOptions::default() };
    let with = Order { cookies: Some(COOKIES), options: options.clone(), ..Order::of(site.url("/plain")) };
    system.run(&[with, Order { options, ..Order::of(site.url("/text")) }]).await;
    let seen = site.seen();
    assert_eq!(seen[0].cookie.as_deref(), Some(COOKIES));
    assert_eq!(seen[1].cookie, None);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_an_item_leaves_is_found_by_the_next_one_or_by_one_beside_it() {
    let site = Site::start(None).await;
    let system = System::with(&site, |settings| settings.concurrency = 2).await;
    let mut permissions = HashSet::new();
    for isolation in [Isolation::Batch, Isolation::Item] {
        let options = ScrapeOptions { isolation, ..ScrapeOptions::default() };
        let probe = Order { options, ..Order::of(site.url("/probe")) };
        let batch = [probe.clone(), probe.clone(), probe];
        let (one, other) = tokio::join!(system.run(&batch), system.run(&batch));
        for (nth, outcome) in one.into_iter().chain(other).enumerate() {
            let Outcome::Completed(page) = outcome else { panic!("{isolation:?} {nth}: {outcome:?}") };
            let text = system.objects.get(&page.result.key, 100_000).await.unwrap();
            let text = String::from_utf8_lossy(&text).into_owned();
            let (found, granted) = text.trim().split_once("; ").unwrap_or((text.trim(), ""));
            let known = if isolation == Isolation::Batch { &CROSSES_IN_A_BATCH[..] } else { &[] };
            let found = found.trim_start_matches("found: ").split(' ');
            let found: Vec<_> = found.filter(|what| *what != "nothing" && !known.contains(what)).collect();
            assert_eq!(found, Vec::<&str>::new(), "{isolation:?} {nth}");
            assert!(!granted.contains("=granted"), "{granted}");
            permissions.insert(granted.to_owned());
        }
    }
    assert_eq!(permissions.len(), 1, "{permissions:?}");
    assert_eq!(site.count("/probe/cached.js"), 12, "the cache outlived an item");
    assert_eq!(site.count("/probe/preflight"), 24, "a preflight outlived an item");
    assert_eq!(site.count("/favicon.ico"), 0);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_cannot_reach_this_machine() {
    let canary = Site::start(None).await;
    let site = Site::start(Some(canary.address)).await;
    let system = System::start(&site).await;
    for mode in [ScrapeMode::Default, ScrapeMode::Fast] {
        let options = ScrapeOptions { mode, ..ScrapeOptions::default() };
        for url in [site.url("/to-canary"), canary.url("/direct")] {
            let failure = system.failed(Order { options: options.clone(), ..Order::of(url) }).await;
            assert_eq!(failure.code, ErrorCode::PrivateAddress, "{mode:?}: {}", failure.message);
        }
    }
    let (_, text) = system.completed(Order::of(site.url("/embeds-canary"))).await;
    assert!(text.contains("Embeds"));
    assert!(canary.seen().is_empty(), "{:?}", canary.seen());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_writes_until_it_is_left_is_gone_and_the_next_page_is_shown_and_painted() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let writes = || Order::of(site.url("/writes"));
    for outcome in system.run(&[writes(), writes(), writes(), writes()]).await {
        let Outcome::Completed(page) = outcome else { panic!("{outcome:?}") };
        let text = system.objects.get(&page.result.key, 100_000).await.unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["found:", "0,0,0,0", "painted", "visible"]);
    }
    system.stop().await;
}
