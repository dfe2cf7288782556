//! Prices of the operator, from a file to what an item shows, over restarts with other files.

use crate::harness::{Home, Options, PATIENCE, Service, Site, items};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// A file of price lists in this folder.
fn file(home: &Home, lists: &Value) -> PathBuf {
    let path = home.folder().join("prices.json");
    fs::write(&path, lists.to_string()).unwrap();
    path
}

fn list(version: u32, fast_page: u64, failed: u64) -> Value {
    json!({"version": version, "page": 9, "fastPage": fast_page, "failures": {"HTTP_STATUS": failed}})
}

fn priced(site: &Site, home: &Home, lists: &Value) -> Options {
    Options::for_site(site.address).env("LEAFCUTTER_PRICES", file(home, lists).to_str().unwrap())
}

fn shown(status: &Value) -> u64 {
    items(status)[0]["creditsUsed"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_shows_what_it_was_charged_by_the_list_of_its_submit_whatever_the_file_says_later() {
    let site = Site::open().await;
    let home = Home::new().await;
    let options = priced(&site, &home, &list(3, 5, 2));
    let service = home.start(&options).await;
    let body = json!({"urls": [site.url("/flaky/a")], "scrapeMode": "fast"});
    let batch = service.api.submit(&body).await;
    assert_eq!(shown(&service.api.finished(&batch).await), 2);
    assert_eq!(service.api.settled().await.spent, 2);
    let home = service.stop().await;
    // The list is gone from the file, and the new one is dearer.
    let options = priced(&site, &home, &json!([list(4, 50, 0)]));
    let service = home.start(&options).await;
    let price = service.api.retry(&batch, &json!({"dryRun": true})).await.expect(200).body;
    assert_eq!((&price["creditsTotal"], &price["priceList"]), (&json!(5), &json!(3)));
    let price =
        service.api.try_submit(&json!({"urls": body["urls"], "scrapeMode": "fast", "dryRun": true})).await;
    assert_eq!(price.expect(200).body["creditsTotal"], 50);
    service.api.retry(&batch, &json!({"maxCredits": 4})).await.expect_code(422, "COST_CEILING");
    site.open_gate("flaky a");
    service.api.retry(&batch, &json!({"maxCredits": 5})).await.expect(202);
    assert_eq!(shown(&service.api.finished(&batch).await), 2 + 5);
    assert_eq!(service.api.settled().await.spent, 2 + 5);
    service.stop().await;
}

/// What a service says that does not start with these lists.
async fn refused(home: &Home, lists: &Value) -> String {
    let mut command = home.command(None);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(home.data());
    command.arg("--prices").arg(file(home, lists));
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it goes on").unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_used_or_changes_a_published_list_is_refused_in_one_line() {
    let site = Site::open().await;
    let home = Home::new().await;
    let options = priced(&site, &home, &list(3, 5, 2));
    let home = Service::stop(home.start(&options).await).await;
    let cases = [
        (list(3, 6, 2), "higher version"),
        (list(2, 5, 2), "higher version"),
        (list(0, 5, 2), "at least 1"),
        (json!([list(4, 5, 2), list(4, 5, 2)]), "twice"),
        (json!({"version": 4, "page": 1, "fastPage": 1, "pages": 2}), "unknown field `pages`"),
    ];
    for (lists, said) in cases {
        let line = refused(&home, &lists).await;
        let named = line.contains("LEAFCUTTER_PRICES") && line.contains(said);
        assert!(line.lines().count() == 1 && named, "{line}");
    }
}
