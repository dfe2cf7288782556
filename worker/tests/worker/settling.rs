//! Pages that are not done when they have loaded: each is read when its content is there, and none is waited for
//! without end.

use crate::{
    site::Site,
    support::{Order, System},
};
use leafcutter_dispatch::Outcome;
use leafcutter_domain::ErrorCode;

#[tokio::test(flavor = "multi_thread")]
async fn content_that_comes_after_the_load_event_is_waited_for() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    content_comes(&site, &system).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_comes_when_every_change_is_painted() {
    let site = Site::start(None).await;
    let system = System::with(&site, |settings| settings.always_paint = true).await;
    content_comes(&site, &system).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_asks_for_no_frames_gets_none_and_cannot_tell() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    // After one that asked for them, too.
    for path in ["unseen", "frames", "unseen"] {
        let (_, text) = system.completed(Order::of(site.url(&format!("/works/{path}")))).await;
        let unseen = text.contains("Here it is: visible, 0 paints");
        assert_eq!(unseen, path == "unseen", "{path}: {text}");
    }
    system.stop().await;
}

async fn content_comes(site: &Site, system: &System) {
    for path in [
        "fetch",
        "chain",
        "xhr",
        "stream",
        "timer",
        "timers",
        "interval",
        "microtasks",
        "frames",
        "idle",
        "slices",
        "socket",
        "events",
        "worker",
        "skeleton",
        "module",
        "lazy",
        "lazy-image",
        "resized",
        "in-view",
        "scrolls",
        "transition",
        "chained-frames",
        "imported",
        "inner",
        "streamed",
    ] {
        let (_, text) = system.completed(Order::of(site.url(&format!("/works/{path}")))).await;
        assert!(text.contains("Here it is"), "{path}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_never_done_is_read_as_it_is() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    for path in ["polling", "animation", "ticker", "slow-timer", "silent-socket", "posting"] {
        let (_, text) = system.completed(Order::of(site.url(&format!("/works/{path}")))).await;
        assert!(text.contains("Here it is"), "{path}: {text}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_leads_on_by_itself_is_followed() {
    let canary = Site::start(None).await;
    let site = Site::start(Some(canary.address)).await;
    let system = System::start(&site).await;
    for path in ["moves-at-once", "moves-later", "refreshes"] {
        let (page, text) = system.completed(Order::of(site.url(&format!("/works/{path}")))).await;
        assert!(text.contains("Plain page"), "{path}: {text}");
        assert_eq!(page.final_url, site.url("/plain"), "{path}");
    }
    let failure = system.failed(Order::of(site.url("/works/moves-to-canary"))).await;
    assert_eq!(failure.code, ErrorCode::PrivateAddress, "{}", failure.message);
    let endless = system.run(&[Order::of(site.url("/works/moves-for-ever"))]).await.remove(0);
    assert!(matches!(endless, Outcome::Failed(_)), "{endless:?}");
    let (_, text) = system.completed(Order::of(site.url("/plain"))).await;
    assert!(text.contains("Plain page"));
    assert!(canary.seen().is_empty(), "{:?}", canary.seen());
    system.stop().await;
}
