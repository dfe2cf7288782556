//! Pages that come out right.

use crate::{
    site::Site,
    support::{Order, System},
};
use leafcutter_domain::{ErrorCode, OutputFormat, ScrapeMode, ScrapeOptions, Screenshot, batch::Extractor};

fn fast() -> ScrapeOptions {
    ScrapeOptions { mode: ScrapeMode::Fast, ..ScrapeOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_read_as_its_scripts_left_it() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    for (path, words) in [
        ("/plain", "# Plain page"),
        ("/script", "# Made by script"),
        ("/fetched", "Brought by fetch"),
        ("/shadow", "## In the shadow"),
        ("/shadow", "Slotted"),
        ("/text", "just *text*"),
        ("/latin", "café"),
    ] {
        let (page, text) = system.completed(Order::of(site.url(path))).await;
        assert!(text.contains(words), "{path}: {text}");
        assert_eq!((page.http_status, page.extractor), (200, Extractor::None));
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_names_where_it_led() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    for options in [ScrapeOptions::default(), fast()] {
        let (page, _) = system.completed(Order { options, ..Order::of(site.url("/moved")) }).await;
        assert_eq!(page.final_url, site.url("/plain"));
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_fails_with_its_code() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    for (path, code, status) in [
        ("/fails", ErrorCode::HttpStatus, Some(500)),
        ("/missing", ErrorCode::HttpStatus, Some(404)),
        ("/broken-pdf", ErrorCode::UnsupportedContent, Some(200)),
        ("/doc/picture.png", ErrorCode::UnsupportedContent, Some(200)),
        ("/doc/archive.zip", ErrorCode::UnsupportedContent, Some(200)),
    ] {
        for options in [ScrapeOptions::default(), fast()] {
            let failure = system.failed(Order { options, ..Order::of(site.url(path)) }).await;
            assert_eq!((failure.code, failure.http_status), (code, status), "{path}: {}", failure.message);
        }
    }
    let failure = system.failed(Order::of(site.url("/download"))).await;
    assert_eq!(failure.code, ErrorCode::UnsupportedContent, "{}", failure.message);
    let (_, text) = system.completed(Order::of(site.url("/plain"))).await;
    assert!(text.contains("Plain page"));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_made_by_the_rules() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let schema =
        serde_json::json!({"type":"object","properties":{"name":{"type":"string"}},"required":["name"]});
    let options =
        ScrapeOptions { output: OutputFormat::Json, schema: Some(schema), ..ScrapeOptions::default() };
    let (page, text) = system.completed(Order { options, ..Order::of(site.url("/json")) }).await;
    assert_eq!(page.extractor, Extractor::Rules);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["name"], "ant");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_shows_the_window_or_the_whole_page() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    for (screenshot, height) in [(Screenshot::Viewport, 800..801), (Screenshot::FullPage, 3_000..3_100)] {
        let options = ScrapeOptions { screenshot, ..ScrapeOptions::default() };
        let (page, _) = system.completed(Order { options, ..Order::of(site.url("/tall")) }).await;
        let png = system.objects.get(&page.screenshot.unwrap().key, 10_000_000).await.unwrap();
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        assert_eq!(number(16), 1_280);
        assert!(height.contains(&number(20)), "{}", number(20));
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fast_mode_runs_no_scripts_and_counts_its_bytes() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let (_, text) = system.completed(Order { options: fast(), ..Order::of(site.url("/latin")) }).await;
    assert!(text.contains("café"), "{text}");
    let batch = system.offer(&[Order { options: fast(), ..Order::of(site.url("/plain")) }]).await;
    let usage = system.report(batch, 0).await.usage;
    assert!(usage.received_bytes > 50 && usage.requests == 1, "{usage:?}");
    let failure = system.failed(Order { options: fast(), ..Order::of(site.url("/script")) }).await;
    assert_eq!(failure.code, ErrorCode::EmptyContent);
    assert_eq!(site.count("/data"), 0);
    system.stop().await;
}
