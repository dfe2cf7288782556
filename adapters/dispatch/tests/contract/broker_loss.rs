//! The broker goes away and comes back, with and without its memory, and everything goes on by itself.

use crate::support::{Ends, connect, offer, settings, soon, take, through, until};
use leafcutter_dispatch::{
    Dispatch, DispatchError,
    nats::{Nats, NatsDispatch, NatsState, QueueSettings},
};
use leafcutter_test_servers as servers;
use std::{fs, sync::Arc};

#[tokio::test]
async fn a_connection_is_made_when_the_broker_comes_up() {
    let server = servers::Nats::start().await;
    server.kill().await;
    let nats = Nats::connect(settings(&server.url())).await.unwrap();
    assert_eq!(nats.state(), NatsState::Connecting);
    assert!(nats.check().await.unwrap_err().contains("not connected"));
    let away = NatsDispatch::new(&nats).offer(offer(1)).await;
    assert!(matches!(away, Err(DispatchError::Unavailable(_))), "{away:?}");
    server.restart().await;
    until("connecting", async || nats.check().await.is_ok()).await;
    NatsDispatch::new(&nats).offer(offer(1)).await.unwrap();
    nats.close().await;
    assert_eq!(nats.state(), NatsState::Closed);
}

#[tokio::test]
async fn a_broker_that_refuses_the_user_is_not_ready_and_says_why() {
    let server = servers::Nats::with_config("authorization { user: u, password: p }").await;
    let nats = Nats::connect(settings(&server.url())).await.unwrap();
    until("being refused", async || nats.check().await.is_err_and(|why| why.to_lowercase().contains("auth")))
        .await;
    let address = server.url().replace("nats://", "nats://u:p@");
    let nats = connect(&settings(&address)).await;
    assert_eq!(nats.state(), NatsState::Connected);
}

#[tokio::test]
async fn a_worker_that_waits_gets_the_offer_made_after_the_broker_was_killed_and_came_back() {
    let server = servers::Nats::start().await;
    let ends = Ends::of(&settings(&server.url())).await;
    ends.offer(1).await;
    ends.take().await.acknowledge().await;
    let source = Arc::clone(&ends.source);
    let waiting = tokio::spawn(async move { take(source.as_ref()).await.offer().clone() });
    server.kill().await;
    until("the loss to be seen", async || ends.api.state() == NatsState::Disconnected).await;
    assert!(matches!(ends.dispatch.offer(offer(2)).await, Err(DispatchError::Unavailable(_))));
    server.restart().await;
    ends.offer(2).await;
    assert_eq!(soon("the offer", waiting).await.unwrap(), offer(2));
}

#[tokio::test]
async fn an_offer_that_is_held_while_the_broker_restarts_is_acknowledged_after_it() {
    let server = servers::Nats::start().await;
    let queue = QueueSettings { ack_wait_ms: 60_000, ..QueueSettings::default() };
    let settings = leafcutter_dispatch::nats::NatsSettings { queue, ..settings(&server.url()) };
    let ends = Ends::of(&settings).await;
    ends.offer(1).await;
    let delivery = ends.take().await;
    server.restart().await;
    until("connecting again", async || ends.worker.check().await.is_ok()).await;
    delivery.acknowledge().await;
    until("the queue to be empty", async || ends.held(&server.url()).await == 0).await;
}

#[tokio::test]
async fn a_broker_that_lost_its_store_gets_its_stream_and_consumer_again() {
    let server = servers::Nats::start().await;
    let ends = Ends::of(&settings(&server.url())).await;
    ends.offer(1).await;
    let held = ends.take().await;
    let source = Arc::clone(&ends.source);
    let waiting = tokio::spawn(async move { take(source.as_ref()).await.offer().clone() });
    server.kill().await;
    fs::remove_dir_all(server.folder().join("store")).unwrap();
    server.restart().await;
    ends.offer(2).await;
    assert_eq!(soon("an offer after the loss", waiting).await.unwrap(), offer(2));
    soon("an acknowledgement of what is gone", held.acknowledge()).await;
}

#[tokio::test]
async fn what_somebody_removed_at_the_broker_is_made_again() {
    let server = servers::Nats::shared().await;
    let ends = Ends::of(&settings(&server.url())).await;
    ends.offer(1).await;
    ends.take().await.acknowledge().await;
    let source = Arc::clone(&ends.source);
    let waiting = tokio::spawn(async move { take(source.as_ref()).await.offer().clone() });
    let jetstream = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    jetstream.delete_stream(format!("{}-offers", ends.api.settings().prefix)).await.unwrap();
    ends.offer(2).await;
    assert_eq!(soon("the offer", waiting).await.unwrap(), offer(2));
}

#[tokio::test]
async fn a_connection_that_says_nothing_any_more_is_noticed_and_made_again() {
    let server = servers::Nats::shared().await;
    let gate = servers::TcpGate::to(server.address()).await;
    let settings = settings(&server.url());
    let ends = Ends::at(&settings, &through(&gate, &settings)).await;
    ends.offer(1).await;
    ends.take().await.acknowledge().await;
    gate.silence();
    until("the silence to be noticed", async || ends.worker.state() == NatsState::Disconnected).await;
    gate.mend();
    ends.offer(2).await;
    assert_eq!(ends.take().await.offer(), &offer(2));
}
