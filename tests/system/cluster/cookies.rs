//! Cookies in a cluster are in memory and nowhere else: in no file of the broker, the database, the event store or
//! any process, also when the broker and a worker are ended in the middle of it.

use crate::{
    harness::{Cluster, ClusterOptions, PATIENCE, Part, Site, count, eventually, items},
    secrets::{SECRET, arguments_with, files_with},
};
use serde_json::json;
use std::time::{Duration, SystemTime};

/// Files that were last written so long before the first cookie came are not read.
const MARGIN: Duration = Duration::from_secs(2);

/// Fails the test when the secret can be read somewhere.
fn nowhere(cluster: &Cluster, since: SystemTime, when: &str) {
    let folders = [cluster.home.folder(), cluster.nats.folder(), cluster.postgres.folder()];
    let mut places: Vec<String> =
        folders.iter().flat_map(|folder| files_with(SECRET, folder, since)).collect();
    places.extend(arguments_with(SECRET, &cluster.home));
    assert_eq!(places, Vec::<String>::new(), "{when}: the secret can be read there");
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_reach_the_page_and_are_in_no_file_of_any_part() {
    let site = Site::open().await;
    let options = ClusterOptions { log: "debug", ..ClusterOptions::for_site(site.address) };
    let mut cluster = Cluster::start(&options).await;
    let since = SystemTime::now() - MARGIN;
    let submit = async |gate: &str, mode: &str| {
        let urls = [site.url(&format!("/gate/{gate}")), site.url(&format!("/ok/{gate}"))];
        let cookies = format!("session={SECRET}; theme=dark");
        let body = json!({"urls": urls, "cookies": cookies, "scrapeMode": mode});
        let batch = cluster.api.submit(&body).await;
        let open = async || (site.visits(&format!("/gate/{gate}")) > 0).then_some(());
        eventually("the page is open", PATIENCE, open).await;
        batch
    };
    for mode in ["default", "fast"] {
        let batch = submit(mode, mode).await;
        nowhere(&cluster, since, "while the page is open");
        site.open_gate(mode);
        let status = cluster.api.finished(&batch).await;
        assert_eq!(count(&status, "completed"), 2, "{status}");
        for path in [format!("/gate/{mode}"), format!("/ok/{mode}")] {
            let seen = site.cookies(&path);
            assert!(seen.iter().all(|seen| seen.contains(&format!("session={SECRET}"))), "{path}: {seen:?}");
            assert_eq!(seen.len(), 1, "{path}");
        }
    }
    // What the broker had in its memory is gone with it, and the service says so where it needed it.
    let batch = submit("lost", "fast").await;
    cluster.kill(Part::Nats).await;
    nowhere(&cluster, since, "after the broker's death");
    site.open_gate("lost");
    cluster.restart(Part::Nats).await;
    let status = cluster.api.finished(&batch).await;
    for item in items(&status) {
        let end = (item["status"].as_str(), item["errorCode"].as_str());
        assert!(
            [(Some("completed"), None), (Some("failed"), Some("COOKIES_EXPIRED"))].contains(&end),
            "{status}"
        );
    }
    nowhere(&cluster, since, "at the end");
    cluster.stop().await;
    nowhere(&cluster, since, "after the end");
}
