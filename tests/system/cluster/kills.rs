//! `kill -9` of each part in turn, and its return, while batches run: every item ends, every credit is where it
//! belongs, and the read models are true. `LEAFCUTTER_TEST_FULL=1` does it in many orders.

use super::{ledger, replay};
use crate::harness::{Api, Cluster, ClusterOptions, PATIENCE, Part, Site, eventually, items};
use serde_json::{Value, json};
use std::time::Duration;

/// Batches that run while parts die.
const BATCHES: usize = 20;
/// Each part that there is. Those come first whose loss takes longest to mend, so that the others die meanwhile.
const PARTS: [Part; 11] = [
    Part::Worker(0),
    Part::Worker(1),
    Part::Nats,
    Part::EventStore,
    Part::Postgres,
    Part::CommandApi(0),
    Part::CommandApi(1),
    Part::Projector(0),
    Part::Projector(1),
    Part::QueryApi(0),
    Part::QueryApi(1),
];
/// Orders of the full matrix: each part dies at so many moments.
const ORDERS: u64 = 8;
/// An item of a lost worker waits for the end of its lease, a few times at worst.
const LEASES_LIMIT: Duration = Duration::from_secs(240);
/// Seconds that a page may take: long enough to wait for its gate, short so that its lease ends soon.
const ITEM_TIMEOUT_S: u16 = 25;

/// One death: who, and whether the page that waits meanwhile is let go before, between death and return, or after.
#[derive(Debug, Clone, Copy)]
struct Death {
    part: Part,
    moment: u64,
}

/// The deaths of one run. The first is in the order above, the others in orders that are the same in every run.
fn deaths(order: u64) -> Vec<Death> {
    let mut state = order;
    let mut draw = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut parts = PARTS.to_vec();
    let mut drawn = Vec::new();
    while !parts.is_empty() {
        let next = if order == 0 { 0 } else { usize::try_from(draw(parts.len() as u64)).unwrap() };
        drawn.push(Death { part: parts.remove(next), moment: draw(3) });
    }
    drawn
}

/// The batch that is submitted as the `number`-th of all: pages of each kind, and one that waits while a part dies.
fn order(site: &Site, number: usize) -> Value {
    let gate = gate(number);
    let page = |path: String| site.url(&path);
    let urls = [
        page(format!("/ok/{number}")),
        page(format!("/gate/{gate}")),
        page(format!("/status/{}", if number.is_multiple_of(2) { 500 } else { 404 })),
        page(format!("/product/{number}")),
    ];
    json!({"urls": urls, "scrapeMode": if number.is_multiple_of(4) { "default" } else { "fast" }})
}

/// The death at which the pages of a batch wait.
fn gate(number: usize) -> usize {
    number * PARTS.len() / BATCHES
}

/// Submits an order until it is taken; an unanswered one may be repeated, since it has a name.
async fn submit(api: &Api, number: usize, order: &Value) -> String {
    let taken = async || {
        let answer = api.submit_once(&format!("order-{number}"), order).await.ok()?;
        assert!(answer.status == 202 || answer.status >= 500, "{}", answer.body);
        Some(answer.body["batchId"].as_str()?.to_owned())
    };
    eventually(&format!("order {number} is taken"), PATIENCE, taken).await
}

async fn submit_for(api: &Api, site: &Site, death: usize) -> Vec<String> {
    let mut batches = Vec::new();
    for number in (0..BATCHES).filter(|number| gate(*number) == death) {
        batches.push(submit(api, number, &order(site, number)).await);
    }
    batches
}

/// Lets a part die and come back, and the page that waits go on at the given moment.
async fn die(cluster: &mut Cluster, site: &Site, number: usize, death: Death) {
    let let_go = |moment: u64| {
        if moment == death.moment {
            site.open_gate(&number.to_string());
        }
    };
    let_go(0);
    cluster.kill(death.part).await;
    let_go(1);
    cluster.restart(death.part).await;
    let_go(2);
}

async fn run(deaths: &[Death]) {
    let site = Site::open().await;
    let options = ClusterOptions { item_timeout_s: ITEM_TIMEOUT_S, ..ClusterOptions::for_site(site.address) };
    let mut cluster = Cluster::start(&options).await;
    let api = cluster.api.clone();
    let mut batches = submit_for(&api, &site, 0).await;
    for (number, death) in deaths.iter().enumerate() {
        let waits = format!("/gate/{number}");
        let waiting = async || (site.visits(&waits) > 0).then_some(());
        eventually(&format!("a page of {waits} is open before {death:?}"), LEASES_LIMIT, waiting).await;
        // Clients go on, whatever dies.
        let (next, ()) =
            tokio::join!(submit_for(&api, &site, number + 1), die(&mut cluster, &site, number, *death));
        batches.extend(next);
    }
    assert_eq!(batches.len(), BATCHES);
    cluster.ready().await;
    for (number, batch) in batches.iter().enumerate() {
        let ended = async || Some(api.status(batch).await).filter(|status| status["finishedAt"].is_string());
        let status = eventually(&format!("batch {number} has ended"), LEASES_LIMIT, ended).await;
        as_ordered(&status, number);
    }
    ledger::balances(&cluster, &api, &batches).await;
    let list = api.get("/api/batch/scrape").await.expect(200).body;
    assert_eq!(list["pagination"]["total"], BATCHES, "{list}");
    replay::equals_the_living_rows(&mut cluster).await;
    cluster.stop().await;
}

/// Every page that can be had was had, and costs what it costs; the others failed and cost nothing.
fn as_ordered(status: &Value, number: usize) {
    assert_eq!((status["status"].as_str(), items(status).len()), (Some("completed"), 4), "{status}");
    let price = if number.is_multiple_of(4) { 2 } else { 1 };
    for (index, item) in items(status).iter().enumerate() {
        let wanted = if index == 2 { ("failed", 0) } else { ("completed", price) };
        let found = (item["status"].as_str().unwrap(), item["creditsUsed"].as_u64().unwrap());
        assert_eq!(found, wanted, "item {index} of {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_may_die_while_batches_run_and_nothing_is_lost_or_paid_twice() {
    let full = std::env::var_os("LEAFCUTTER_TEST_FULL").is_some_and(|full| full == "1");
    for order in 0..if full { ORDERS } else { 1 } {
        let begun = std::time::Instant::now();
        let deaths = deaths(order);
        run(&deaths).await;
        if full {
            eprintln!("order {order}: all is well after {:?}: {deaths:?}", begun.elapsed());
        }
    }
}
