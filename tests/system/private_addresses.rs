//! What is not on the public internet is not opened: refused at submit in every spelling, and never reached by a page
//! that leads there.

use crate::harness::{Canary, Options, Service, Site, items};
use serde_json::{Value, json};

/// Addresses that a submit refuses. `PORT` is the port of a site that is allowed as `127.0.0.1:PORT`.
const REFUSED: &[&str] = &[
    // Loopback, in every form that a browser understands.
    "http://127.0.0.1/",
    "http://127.0.0.1:1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://%31%32%37.0.0.1/",
    "http://１２７.0.0.1/",
    "http://localhost/",
    "http://localhost:PORT/",
    "http://LOCALHOST./",
    "http://sub.localhost/",
    "http://[::1]/",
    "http://[::1]:PORT/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://0.0.0.0/",
    "http://0/",
    "http://[::]/",
    // Private networks, link-local, metadata, and what translates to them.
    "http://10.0.0.1/",
    "http://172.16.3.4/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://metadata.google.internal/",
    "http://printer.local/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    // User information, schemes, ports, and what is no URL.
    "http://user:password@example.com/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1:PORT@127.0.0.1:1/",
    "file:///etc/passwd",
    "ftp://example.com/",
    "javascript:alert(1)",
    "data:text/html,x",
    "chrome://version/",
    "http://example.com:22/",
    "http://example.com:6379/",
    "//example.com/",
    "example.com",
];

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_in_every_spelling_are_refused_at_submit_each_by_name() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let port = site.address.port().to_string();
    let urls: Vec<String> = REFUSED.iter().map(|url| url.replace("PORT", &port)).collect();
    for urls in urls.chunks(50) {
        let refused =
            service.api.try_submit(&json!({"urls": urls})).await.expect_code(422, "VALIDATION_FAILED");
        let errors = refused.body["errors"].as_array().unwrap();
        for (index, url) in urls.iter().enumerate() {
            let named = format!("urls[{index}]: ");
            let found = errors.iter().any(|error| error.as_str().unwrap().starts_with(&named));
            assert!(found, "{url} was not refused: {errors:#?}");
        }
    }
    let one_of_two = json!({"urls": [site.url("/ok/a"), "http://127.0.0.1:1/"]});
    service.api.try_submit(&one_of_two).await.expect(422);
    let list = service.api.get("/api/batch/scrape").await.expect(200).body;
    assert_eq!((&list["jobs"], site.all_visits()), (&json!([]), 0), "something was queued");
    assert_eq!(service.api.credits().await.held, 0);
    service.stop().await;
}

/// Runs pages that lead to a canary and gives their items.
async fn led_to_canary(service: &Service, paths: &[String], site: &Site, mode: &str) -> Vec<Value> {
    let urls: Vec<String> = paths.iter().map(|path| site.url(path)).collect();
    let batch = service.api.submit(&json!({"urls": urls, "scrapeMode": mode})).await;
    items(&service.api.finished(&batch).await).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_redirects_to_a_private_address_fails_and_never_reaches_it() {
    let (site, canary) = (Site::open().await, Canary::open().await);
    let service = Service::start(&Options::for_site(site.address)).await;
    let port = canary.address.port();
    let hosts = ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"];
    let mut paths = hosts.map(|host| format!("/redirect?to=http://{host}:{port}/")).to_vec();
    // The last hop of two.
    paths.push(format!("/redirect?to=/redirect?to=http://127.0.0.1:{port}/"));
    for mode in ["default", "fast"] {
        for item in led_to_canary(&service, &paths, &site, mode).await {
            assert_eq!(
                (&item["status"], &item["errorCode"]),
                (&json!("failed"), &json!("PRIVATE_ADDRESS")),
                "{item}"
            );
        }
    }
    assert_eq!(canary.connections(), 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_redirects_to_a_file_shows_nothing_of_it() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let paths = ["file:///etc/passwd", "data:text/html,root:x", "chrome://version/", "about:blank"];
    let paths = paths.map(|to| format!("/redirect?to={to}"));
    for mode in ["default", "fast"] {
        for item in led_to_canary(&service, &paths, &site, mode).await {
            assert_eq!((&item["status"], &item["result"]), (&json!("failed"), &Value::Null), "{item}");
        }
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_embeds_or_fetches_from_a_private_address_is_never_asked_for() {
    let (site, canary) = (Site::open().await, Canary::open().await);
    let service = Service::start(&Options::for_site(site.address)).await;
    let port = canary.address.port();
    let canaries =
        [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::ffff:127.0.0.1]:{port}")];
    let paths: Vec<String> =
        canaries.iter().flat_map(|of| [format!("/embed?of={of}"), format!("/fetch?of={of}")]).collect();
    for item in led_to_canary(&service, &paths, &site, "default").await {
        assert_eq!(item["status"], "completed", "the page itself is fine: {item}");
    }
    assert_eq!(canary.connections(), 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_pages_reach_an_address_that_the_operator_allows() {
    for page in ["redirect?to=http://", "embed?of=", "fetch?of="] {
        let (site, canary) = (Site::open().await, Canary::open().await);
        let both = format!("{},{}", site.address, canary.address);
        let service = Service::start(&Options::default().env("LEAFCUTTER_ALLOW_TARGETS", &both)).await;
        let paths = [format!("/{page}{}", canary.address)];
        led_to_canary(&service, &paths, &site, "default").await;
        assert!(canary.connections() > 0, "{page} leads nowhere, so that it is not reached says nothing");
        service.stop().await;
    }
}
