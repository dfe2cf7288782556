//! What is read of a page that consists of parts, and of documents that are not HTML.

use crate::{
    site::Site,
    support::{Order, System},
};
use leafcutter_domain::{ErrorCode, OutputFormat, ScrapeMode, ScrapeOptions, batch::Extractor};
use serde_json::{Value, json};

fn as_json(mode: ScrapeMode) -> ScrapeOptions {
    ScrapeOptions { mode, output: OutputFormat::Json, ..ScrapeOptions::default() }
}

/// Whether the parts stand in the text in this order.
fn in_order(text: &str, parts: &[&str]) -> bool {
    let mut rest = text;
    parts.iter().all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_a_page_are_read_in_their_places() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let (_, text) = system.completed(Order::of(site.url("/doc/shadows"))).await;
    let parts = ["## Outer", "### Inner", "Given twice", "Behind closed doors", "## Declared", "Light"];
    assert!(in_order(&text, &parts) && text.matches("Given twice").count() == 1, "{text}");
    let (_, text) = system.completed(Order::of(site.url("/doc/frames"))).await;
    let (here, there) = (site.url("/base/x"), format!("http://{}/doc/y", site.sibling));
    let parts = [
        "# Around",
        "## Framed",
        &here,
        "Between",
        "## Framed elsewhere",
        &there,
        "From the attribute",
        "After",
    ];
    assert!(in_order(&text, &parts), "{text}");
    assert!(!text.contains("another site") && !text.contains("Plain page"), "{text}");
    let (_, text) = system.completed(Order::of(site.url("/doc/pictures"))).await;
    let parts =
        ["/img/one.jpg", "/img/two.jpg", "/img/three.jpg", "/base/img/four.jpg"].map(|path| site.url(path));
    assert!(in_order(&text, &parts.each_ref().map(String::as_str)), "{text}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_other_kinds_are_read_alike_in_both_modes() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    for (path, markdown) in [
        ("report.pdf", "# Annual report\n\nAnts carried more leaves than ever before this year.\n"),
        ("feed", "First **story**"),
        ("data.json", "```json\n{\"name\":\"ant\",\"legs\":6}\n```\n"),
        ("note.xml", "```xml\n<note>"),
        ("table.csv", "| ant | 6 |\n"),
        ("russian", "Привет, как дела сегодня"),
    ] {
        for mode in [ScrapeMode::Default, ScrapeMode::Fast] {
            let options = ScrapeOptions { mode, ..ScrapeOptions::default() };
            let order = Order { options, ..Order::of(site.url(&format!("/doc/{path}"))) };
            let (page, text) = system.completed(order).await;
            assert!(text.contains(markdown), "{path} {mode:?}: {text}");
            assert_eq!((page.http_status, page.extractor), (200, Extractor::None));
        }
    }
    let order = Order { options: as_json(ScrapeMode::Default), ..Order::of(site.url("/doc/data.json")) };
    let (_, text) = system.completed(order).await;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({"name": "ant", "legs": 6}));
    let order = Order { options: as_json(ScrapeMode::Fast), ..Order::of(site.url("/doc/table.csv")) };
    let (_, text) = system.completed(order).await;
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap(),
        json!({"rows": [{"name": "ant", "legs": "6"}]})
    );
    let failure = system.failed(Order::of(site.url("/doc/hidden.bin"))).await;
    assert_eq!(failure.code, ErrorCode::UnsupportedContent, "{}", failure.message);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declared_without_scripts_is_read_in_fast_mode_too() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let options = ScrapeOptions { mode: ScrapeMode::Fast, ..ScrapeOptions::default() };
    let order = Order { options, ..Order::of(site.url("/doc/shadows")) };
    let (_, text) = system.completed(order).await;
    assert!(in_order(&text, &["## Declared", "Light"]), "{text}");
    system.stop().await;
}
