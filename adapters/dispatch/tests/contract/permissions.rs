//! The permissions that docs/adr/0011-nats.md gives to the users of the broker: enough for their work, and nothing
//! that a worker, which runs strangers' pages, could do harm with.

use crate::{
    desk::{NotingDesk, claim, report},
    support::{connect, offer, soon, take, until},
};
use futures::StreamExt;
use leafcutter_dispatch::{
    ClaimAnswer, Dispatch, Lease, Outcome, WorkDesk,
    nats::{
        Bucket, BucketBounds, Expect, NatsDesk, NatsDispatch, NatsLease, NatsSettings, NatsWorkSource,
        serve_desk,
    },
};
use leafcutter_test_servers as servers;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// The users of docs/adr/0011-nats.md, word for word.
const USERS: &str = r#"
authorization {
  users: [
    { user: "api-1", password: "a1", permissions: {
      publish: [
        "_INBOX.>", "leafcutter.offers", "$KV.leafcutter-secrets.>", "$KV.leafcutter-leases.>", "$JS.API.INFO",
        "$JS.API.STREAM.CREATE.leafcutter-offers", "$JS.API.STREAM.UPDATE.leafcutter-offers",
        "$JS.API.CONSUMER.CREATE.leafcutter-offers.workers",
        "$JS.API.STREAM.*.KV_leafcutter-secrets", "$JS.API.STREAM.MSG.GET.KV_leafcutter-secrets",
        "$JS.API.STREAM.*.KV_leafcutter-leases", "$JS.API.STREAM.MSG.GET.KV_leafcutter-leases"
      ],
      subscribe: ["_INBOX.api-1.>", "leafcutter.desk.*.* desk"] } },
    { user: "worker-1", password: "w1", permissions: {
      publish: [
        "leafcutter.desk.*.claim", "leafcutter.desk.*.report", "$JS.API.INFO",
        "$JS.API.CONSUMER.INFO.leafcutter-offers.workers", "$JS.API.CONSUMER.MSG.NEXT.leafcutter-offers.workers",
        "$JS.ACK.leafcutter-offers.workers.>"
      ],
      subscribe: ["_INBOX.worker-1.>"] } },
    { user: "watcher", password: "x" }
  ]
}
"#;

fn as_user(server: &servers::Nats, user: &str, password: &str) -> NatsSettings {
    let address = server.url().replace("nats://", &format!("nats://{user}:{password}@"));
    NatsSettings { inbox_prefix: format!("_INBOX.{user}"), ..NatsSettings::new(&address).unwrap() }
}

fn secrets(nats: &leafcutter_dispatch::nats::Nats) -> Bucket {
    let bounds = BucketBounds { bytes_max: 1 << 20, value_bytes_max: 1 << 15, age_ms_max: 60_000 };
    Bucket::new(nats, "secrets", bounds)
}

#[tokio::test]
async fn each_user_may_do_its_work() {
    let server = servers::Nats::with_config(USERS).await;
    let (api, worker) =
        (connect(&as_user(&server, "api-1", "a1")).await, connect(&as_user(&server, "worker-1", "w1")).await);
    NatsDispatch::new(&api).offer(offer(1)).await.unwrap();
    let delivery = take(&NatsWorkSource::new(&worker)).await;
    assert_eq!(delivery.offer(), &offer(1));
    let served = serve_desk(&api, Arc::new(NotingDesk::new()));
    let desk = NatsDesk::new(&worker);
    until("the desk to answer", async || desk.report(report(Outcome::PutBack)).await.is_ok()).await;
    assert!(matches!(desk.claim(claim(1)).await, Ok(ClaimAnswer::Granted(_))));
    soon("the acknowledgement", delivery.acknowledge()).await;
    served.shutdown().await;
    drop(soon("the lease", NatsLease::new(&api, "reactions").acquire()).await);
    let bucket = secrets(&api);
    let revision = bucket.put("a.b", "sealed".into(), Expect::Absent).await.unwrap();
    assert_eq!(bucket.get("a.b").await.unwrap().unwrap().value, "sealed");
    assert_eq!(bucket.keys("a.*").await.unwrap(), ["a.b"]);
    assert_eq!(bucket.size().await.unwrap().keys, 1);
    bucket.erase("a.b", Some(revision)).await.unwrap();
    assert!(bucket.get("a.b").await.unwrap().is_none());
}

/// A client without our adapter, as somebody would use it who has got into a worker.
async fn bare(server: &servers::Nats, user: &str, password: &str) -> async_nats::Client {
    let options = async_nats::ConnectOptions::with_user_and_password(user.into(), password.into());
    options.connect(server.url()).await.unwrap()
}

#[tokio::test]
async fn a_worker_can_neither_read_secrets_nor_take_the_lease() {
    let server = servers::Nats::with_config(USERS).await;
    let api = connect(&as_user(&server, "api-1", "a1")).await;
    secrets(&api).put("k", "sealed".into(), Expect::Any).await.unwrap();
    let worker = connect(&as_user(&server, "worker-1", "w1")).await;
    let bucket = secrets(&worker);
    assert!(bucket.get("k").await.is_err());
    assert!(bucket.keys(">").await.is_err());
    assert!(bucket.put("k", "other".into(), Expect::Any).await.is_err());
    assert!(bucket.erase("k", None).await.is_err());
    assert_eq!(secrets(&api).get("k").await.unwrap().unwrap().value, "sealed");
    let lease = NatsLease::new(&worker, "reactions");
    assert!(timeout(Duration::from_secs(4), lease.acquire()).await.is_err());
    drop(soon("the lease", NatsLease::new(&api, "reactions").acquire()).await);
}

#[tokio::test]
async fn a_worker_can_neither_make_offers_nor_remove_them_nor_speak_to_others() {
    let server = servers::Nats::with_config(USERS).await;
    let api = connect(&as_user(&server, "api-1", "a1")).await;
    NatsDispatch::new(&api).offer(offer(1)).await.unwrap();
    let (rogue, watcher) = (bare(&server, "worker-1", "w1").await, bare(&server, "watcher", "x").await);
    let mut inbox = watcher.subscribe("_INBOX.>").await.unwrap();
    watcher.flush().await.unwrap();
    let forbidden = [
        "leafcutter.offers",
        "$JS.API.STREAM.PURGE.leafcutter-offers",
        "$JS.API.STREAM.DELETE.leafcutter-offers",
        "$JS.API.CONSUMER.DELETE.leafcutter-offers.workers",
        "_INBOX.api-1.1",
        "_INBOX.worker-2.1",
    ];
    for subject in forbidden {
        rogue.publish(subject, "".into()).await.unwrap();
    }
    rogue.flush().await.unwrap();
    assert!(timeout(Duration::from_millis(200), inbox.next()).await.is_err(), "nobody hears it");
    let jetstream = async_nats::jetstream::new(watcher);
    let stream = jetstream.get_stream("leafcutter-offers").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 1, "the api's own offer and nothing else");
    assert_eq!(stream.cached_info().state.consumer_count, 1);
}

#[tokio::test]
async fn a_worker_can_neither_answer_for_the_desk_nor_listen_to_others() {
    let server = servers::Nats::with_config(USERS).await;
    let api = connect(&as_user(&server, "api-1", "a1")).await;
    let rogue = connect(&as_user(&server, "worker-1", "w1")).await;
    let rogue_desk = Arc::new(NotingDesk::new());
    let _rogue_server = serve_desk(&rogue, Arc::clone(&rogue_desk) as Arc<dyn WorkDesk>);
    let desk = Arc::new(NotingDesk::new());
    let _server = serve_desk(&api, Arc::clone(&desk) as Arc<dyn WorkDesk>);
    let way = NatsDesk::new(&rogue);
    until("the desk to answer", async || way.report(report(Outcome::PutBack)).await.is_ok()).await;
    for _ in 0..20 {
        way.claim(claim(1)).await.unwrap();
    }
    assert_eq!(desk.claims.lock().unwrap().len(), 20);
    assert!(rogue_desk.claims.lock().unwrap().is_empty());
    let refused = ["_INBOX.>", "_INBOX.worker-2.>", "leafcutter.>", "leafcutter.offers", "$KV.>", ">"];
    let (bare, watcher) = (bare(&server, "worker-1", "w1").await, bare(&server, "watcher", "x").await);
    for subject in refused {
        let mut ears = bare.subscribe(subject).await.unwrap();
        bare.flush().await.unwrap();
        for said in ["_INBOX.worker-2.1", "leafcutter.offers", "$KV.leafcutter-secrets.k"] {
            watcher.publish(said, "secret".into()).await.unwrap();
        }
        watcher.flush().await.unwrap();
        bare.flush().await.unwrap();
        assert!(timeout(Duration::from_millis(200), ears.next()).await.is_err(), "{subject} is heard");
    }
}
