//! The stream of offers and its consumer as the broker must have them, and how its refusals are read. Nothing here is
//! newer than nats-server 2.9.

use super::connection::Nats;
use async_nats::jetstream::{
    self, ErrorCode,
    consumer::{AckPolicy, DeliverPolicy, pull},
    context::{CreateStreamErrorKind, RequestError},
    stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
};
use std::{error::Error, time::Duration};

/// The consumer that all workers share.
pub(super) const CONSUMER: &str = "workers";
/// Workers' slots that may wait for an offer at a time.
const PULLS_WAITING_MAX: i64 = 10_000;
/// Offers in the hands of workers at a time.
const OFFERS_IN_HAND_MAX: i64 = 10_000;
/// Size of one offer.
pub(super) const OFFER_BYTES_MAX: i32 = 1_024;

/// The stream of offers.
pub(super) fn offers_stream(nats: &Nats) -> String {
    format!("{}-offers", nats.settings().prefix)
}

/// The subject of offers; the stream takes nothing else.
pub(super) fn offers_subject(nats: &Nats) -> String {
    format!("{}.offers", nats.settings().prefix)
}

/// Makes stream and consumer, or brings them to the settings.
pub(super) async fn make_queue(nats: &Nats) -> Result<(), String> {
    let queue = &nats.settings().queue;
    let age = Duration::from_millis(queue.offer_age_ms_max);
    let stream = Config {
        name: offers_stream(nats),
        subjects: vec![offers_subject(nats)],
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_messages: queue.offers_max.into(),
        max_bytes: i64::from(queue.offers_max) * i64::from(OFFER_BYTES_MAX),
        max_message_size: OFFER_BYTES_MAX,
        max_messages_per_subject: -1,
        max_age: age,
        max_consumers: -1,
        duplicate_window: Duration::from_millis(queue.duplicate_window_ms).min(age),
        num_replicas: nats.settings().replicas,
        ..Config::default()
    };
    make_stream(nats, stream).await?;
    let consumer = pull::Config {
        durable_name: Some(CONSUMER.to_owned()),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_millis(queue.ack_wait_ms),
        // One more than the last that a worker gets to see: at that one the worker's adapter takes the offer out,
        // because the broker itself would keep it until its age ends it.
        max_deliver: i64::from(queue.deliveries_max) + 1,
        max_waiting: PULLS_WAITING_MAX,
        max_ack_pending: OFFERS_IN_HAND_MAX,
        ..pull::Config::default()
    };
    let made = nats.jetstream().create_consumer_on_stream(consumer, offers_stream(nats)).await;
    made.map(|_| ()).map_err(|error| explain(&error))
}

/// Makes a stream; one that is there with other settings is brought to these.
pub(super) async fn make_stream(nats: &Nats, config: Config) -> Result<(), String> {
    let made = nats.jetstream().create_stream(config.clone()).await;
    let Err(error) = made else { return Ok(()) };
    match error.kind() {
        CreateStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NAME_EXIST => {
            let name = config.name.clone();
            let updated = nats.jetstream().update_stream(config).await;
            updated.map(|_| ()).map_err(|error| {
                format!("the broker's stream {name} does not fit the settings and cannot be changed: {error}")
            })
        }
        _ => Err(explain(&error)),
    }
}

/// What the broker said, for an operator. The client's errors carry their causes in their text.
pub(super) fn explain(error: &dyn Error) -> String {
    format!("the broker answers: {error}")
}

/// The code with which JetStream refused.
pub(super) fn refusal(error: &(dyn Error + 'static)) -> Option<ErrorCode> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<jetstream::Error>() {
            return Some(refused.error_code());
        }
        cause = error.source();
    }
    None
}

/// Whether a question failed only because the stream is not there.
pub(super) fn absent(error: &RequestError) -> Result<(), String> {
    if refusal(error) == Some(ErrorCode::STREAM_NOT_FOUND) { Ok(()) } else { Err(explain(error)) }
}
