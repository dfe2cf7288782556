//! A worker that the network cuts off from the broker for longer than its lease lasts: its page is opened again by
//! another worker, and what it says too late changes nothing.

use super::ledger;
use crate::harness::{
    BROKER_PASSWORD, Cluster, ClusterOptions, LISTENER, PATIENCE, Part, Site, eventually, items,
};
use leafcutter_test_servers::TcpGate;
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

/// Submits a page that waits until the test lets it go, and waits until a worker has opened it.
async fn open_page(cluster: &Cluster, site: &Site, page: &str) -> String {
    let path = format!("/gate/{page}");
    let batch = cluster.api.submit(&json!({"urls": [site.url(&path)], "scrapeMode": "fast"})).await;
    let open = async || (site.visits(&path) == 1).then_some(());
    eventually("a worker opens the page", PATIENCE, open).await;
    batch
}

/// What clients are told of the batches, and what they have paid.
async fn account(cluster: &Cluster, batches: &[String]) -> (Vec<Value>, u64) {
    let mut told = Vec::new();
    for batch in batches {
        let status = cluster.api.finished(batch).await;
        assert_eq!(items(&status)[0]["status"], "completed", "{status}");
        told.push(status);
    }
    (told, cluster.api.settled().await.spent)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_worker_that_was_cut_off_is_opened_again_and_the_late_report_is_refused() {
    let site = Site::open().await;
    let options =
        ClusterOptions { item_timeout_s: ITEM_TIMEOUT_S, slots: 1, ..ClusterOptions::for_site(site.address) };
    let mut cluster = Cluster::start(&options).await;
    // The first worker is cut off so that nothing is refused and what it says arrives in the end, the second one so
    // that every connection breaks. Their pages end well, but they can tell nobody.
    cluster.kill(Part::Worker(1)).await;
    let silent = open_page(&cluster, &site, "silent").await;
    cluster.gates[0].silence();
    site.open_gate("silent");
    cluster.restart(Part::Worker(1)).await;
    let broken = open_page(&cluster, &site, "broken").await;
    cluster.gates[1].cut();
    site.open_gate("broken");
    let mut third = cluster.another_worker();
    third.start().await;
    let batches = [silent, broken];
    let before = account(&cluster, &batches).await;
    assert_eq!([site.visits("/gate/silent"), site.visits("/gate/broken")], [2, 2]);
    let tap = Tap::on(cluster.nats.address()).await;
    cluster.gates.iter().for_each(TcpGate::mend);
    let refused = async || (tap.count("\"refused\"") > 0).then_some(());
    eventually("the late report is refused", PATIENCE, refused).await;
    cluster.ready().await;
    assert_eq!(account(&cluster, &batches).await, before, "a late report has changed something");
    ledger::balances(&cluster, &cluster.api, &batches).await;
    third.stop().await;
    cluster.stop().await;
}
