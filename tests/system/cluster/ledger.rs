//! What the log itself says of the money: each item is charged once at most, and what was charged is what clients are
//! told. The log is read as every process reads it.

use crate::harness::{Api, Cluster, PATIENCE, credits_used, items};
use leafcutter_event_store::{EventStore, EventStoreDb, Position, StoredEvent};
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::time::timeout;

/// What every item of every batch was charged, in the order in which it happened, by batch and index.
pub(super) async fn charges(cluster: &Cluster) -> BTreeMap<(String, u64), Vec<u64>> {
    let mut charges = BTreeMap::<_, Vec<u64>>::new();
    for event in events(cluster, "ledger").await.iter().filter(|event| event.name == "CreditsCharged") {
        let data: Value = serde_json::from_slice(&event.data).unwrap();
        let item = (data["batch"].as_str().unwrap().to_owned(), data["item"].as_u64().unwrap());
        charges.entry(item).or_default().push(data["amount"].as_u64().unwrap());
    }
    charges
}

/// Every event of a category, up to the present end of the log.
pub(super) async fn events(cluster: &Cluster, category: &'static str) -> Vec<StoredEvent> {
    let store = EventStoreDb::open(&cluster.log_address()).unwrap();
    let head = store.head().await.unwrap();
    let mut subscription = store.subscribe(Position::START, Some(category));
    let mut found = Vec::new();
    let mut up_to = Position::START;
    while up_to < head {
        let page = timeout(PATIENCE, subscription.next()).await.expect("the log can be read").unwrap();
        found.extend(page.events);
        up_to = page.up_to;
    }
    found
}

/// Fails the test unless these are all batches of the account and clients and log agree on every credit.
pub(super) async fn balances(cluster: &Cluster, api: &Api, batches: &[String]) {
    let credits = api.settled().await;
    let charges = charges(cluster).await;
    let mut spent = 0;
    for batch in batches {
        let status = api.status(batch).await;
        for (index, item) in items(&status).iter().enumerate() {
            let charged = charges.get(&(batch.clone(), index as u64)).map_or(&[][..], Vec::as_slice);
            let priced: Vec<u64> = charged.iter().copied().filter(|amount| *amount > 0).collect();
            let told: Vec<u64> = item["creditsUsed"].as_u64().into_iter().filter(|used| *used > 0).collect();
            assert_eq!(priced, told, "item {index} of {status}");
        }
        spent += credits_used(&status);
    }
    assert_eq!((credits.spent, credits.held), (spent, 0));
    assert_eq!(credits.granted, credits.available + credits.spent);
}
