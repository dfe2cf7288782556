//! A worker that the network cuts off from the broker for longer than its lease lasts: its page is opened again by
//! another worker, and what it says too late changes nothing.

use super::ledger;
use crate::harness::{
    BROKER_PASSWORD, Cluster, ClusterOptions, LISTENER, PATIENCE, Part, Site, eventually, items,
};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

/// Seconds that a page may take; the lease lasts some 15 longer.
const ITEM_TIMEOUT_S: u16 = 3;

/// Hears everything that is said over the broker.
struct Tap {
    heard: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Tap {
    async fn on(broker: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(broker).await.unwrap();
        let login = format!(
            "CONNECT {{\"verbose\":false,\"user\":\"{LISTENER}\",\"pass\":\"{BROKER_PASSWORD}\"}}\r\n"
        );
        stream.write_all(format!("{login}SUB > 1\r\n").as_bytes()).await.unwrap();
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let ears = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            let mut chunk = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = stream.read(&mut chunk).await {
                ears.lock().unwrap().extend_from_slice(&chunk[..length]);
            }
        });
        Self { heard, task }
    }

    /// How often some words were said.
    fn count(&self, words: &str) -> usize {
        self.heard.lock().unwrap().windows(words.len()).filter(|window| *window == words.as_bytes()).count()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Has one worker open a page, cuts it off, and waits until the other one has opened and finished the page.
async fn lose(cluster: &mut Cluster, site: &Site, page: &str, cut: impl Fn(&Cluster)) -> String {
    cluster.kill(Part::Worker(1)).await;
    let path = format!("/gate/{page}");
    let batch = cluster.api.submit(&json!({"urls": [site.url(&path)], "scrapeMode": "fast"})).await;
    let open = async || (site.visits(&path) == 1).then_some(());
    eventually("the first worker opens the page", PATIENCE, open).await;
    cut(cluster);
    // Its page ends well, but it can tell nobody.
    site.open_gate(page);
    cluster.restart(Part::Worker(1)).await;
    let status = cluster.api.finished(&batch).await;
    assert_eq!(items(&status)[0]["status"], "completed", "{status}");
    assert_eq!(site.visits(&path), 2, "{status}");
    batch
}

/// What a client is told of a batch, and what it has paid.
async fn account(cluster: &Cluster, batch: &str) -> (Value, u64) {
    (cluster.api.status(batch).await, cluster.api.settled().await.spent)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_worker_that_was_cut_off_is_opened_again_and_the_late_report_is_refused() {
    let site = Site::open().await;
    let options = ClusterOptions { item_timeout_s: ITEM_TIMEOUT_S, ..ClusterOptions::for_site(site.address) };
    let mut cluster = Cluster::start(&options).await;
    // A cut in which nothing is refused and what was sent arrives in the end.
    let silent = lose(&mut cluster, &site, "silent", |cluster| cluster.gates[0].silence()).await;
    let before = account(&cluster, &silent).await;
    let tap = Tap::on(cluster.nats.address()).await;
    cluster.gates[0].mend();
    let refused = async || (tap.count("\"refused\"") > 0).then_some(());
    eventually("the late report is refused", PATIENCE, refused).await;
    cluster.workers[0].ready().await;
    assert_eq!(account(&cluster, &silent).await, before, "a late report has changed something");
    // A cut in which every connection breaks.
    let broken = lose(&mut cluster, &site, "broken", |cluster| cluster.gates[0].cut()).await;
    let before = account(&cluster, &broken).await;
    cluster.gates[0].mend();
    cluster.workers[0].ready().await;
    assert_eq!(account(&cluster, &broken).await, before);
    ledger::balances(&cluster, &cluster.api, &[silent, broken]).await;
    cluster.stop().await;
}
