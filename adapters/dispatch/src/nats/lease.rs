//! The lease of the reactions as a key that lives for seconds in the memory of the broker. The owner writes it again
//! and again; when it stops, the key goes and a waiting replica takes it. No clock but our own is compared: the owner
//! counts from before it asks, the broker from when it wrote.

use super::{
    bucket::{Bucket, BucketBounds, BucketError, Expect},
    connection::Nats,
};
use crate::{Held, Lease};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Writes of the owner within the life of the key.
const WRITES_PER_TTL: u32 = 5;
/// Looks of a waiting replica within the life of the key.
const LOOKS_PER_TTL: u32 = 10;
/// The part of the key's life for which the owner no longer trusts it.
const MARGIN_PER_TTL: u32 = 5;
/// How long giving back may take, in milliseconds; the key ends by itself if it fails.
const GIVE_BACK_TIMEOUT_MS: u64 = 2_000;
/// Size of all leases of a service.
const BUCKET_BYTES_MAX: i64 = 1024 * 1024;
/// Size of one owner's name.
const OWNER_BYTES_MAX: i32 = 256;

/// A lease of this name, among all replicas with the same prefix at the same broker.
pub struct NatsLease {
    key: Arc<Key>,
    /// One holder in this process, whatever the broker says.
    sole: Arc<Semaphore>,
}

struct Key {
    nats: Nats,
    bucket: Bucket,
    name: String,
    /// This process, at this start.
    owner: String,
    ttl: Duration,
}

/// What was last written, and until when it is trusted.
struct Written {
    epoch: u64,
    revision: u64,
    trusted_until: Instant,
}

impl NatsLease {
    /// The lease `name`, of letters, digits and dashes.
    #[must_use]
    pub fn new(nats: &Nats, name: &str) -> Self {
        let ttl_ms = nats.settings().lease_ttl_ms;
        let bounds = BucketBounds {
            bytes_max: BUCKET_BYTES_MAX,
            value_bytes_max: OWNER_BYTES_MAX,
            age_ms_max: ttl_ms,
        };
        let key = Key {
            nats: nats.clone(),
            bucket: Bucket::new(nats, "leases", bounds),
            name: name.to_owned(),
            owner: Uuid::new_v4().to_string(),
            ttl: Duration::from_millis(ttl_ms),
        };
        Self { key: Arc::new(key), sole: Arc::new(Semaphore::new(1)) }
    }
}

#[async_trait]
impl Lease for NatsLease {
    async fn acquire(&self) -> Held {
        let sole = Arc::clone(&self.sole).acquire_owned().await;
        let written = self.key.take().await;
        let (lost, kept) = (CancellationToken::new(), CancellationToken::new());
        let task = keep(Arc::clone(&self.key), written, lost.clone(), kept.clone());
        self.key.nats.spawn(task);
        Held::new(lost, Box::new((kept.drop_guard(), sole)))
    }
}

impl Key {
    /// Looks again and again until the key is ours.
    async fn take(&self) -> Written {
        loop {
            let epoch = self.nats.connected().await;
            let asked = Instant::now();
            let taken = tokio::select! {
                taken = self.try_take() => taken,
                () = self.nats.disconnected(epoch) => continue,
            };
            match taken {
                Ok(Some(revision)) => {
                    tracing::info!(lease = self.name, "the lease is ours");
                    return self.written(epoch, revision, asked);
                }
                Ok(None) | Err(BucketError::Conflict) => {}
                Err(error) => tracing::warn!(%error, lease = self.name, "waiting for the lease"),
            }
            tokio::time::sleep(self.ttl / LOOKS_PER_TTL).await;
        }
    }

    /// Writes the key if it is free, or ours from a connection that was lost.
    async fn try_take(&self) -> Result<Option<u64>, BucketError> {
        let expect = match self.bucket.get(&self.name).await? {
            None => Expect::Absent,
            Some(entry) if entry.value == self.owner => Expect::Revision(entry.revision),
            Some(_) => return Ok(None),
        };
        self.write(expect).await.map(Some)
    }

    async fn write(&self, expect: Expect) -> Result<u64, BucketError> {
        self.bucket.put(&self.name, self.owner.clone().into(), expect).await
    }

    /// Writes the key again. `None`: it is no longer ours.
    async fn renew(&self, revision: u64) -> Result<Option<u64>, BucketError> {
        match self.write(Expect::Revision(revision)).await {
            Ok(revision) => Ok(Some(revision)),
            // An earlier write may have been done although its answer was lost.
            Err(BucketError::Conflict) => match self.bucket.get(&self.name).await? {
                Some(entry) if entry.value == self.owner => {
                    self.write(Expect::Revision(entry.revision)).await.map(Some)
                }
                _ => Ok(None),
            },
            Err(error) => Err(error),
        }
    }

    fn written(&self, epoch: u64, revision: u64, asked: Instant) -> Written {
        Written { epoch, revision, trusted_until: asked + self.ttl - self.ttl / MARGIN_PER_TTL }
    }
}

/// Renews the key until it is given back, lost, or not known to be ours.
async fn keep(key: Arc<Key>, mut written: Written, lost: CancellationToken, kept: CancellationToken) {
    let every = key.ttl / WRITES_PER_TTL;
    loop {
        tokio::select! {
            biased;
            () = kept.cancelled() => return give_back(&key, written.revision).await,
            () = key.nats.closing().cancelled() => {
                lost.cancel();
                return give_back(&key, written.revision).await;
            }
            // A broker that went away may come back with an empty memory, in which anybody can take the key.
            () = key.nats.disconnected(written.epoch) => break,
            () = tokio::time::sleep(every) => {}
        }
        let asked = Instant::now();
        match timeout_at(written.trusted_until, key.renew(written.revision)).await {
            Ok(Ok(Some(revision))) => written = key.written(written.epoch, revision, asked),
            Ok(Ok(None)) | Err(_) => break,
            Ok(Err(error)) => tracing::warn!(%error, lease = key.name, "the lease could not be renewed"),
        }
    }
    tracing::warn!(lease = key.name, "the lease is lost, or may be");
    lost.cancel();
}

async fn give_back(key: &Key, revision: u64) {
    let limit = Duration::from_millis(GIVE_BACK_TIMEOUT_MS);
    // A failure costs the next owner the rest of the key's life, nothing else.
    if !matches!(timeout(limit, key.bucket.erase(&key.name, Some(revision))).await, Ok(Ok(()))) {
        tracing::debug!(lease = key.name, "the lease could not be given back; it ends by itself");
    }
}
