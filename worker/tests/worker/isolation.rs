//! What may not pass: from one item to the next, from an item to another host, from a page to this machine.

use crate::{
    site::Site,
    support::{Order, System},
};
use leafcutter_dispatch::Outcome;
use leafcutter_domain::{ErrorCode, Isolation, ScrapeMode, ScrapeOptions};

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
async fn nothing_that_an_item_leaves_is_found_by_the_next_one() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    for isolation in [Isolation::Batch, Isolation::Item] {
        let options = ScrapeOptions { isolation, ..ScrapeOptions::default() };
        let probe = Order { options, ..Order::of(site.url("/probe")) };
        let outcomes = system.run(&[probe.clone(), probe.clone(), probe]).await;
        for (nth, outcome) in outcomes.into_iter().enumerate() {
            let Outcome::Completed(page) = outcome else { panic!("{isolation:?} {nth}: {outcome:?}") };
            let text = system.objects.get(&page.result.key, 100_000).await.unwrap();
            let text = String::from_utf8_lossy(&text);
            assert_eq!(text.trim(), "found: nothing", "{isolation:?} {nth}");
        }
    }
    assert_eq!(site.count("/cached.js"), 6, "the cache outlived an item");
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
