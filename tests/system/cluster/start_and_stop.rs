//! Each role starts before its servers are up and says what it misses, works when they come, and ends well when it
//! is asked to.

use crate::harness::{Cluster, ClusterOptions, PATIENCE, Part, Role, Site, count, eventually, items};
use serde_json::json;
use std::fs;

/// Waits until a role misses exactly what begins with these words, in any order, and its start, which waits for it.
async fn misses(role: &Role, wanted: &[&str]) {
    let as_wanted = |missing: &Vec<String>| {
        let named = |words: &&str| missing.iter().any(|part| part.starts_with(*words));
        let known = |part: &String| {
            part == "the service is being started" || wanted.iter().any(|words| part.starts_with(words))
        };
        wanted.iter().all(named) && missing.iter().all(known)
    };
    role.misses(&format!("{wanted:?}"), as_wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_waits_for_its_servers_and_drains_when_it_is_stopped() {
    let site = Site::open().await;
    let mut cluster = Cluster::prepare(&ClusterOptions::for_site(site.address)).await;
    cluster.kill(Part::Nats).await;
    cluster.kill(Part::Postgres).await;
    for role in cluster.roles() {
        role.start().await;
        role.api.get("/health/live").await.expect(200);
    }
    without_servers(&cluster).await;
    cluster.restart(Part::Nats).await;
    cluster.workers[0].ready().await;
    cluster.restart(Part::Postgres).await;
    for role in &cluster.query {
        misses(role, &["event store"]).await;
    }
    for role in &cluster.projectors {
        misses(role, &["event store", "read models"]).await;
    }
    cluster.start_event_store().await;
    cluster.ready().await;
    cluster.open_account().await;
    workers_drain(&mut cluster, &site).await;
    cluster.stop().await;
}

/// What each role says while none of its servers is there.
async fn without_servers(cluster: &Cluster) {
    for role in &cluster.command {
        misses(role, &["broker", "event store", "database"]).await;
        role.api
            .try_submit(&json!({"urls": ["https://example.com/"]}))
            .await
            .expect_code(503, "SERVICE_BUSY");
    }
    for role in &cluster.query {
        misses(role, &["event store", "database"]).await;
        role.api.get("/api/credits").await.expect_code(503, "SERVICE_BUSY");
    }
    for role in &cluster.projectors {
        misses(role, &["event store", "database"]).await;
    }
    for role in &cluster.workers {
        misses(role, &["broker"]).await;
    }
}

/// Stops both workers while pages are open: those end well, and whoever comes next does the others.
async fn workers_drain(cluster: &mut Cluster, site: &Site) {
    let urls = vec![site.url("/gate/a"); 20];
    let batch = cluster.api.submit(&json!({"urls": urls, "scrapeMode": "fast"})).await;
    // Three of four slots cannot be those of one worker.
    let open = async || (site.visits("/gate/a") >= 3).then_some(());
    eventually("both workers have a page", PATIENCE, open).await;
    let [first, second] = &mut cluster.workers;
    let logs = [first.log_file(), second.log_file()];
    let let_go = async {
        let stopping = async || {
            let said = |log| fs::read_to_string(log).is_ok_and(|log| log.contains("stopping"));
            logs.iter().all(said).then_some(())
        };
        eventually("both workers stop", PATIENCE, stopping).await;
        site.open_gate("a");
    };
    tokio::join!(first.stop(), second.stop(), let_go);
    let status = cluster.api.status(&batch).await;
    assert_eq!(count(&status, "running"), 0, "{status}");
    assert_eq!(count(&status, "completed"), site.visits("/gate/a"), "{status}");
    for worker in &mut cluster.workers {
        worker.start().await;
    }
    let status = cluster.api.finished(&batch).await;
    assert_eq!((count(&status, "completed"), site.visits("/gate/a")), (20, 20), "{status}");
    assert!(items(&status).iter().all(|item| item["attempts"] == 1), "{status}");
}
