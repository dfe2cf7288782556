//! Offers as messages of the broker: how they are written down, and the sending side. The broker drops a repeat of
//! an id that it remembers and refuses an offer when the stream is full.

use super::{
    connection::Nats,
    streams::{self, explain, make_queue, offers_subject, refusal},
};
use crate::{Dispatch, DispatchError, HostKey, OFFER_ITEMS_MAX, Offer};
use async_nats::jetstream::{
    ErrorCode,
    context::{PublishError, PublishErrorKind},
    message::PublishMessage,
};
use async_trait::async_trait;
use leafcutter_domain::{BatchId, ItemIndex};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
use tokio::{sync::Mutex, time::Instant};
use uuid::Uuid;

/// Time after which stream and consumer are looked after again, in milliseconds: somebody may have removed them.
const LOOK_AFTER_MS: u64 = 30_000;
/// Version of the written form.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    id: Uuid,
    batch: BatchId,
    items: Vec<ItemIndex>,
    /// Came later; an offer without is taken by every version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    hosts: BTreeMap<ItemIndex, HostKey>,
}

pub(super) fn write(offer: &Offer) -> Vec<u8> {
    let Offer { id, batch, items, hosts } = offer.clone();
    serde_json::to_vec(&Written { version: VERSION, id, batch, items, hosts })
        .expect("numbers and ids have a JSON form")
}

/// An offer as it was written; `None` for anything else.
pub(super) fn read(bytes: &[u8]) -> Option<Offer> {
    let Written { version, id, batch, items, hosts } = serde_json::from_slice(bytes).ok()?;
    (version == VERSION && items.len() <= OFFER_ITEMS_MAX).then_some(Offer { id, batch, items, hosts })
}

/// The sending side of the queue. It makes stream and consumer when they are missing.
pub struct NatsDispatch {
    nats: Nats,
    /// When stream and consumer were last there, and over which connection that was seen.
    made: Mutex<Option<(u64, Instant)>>,
}

impl NatsDispatch {
    /// Sends over this connection.
    #[must_use]
    pub fn new(nats: &Nats) -> Self {
        Self { nats: nats.clone(), made: Mutex::new(None) }
    }

    async fn look_after(&self, anyway: bool) -> Result<(), DispatchError> {
        let mut made = self.made.lock().await;
        let epoch = self.nats.ready().map_err(DispatchError::Unavailable)?;
        let fresh = made
            .is_some_and(|(seen, at)| seen == epoch && at.elapsed() < Duration::from_millis(LOOK_AFTER_MS));
        if anyway || !fresh {
            *made = None;
            make_queue(&self.nats).await.map_err(DispatchError::Unavailable)?;
            *made = Some((epoch, Instant::now()));
        }
        Ok(())
    }

    async fn send(&self, offer: &Offer) -> Result<(), PublishError> {
        let message = PublishMessage::build().payload(write(offer).into()).message_id(offer.id.to_string());
        self.nats.jetstream().send_publish(offers_subject(&self.nats), message).await?.await.map(|_| ())
    }
}

#[async_trait]
impl Dispatch for NatsDispatch {
    async fn offer(&self, offer: Offer) -> Result<(), DispatchError> {
        if self.nats.closing().is_cancelled() {
            return Err(DispatchError::Closed);
        }
        self.look_after(false).await?;
        let sent = match self.send(&offer).await {
            Err(error) if error.kind() == PublishErrorKind::StreamNotFound => {
                self.look_after(true).await?;
                self.send(&offer).await
            }
            sent => sent,
        };
        sent.map_err(|error| match refusal(&error) {
            Some(ErrorCode::STREAM_STORE_FAILED) => DispatchError::Full,
            _ => DispatchError::Unavailable(explain(&error)),
        })
    }
}

impl std::fmt::Debug for NatsDispatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("NatsDispatch").field(&streams::offers_stream(&self.nats)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_read_as_it_was_written_and_anything_else_is_not() {
        let offer = Offer { hosts: [(1, host(1))].into(), ..offer(vec![1, 2]) };
        assert_eq!(read(&write(&offer)), Some(offer.clone()));
        let tomorrow =
            String::from_utf8(write(&offer)).unwrap().replace("{\"version\"", "{\"new\":1,\"version\"");
        assert_eq!(read(tomorrow.as_bytes()), Some(offer.clone()), "an unknown field is tolerated");
        let other = String::from_utf8(write(&offer)).unwrap().replace("\"version\":1", "\"version\":2");
        assert_eq!(read(other.as_bytes()), None);
        assert_eq!(read(b"garbage"), None);
        let items = vec![0; OFFER_ITEMS_MAX + 1];
        assert_eq!(read(&write(&Offer { items, ..offer })), None);
    }

    #[test]
    fn an_offer_without_hosts_is_the_one_that_earlier_versions_wrote_and_read() {
        let earlier =
            format!("{{\"version\":1,\"id\":\"{0}\",\"batch\":\"{0}\",\"items\":[3]}}", Uuid::nil());
        let offer = Offer { id: Uuid::nil(), batch: BatchId(Uuid::nil()), ..offer(vec![3]) };
        assert_eq!(read(earlier.as_bytes()), Some(offer.clone()));
        assert_eq!(String::from_utf8(write(&offer)).unwrap(), earlier);
    }

    #[test]
    fn the_largest_offer_fits_into_the_stream() {
        let items: Vec<ItemIndex> =
            (0..OFFER_ITEMS_MAX).map(|item| u16::MAX - u16::try_from(item).unwrap()).collect();
        let hosts = items.iter().map(|item| (*item, host(u64::MAX))).collect();
        let largest = write(&Offer { hosts, ..offer(items) });
        assert!(i32::try_from(largest.len()).unwrap() <= streams::OFFER_BYTES_MAX, "{} bytes", largest.len());
    }

    fn offer(items: Vec<ItemIndex>) -> Offer {
        let (id, batch) = (Uuid::from_u128(7), BatchId(Uuid::from_u128(8)));
        Offer { id, batch, items, hosts: BTreeMap::new() }
    }

    fn host(key: u64) -> HostKey {
        serde_json::from_str(&key.to_string()).unwrap()
    }
}
