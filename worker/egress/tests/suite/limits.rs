//! Limits: sizes and times end what goes over them, and say so.

use std::time::Duration;

use leafcutter_egress::{Limits, Refusal, Step};

use crate::support::{Client, Reply, Target, ask, get, refusal};

const ENDLESS: &str = "HTTP/1.1 200 OK\r\n\r\n";
const LIMIT: u64 = 100_000;

fn item_limit() -> Limits {
    Limits { item_bytes_max: LIMIT, ..Limits::default() }
}

#[tokio::test]
async fn an_item_over_its_limit_is_cut_recorded_and_refused_from_then_on() {
    let site = Target::start(|_| Reply::Endless(ENDLESS)).await;
    let proxy = site.proxy_with(item_limit()).await;
    let mut client = Client::connect(&proxy).await;
    client.send(&get(site.address, "/")).await;
    let bytes = client.drain().await;
    assert!(bytes < 2 * usize::try_from(LIMIT).unwrap(), "{bytes}");
    assert!(proxy.usage().exhausted);
    let recorded = proxy.refusal_for("127.0.0.1");
    assert!(
        matches!(recorded, Some(Refusal::TooLarge { part: "item", limit_bytes: LIMIT, .. })),
        "{recorded:?}"
    );
    assert_eq!(refusal(&ask(&proxy, &get(site.address, "/")).await), ("403", "TOO_LARGE"));
    assert_eq!(site.requests().len(), 1);
    proxy.shutdown().await;
}

#[tokio::test]
async fn an_endless_tunnel_is_cut_and_recorded() {
    let site = Target::start(|_| Reply::Endless(ENDLESS)).await;
    let proxy = site.proxy_with(item_limit()).await;
    let mut client = Client::connect(&proxy).await;
    client.ask(&format!("CONNECT {} HTTP/1.1\r\nHost: x\r\n\r\n", site.address)).await;
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    assert!(client.drain().await < 2 * usize::try_from(LIMIT).unwrap());
    assert!(matches!(proxy.refusal_for("127.0.0.1"), Some(Refusal::TooLarge { .. })));
    proxy.shutdown().await;
}

#[tokio::test]
async fn the_next_item_starts_with_fresh_counters() {
    let site = Target::start(|request| match request.contains("/big") {
        true => Reply::Endless(ENDLESS),
        false => Reply::Keep("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    })
    .await;
    let proxy = site.proxy_with(item_limit()).await;
    let mut client = Client::connect(&proxy).await;
    client.send(&get(site.address, "/big")).await;
    client.drain().await;
    proxy.begin_item();
    assert_eq!(proxy.usage(), leafcutter_egress::Usage::default());
    assert_eq!(proxy.refusal_for("127.0.0.1"), None);
    assert!(ask(&proxy, &get(site.address, "/")).await.ends_with("ok"));
    let usage = proxy.usage();
    assert_eq!((usage.received_bytes, usage.requests, usage.exhausted), (40, 1, false));
    proxy.shutdown().await;
}

#[tokio::test]
async fn one_response_may_not_go_over_its_own_limit() {
    let site = Target::start(|request| match request.contains("/announced") {
        true => Reply::Keep("HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n"),
        false => Reply::Endless(ENDLESS),
    })
    .await;
    let limits = Limits { response_bytes_max: LIMIT, ..Limits::default() };
    let proxy = site.proxy_with(limits).await;
    assert_eq!(refusal(&ask(&proxy, &get(site.address, "/announced")).await), ("403", "TOO_LARGE"));
    proxy.begin_item();
    let mut client = Client::connect(&proxy).await;
    client.send(&get(site.address, "/endless")).await;
    client.drain().await;
    let recorded = proxy.refusal_for("127.0.0.1");
    assert!(matches!(recorded, Some(Refusal::TooLarge { part: "response", .. })), "{recorded:?}");
    assert!(!proxy.usage().exhausted);
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_target_that_never_answers_is_given_up() {
    let site = Target::start(|_| Reply::Silent("")).await;
    let limits = Limits { headers_timeout: Duration::from_millis(50), ..Limits::default() };
    let proxy = site.proxy_with(limits).await;
    assert_eq!(refusal(&ask(&proxy, &get(site.address, "/")).await), ("504", "NAVIGATION_TIMEOUT"));
    let recorded = proxy.refusal_for("127.0.0.1");
    assert!(matches!(recorded, Some(Refusal::Timeout { step: Step::Answer, .. })), "{recorded:?}");
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_body_that_stands_still_is_cut() {
    let site = Target::start(|_| Reply::Silent("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")).await;
    let limits = Limits { idle_timeout: Duration::from_millis(50), ..Limits::default() };
    let proxy = site.proxy_with(limits).await;
    let mut client = Client::connect(&proxy).await;
    client.send(&get(site.address, "/")).await;
    client.drain().await;
    let recorded = proxy.refusal_for("127.0.0.1");
    assert!(matches!(recorded, Some(Refusal::Timeout { step: Step::Continue, .. })), "{recorded:?}");
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_target_that_closes_without_an_answer_is_a_failed_connection() {
    let site = Target::start(|_| Reply::Close("")).await;
    let proxy = site.proxy().await;
    assert_eq!(refusal(&ask(&proxy, &get(site.address, "/")).await), ("502", "CONNECT_FAILED"));
    proxy.shutdown().await;
}
