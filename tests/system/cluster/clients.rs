//! What clients see of a cluster: what they see of one process.

use crate::{
    harness::{Api, Cluster, ClusterOptions, Part, Role, Site, count, eventually, items},
    sdk,
};
use leafcutter_test_servers::S3;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn the_official_clients_see_no_difference_to_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = S3::start(folder.path()).await;
    // The scripts have a site of their own, on whichever port is free.
    let options = ClusterOptions { allow_targets: "127.0.0.1:*".to_owned(), ..ClusterOptions::default() };
    let mut cluster = Cluster::start(&options.with_bucket(&bucket)).await;
    sdk::run("spidra_flow.py", &cluster.api, &[]).await;
    sdk::run("anchor_flow.py", &cluster.api, &[]).await;
    assert!(bucket.operations().iter().any(|asked| asked == "GetObject"), "the objects were in the bucket");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_on_one_replica_is_seen_by_the_next_read_on_any_other() {
    let site = Site::open().await;
    let mut cluster = Cluster::start(&ClusterOptions::for_site(site.address)).await;
    for round in 0..2 {
        a_batch_and_its_cancel(&cluster, &site, round).await;
        a_retry(&cluster, &site, round).await;
        keys(&cluster).await;
        // The second round with nobody to write the read models, and with the replicas swapped.
        cluster.kill(Part::Projector(0)).await;
        cluster.kill(Part::Projector(1)).await;
        cluster.command.swap(0, 1);
    }
    cluster.stop().await;
}

/// The clients of both replicas of a side.
fn both(cluster: &Cluster, side: &[Role; 2]) -> [Api; 2] {
    side.each_ref().map(|role| cluster.at(role))
}

async fn a_batch_and_its_cancel(cluster: &Cluster, site: &Site, round: usize) {
    let gate = format!("cancelled-{round}");
    let (commands, queries) = (both(cluster, &cluster.command), both(cluster, &cluster.query));
    let held_before = queries[0].credits().await.held;
    let urls = vec![site.url(&format!("/gate/{gate}")); 10];
    let batch = commands[0].submit(&json!({"urls": urls, "scrapeMode": "fast"})).await;
    for query in &queries {
        assert_eq!(query.status(&batch).await["totalUrls"], 10);
        assert_eq!(query.credits().await.held, held_before + 10);
    }
    if round == 0 {
        for query in &queries {
            let list = query.get("/api/batch/scrape").await.expect(200).body;
            assert_eq!(list["jobs"][0]["uuid"], json!(batch), "{list}");
        }
    }
    queries[0].status_when(&batch, "a page is open", |status| count(status, "running") > 0).await;
    let cancelled = commands[1].cancel(&batch).await.expect(200).body;
    let stopped = cancelled["cancelledItems"].as_u64().unwrap();
    for query in &queries {
        let status = query.status(&batch).await;
        let seen = (status["status"].as_str(), count(&status, "cancelled") as u64);
        assert_eq!(seen, (Some("cancelled"), stopped), "{status}");
        assert_eq!(query.credits().await.held, held_before + 10 - stopped);
    }
    site.open_gate(&gate);
    queries[1].finished(&batch).await;
}

async fn a_retry(cluster: &Cluster, site: &Site, round: usize) {
    let (commands, queries) = (both(cluster, &cluster.command), both(cluster, &cluster.query));
    let flaky = format!("{round}");
    let urls = [site.url(&format!("/flaky/{flaky}"))];
    let batch = commands[1].submit(&json!({"urls": urls, "scrapeMode": "fast"})).await;
    assert_eq!(count(&queries[0].finished(&batch).await, "failed"), 1);
    site.mend(&flaky);
    commands[0].retry(&batch, &json!({})).await.expect(202);
    for query in &queries {
        let status = query.status(&batch).await;
        assert_eq!(status["failedCount"], 0, "{status}");
        assert_ne!(items(&status)[0]["status"], "failed", "{status}");
    }
    assert_eq!(count(&queries[1].finished(&batch).await, "completed"), 1);
}

async fn keys(cluster: &Cluster) {
    let [first, second] = both(cluster, &cluster.command);
    let opened =
        first.admin(Method::POST, "/admin/accounts", &json!({"name": "another"})).await.expect(201).body;
    let keys = format!("/admin/accounts/{}/keys", opened["accountId"].as_str().unwrap());
    let issued = second.admin(Method::POST, &keys, &Value::Null).await.expect(201).body;
    let key = issued["apiKey"].as_str().unwrap();
    for role in cluster.command.iter().chain(&cluster.query) {
        assert!(knows(role, key).await, "{} does not know a new key", role.name);
    }
    let revoke = format!("/admin/keys/{}", issued["keyId"].as_str().unwrap());
    first.admin(Method::DELETE, &revoke, &Value::Null).await.expect(204);
    let refused = async || {
        for role in cluster.command.iter().chain(&cluster.query) {
            if knows(role, key).await {
                return None;
            }
        }
        Some(())
    };
    eventually("every replica refuses the key", Duration::from_secs(1), refused).await;
}

/// Whether a process takes a key. The command side is asked for something that it refuses for another reason.
async fn knows(role: &Role, key: &str) -> bool {
    let api = role.api.with_key(key);
    let (answer, known) = if role.name.starts_with("command-api") {
        (api.try_submit(&json!({"urls": []})).await, 422)
    } else {
        (api.get("/api/credits").await, 200)
    };
    assert!([known, 403].contains(&answer.status), "{}: {}", role.name, answer.body);
    answer.status == known
}
