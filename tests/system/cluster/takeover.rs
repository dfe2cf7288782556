//! One projector writes and one command-api reacts; the others stand by. When the one that does dies, another takes
//! over within ten seconds.

use crate::harness::{Cluster, ClusterOptions, Part, Site, eventually};
use leafcutter_read_models::ReadModels;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// From the death to the first act of another.
const TAKEOVER_LIMIT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_within_ten_seconds_of_the_owners_death() {
    let site = Site::open().await;
    let mut cluster = Cluster::start(&ClusterOptions::for_site(site.address)).await;
    // Which of the two is the owner is not asked: when each has died once, the owner has.
    for number in [0, 1] {
        the_reactions_go_on(&mut cluster, &site, number).await;
        the_read_models_go_on(&mut cluster, &site, number).await;
    }
    cluster.stop().await;
}

/// What the owner of the reactions does is seen by what a page is asked for: an offer leads to it.
async fn the_reactions_go_on(cluster: &mut Cluster, site: &Site, number: usize) {
    let page = format!("/ok/reaction-{number}");
    cluster.kill(Part::CommandApi(number)).await;
    let died = Instant::now();
    let other = cluster.at(&cluster.command[1 - number]);
    let batch = other.submit(&json!({"urls": [site.url(&page)], "scrapeMode": "fast"})).await;
    let opened = async || (site.visits(&page) > 0).then_some(());
    eventually("the other command-api offers work", TAKEOVER_LIMIT, opened).await;
    eprintln!("reactions: {:?} after the death of command-api-{number}", died.elapsed());
    cluster.api.finished(&batch).await;
    cluster.restart(Part::CommandApi(number)).await;
    cluster.command[number].ready().await;
}

/// What the owner of the read models does is seen by their checkpoint.
async fn the_read_models_go_on(cluster: &mut Cluster, site: &Site, number: usize) {
    let models = ReadModels::connect(&cluster.database).await.unwrap();
    cluster.kill(Part::Projector(number)).await;
    let died = Instant::now();
    let before = models.checkpoint().await.unwrap();
    let page = site.url(&format!("/ok/read-{number}"));
    let batch = cluster.api.submit(&json!({"urls": [page], "scrapeMode": "fast"})).await;
    let moved = async || (models.checkpoint().await.unwrap() > before).then_some(());
    eventually("the other projector writes", TAKEOVER_LIMIT, moved).await;
    eprintln!("read models: {:?} after the death of projector-{number}", died.elapsed());
    cluster.api.finished(&batch).await;
    let list = cluster.api.get("/api/batch/scrape").await.expect(200).body;
    assert_eq!(list["jobs"][0]["uuid"], json!(batch), "{list}");
    models.close().await;
    cluster.restart(Part::Projector(number)).await;
    cluster.projectors[number].ready().await;
}
