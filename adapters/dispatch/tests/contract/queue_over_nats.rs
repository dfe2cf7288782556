//! What only a broker can do to an offer: drop its repeat, give it to another worker, give it up.

use crate::support::{Ends, held, offer, settings, take, through, until};
use leafcutter_dispatch::{
    Dispatch, WorkSource,
    nats::{NatsSettings, NatsWorkSource, QueueSettings},
};
use leafcutter_test_servers as servers;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// A silence after which the broker gives an offer to another worker, short enough for a test.
const ACK_WAIT_MS: u64 = 600;

async fn broker(queue: QueueSettings) -> (Arc<servers::Nats>, NatsSettings) {
    let server = servers::Nats::shared().await;
    let settings = NatsSettings { queue, ..settings(&server.url()) };
    (server, settings)
}

fn impatient() -> QueueSettings {
    QueueSettings { ack_wait_ms: ACK_WAIT_MS, ..QueueSettings::default() }
}

#[tokio::test]
async fn a_repeat_of_an_offer_is_dropped_also_after_the_first_was_acknowledged() {
    let (_server, settings) = broker(QueueSettings::default()).await;
    let ends = Ends::of(&settings).await;
    ends.dispatch.offer(offer(1)).await.unwrap();
    ends.dispatch.offer(offer(1)).await.unwrap();
    ends.take().await.acknowledge().await;
    ends.dispatch.offer(offer(1)).await.unwrap();
    ends.dispatch.offer(offer(2)).await.unwrap();
    assert_eq!(ends.take().await.offer(), &offer(2));
}

#[tokio::test]
async fn an_offer_whose_worker_vanished_goes_to_another() {
    let (server, settings) = broker(impatient()).await;
    let gate = servers::TcpGate::to(server.address()).await;
    let vanishing = Ends::at(&settings, &through(&gate, &settings)).await;
    let other = NatsWorkSource::new(&vanishing.api);
    vanishing.dispatch.offer(offer(1)).await.unwrap();
    let delivery = vanishing.take().await;
    gate.cut();
    let again = take(&other).await;
    assert_eq!(again.offer(), delivery.offer());
    again.acknowledge().await;
    until("the queue to be empty", async || held(&server.url(), &settings.prefix).await == 0).await;
}

#[tokio::test]
async fn an_offer_that_is_held_stays_with_its_worker_for_as_long_as_it_takes() {
    let (server, settings) = broker(impatient()).await;
    let ends = Ends::of(&settings).await;
    ends.dispatch.offer(offer(1)).await.unwrap();
    let delivery = ends.take().await;
    let three_waits = Duration::from_millis(3 * ACK_WAIT_MS);
    assert!(timeout(three_waits, ends.source.next()).await.is_err(), "no other worker gets it");
    delivery.acknowledge().await;
    assert_eq!(ends.held(&server.url()).await, 0);
}

#[tokio::test]
async fn an_offer_that_was_dropped_is_given_to_another_before_the_silence_is_noticed() {
    let (_server, settings) =
        broker(QueueSettings { ack_wait_ms: 3_600_000, ..QueueSettings::default() }).await;
    let ends = Ends::of(&settings).await;
    ends.dispatch.offer(offer(1)).await.unwrap();
    drop(ends.take().await);
    assert_eq!(ends.take().await.offer(), &offer(1));
}

#[tokio::test]
async fn a_closing_worker_gives_back_what_it_dropped() {
    let (_server, settings) =
        broker(QueueSettings { ack_wait_ms: 3_600_000, ..QueueSettings::default() }).await;
    let ends = Ends::of(&settings).await;
    ends.dispatch.offer(offer(1)).await.unwrap();
    drop(ends.take().await);
    ends.worker.close().await;
    assert_eq!(take(&NatsWorkSource::new(&ends.api)).await.offer(), &offer(1));
}

#[tokio::test]
async fn an_offer_that_no_worker_finishes_leaves_the_queue() {
    let (server, settings) = broker(QueueSettings { deliveries_max: 2, ..QueueSettings::default() }).await;
    let ends = Ends::of(&settings).await;
    ends.dispatch.offer(offer(1)).await.unwrap();
    for _ in 0..2 {
        let delivery = ends.take().await;
        assert_eq!(delivery.offer(), &offer(1));
    }
    let source = Arc::clone(&ends.source);
    let next = tokio::spawn(async move { take(source.as_ref()).await.offer().clone() });
    until("the queue to be empty", async || ends.held(&server.url()).await == 0).await;
    ends.offer(2).await;
    assert_eq!(next.await.unwrap(), offer(2));
}

#[tokio::test]
async fn what_is_no_offer_leaves_the_queue_and_harms_nobody() {
    let (server, settings) = broker(QueueSettings::default()).await;
    let ends = Ends::of(&settings).await;
    ends.offer(1).await;
    ends.take().await.acknowledge().await;
    let stranger = async_nats::connect(server.url()).await.unwrap();
    stranger.publish(format!("{}.offers", settings.prefix), "nonsense".into()).await.unwrap();
    stranger.flush().await.unwrap();
    ends.offer(2).await;
    assert_eq!(ends.take().await.offer(), &offer(2));
}

#[tokio::test]
async fn stream_and_consumer_follow_the_settings() {
    let (server, mut settings) = broker(QueueSettings::default()).await;
    Ends::of(&settings).await.offer(1).await;
    settings.queue = QueueSettings { offers_max: 2, deliveries_max: 9, ..impatient() };
    let ends = Ends::of(&settings).await;
    ends.offer(2).await;
    assert!(ends.dispatch.offer(offer(3)).await.is_err(), "the new bound holds");
    let jetstream = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let stream = jetstream.get_stream(format!("{}-offers", settings.prefix)).await.unwrap();
    let consumer = stream.consumer_info("workers").await.unwrap();
    assert_eq!(consumer.config.max_deliver, 10);
    assert_eq!(consumer.config.ack_wait, Duration::from_millis(ACK_WAIT_MS));
}
