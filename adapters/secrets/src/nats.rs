//! Cookies in the broker's memory, for several command-api replicas: sealed by the service key, their end inside the
//! seal, in a bucket that is never written to a file. A broker that restarts alone forgets them, by intent.
//!
//! A key is `held.<batch>.<hidden>`. So that nobody must open every seal to find what is over, `ends.<millis>.<batch>`
//! says when to look at a batch; it decides nothing, only the end inside the seal does.

use crate::{
    SecretName, Secrets, SecretsError,
    seal::{OVERHEAD_BYTES, Opened, Sealer},
};
use async_trait::async_trait;
use leafcutter_dispatch::{
    Cookies,
    nats::{Bucket, BucketBounds, BucketError, Expect, Nats},
};
use leafcutter_domain::{BatchId, Moment, limits::COOKIES_BYTES_MAX};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::Instant;

/// Size of everything in the bucket, unless the operator says otherwise.
pub const SECRETS_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// The part of the bucket that new cookies leave free, so that those inside can always be given an end.
const RESERVE_PART: u64 = 10;
/// Time after which cookies go whatever happens, in milliseconds: seven days.
const AGE_MS_MAX: u64 = 7 * 24 * 3_600_000;
/// Size of what the broker adds to a value.
const HEADER_BYTES_MAX: usize = 1_024;
/// Attempts to seal cookies again while others do as well.
const SEAL_ATTEMPTS_MAX: usize = 5;
/// Batches that one call erases.
const ERASE_BATCHES_MAX: usize = 64;
/// Time after which the bucket is looked through for ends that other replicas have set, in milliseconds.
const LOOK_MS: u64 = 30_000;

/// Cookies in a bucket of the broker.
pub struct NatsSecrets {
    bucket: Bucket,
    sealer: Sealer,
    bytes_max: u64,
    plan: Mutex<Plan>,
}

/// When the bucket is to be looked through.
#[derive(Default)]
struct Plan {
    looked: Option<Instant>,
    /// The first end that is known.
    next: Option<Moment>,
}

impl NatsSecrets {
    /// Cookies sealed under a key derived from the service key; all replicas must have the same one.
    #[must_use]
    pub fn new(nats: &Nats, service_key: &[u8; 32]) -> Self {
        Self::holding(nats, service_key, SECRETS_BYTES_MAX)
    }

    /// The same with a bucket of this size, in bytes. The broker sets as much memory aside.
    #[must_use]
    pub fn holding(nats: &Nats, service_key: &[u8; 32], bytes_max: u64) -> Self {
        let value = COOKIES_BYTES_MAX + OVERHEAD_BYTES + HEADER_BYTES_MAX;
        let bounds = BucketBounds {
            bytes_max: i64::try_from(bytes_max).unwrap_or(i64::MAX),
            value_bytes_max: i32::try_from(value).unwrap_or(i32::MAX),
            age_ms_max: AGE_MS_MAX,
        };
        let bucket = Bucket::new(nats, "secrets", bounds);
        Self { bucket, sealer: Sealer::new(service_key), bytes_max, plan: Mutex::default() }
    }

    fn key(&self, name: &SecretName) -> String {
        format!("held.{}.{}", name.batch, self.sealer.hide(name.request.as_deref()))
    }

    fn seal(&self, key: &str, cookies: &Cookies, end: Option<Moment>) -> Result<Vec<u8>, SecretsError> {
        let sealed = self.sealer.seal(key, cookies, end);
        sealed.ok_or_else(|| SecretsError::Unavailable("the system gives no random numbers".to_owned()))
    }

    /// Gives the cookies under a key another end, unless they are gone.
    async fn set_end(&self, key: &str, end: Option<Moment>) -> Result<(), SecretsError> {
        for _ in 0..SEAL_ATTEMPTS_MAX {
            let Some(entry) = self.bucket.get(key).await.map_err(unavailable)? else { return Ok(()) };
            let Some(opened) = self.sealer.open(key, &entry.value) else { return Ok(()) };
            let sealed = self.seal(key, &opened.cookies, end)?;
            match self.bucket.put(key, sealed.into(), Expect::Revision(entry.revision)).await {
                Err(BucketError::Conflict) => {}
                done => return done.map(|_| ()).map_err(unavailable),
            }
        }
        Err(SecretsError::Unavailable("the cookies are being changed by others".to_owned()))
    }

    fn is_worth_a_look(&self, now: Moment) -> bool {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = plan.looked.is_some_and(|looked| looked.elapsed() < Duration::from_millis(LOOK_MS));
        if recent && plan.next.is_none_or(|next| now < next) {
            return false;
        }
        plan.looked = Some(Instant::now());
        true
    }

    fn look_at(&self, end: Option<Moment>, anew: bool) {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let known = if anew { None } else { plan.next };
        plan.next = [known, end].into_iter().flatten().min();
    }

    async fn erase_due(&self, now: Moment) -> Result<(), BucketError> {
        let marks = self.bucket.keys("ends.*.*").await?;
        let mut ends: Vec<(Moment, &str)> =
            marks.iter().filter_map(|mark| Some((end_of(mark)?, &**mark))).collect();
        ends.sort_unstable();
        let due = ends.partition_point(|(end, _)| *end <= now).min(ERASE_BATCHES_MAX);
        self.look_at(ends.get(due).map(|(end, _)| *end), true);
        for (_, mark) in &ends[..due] {
            let Some(batch) = mark.rsplit('.').next() else { continue };
            for key in self.bucket.keys(&format!("held.{batch}.*")).await? {
                let Some(entry) = self.bucket.get(&key).await? else { continue };
                // What no longer opens is of no use to anybody.
                if self.sealer.open(&key, &entry.value).is_none_or(|opened| opened.is_over(now)) {
                    self.bucket.erase(&key, Some(entry.revision)).await?;
                }
            }
            self.bucket.erase(mark, None).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Secrets for NatsSecrets {
    async fn keep(&self, name: SecretName, cookies: Cookies) -> Result<(), SecretsError> {
        let key = self.key(&name);
        let sealed = self.seal(&key, &cookies, None)?;
        let held = self.bucket.size().await.map_err(unavailable)?;
        let full = || SecretsError::Full(usize::try_from(held.keys).unwrap_or(usize::MAX));
        let room = self.bytes_max - self.bytes_max / RESERVE_PART;
        if held.bytes + sealed.len() as u64 > room {
            return Err(full());
        }
        match self.bucket.put(&key, sealed.into(), Expect::Any).await {
            Err(BucketError::Full) => Err(full()),
            done => done.map(|_| ()).map_err(unavailable),
        }
    }

    async fn find(&self, name: &SecretName) -> Result<Option<Cookies>, SecretsError> {
        let key = self.key(name);
        let Some(entry) = self.bucket.get(&key).await.map_err(unavailable)? else { return Ok(None) };
        let opened = self.sealer.open(&key, &entry.value);
        if opened.is_none() {
            tracing::warn!(batch = %name.batch, "cookies were sealed with another service key; they are as good as gone");
        }
        Ok(opened.filter(|opened: &Opened| !opened.is_over(now())).map(|opened| opened.cookies))
    }

    async fn forget_at(&self, batch: BatchId, end: Option<Moment>) -> Result<(), SecretsError> {
        let keys = self.bucket.keys(&format!("held.{batch}.*")).await.map_err(unavailable)?;
        if let Some(end) = end
            && !keys.is_empty()
        {
            // First, so that what has an end is always found when it has come.
            let mark = format!("ends.{}.{batch}", end.millis());
            self.bucket.put(&mark, Vec::new().into(), Expect::Any).await.map_err(unavailable)?;
            self.look_at(Some(end), false);
        }
        for key in keys {
            self.set_end(&key, end).await?;
        }
        Ok(())
    }

    async fn forget(&self, name: &SecretName) {
        if let Err(error) = self.bucket.erase(&self.key(name), None).await {
            tracing::warn!(%error, batch = %name.batch, "cookies could not be erased; they go when they are too old");
        }
    }

    async fn erase_expired(&self, now: Moment) {
        if !self.is_worth_a_look(now) {
            return;
        }
        if let Err(error) = self.erase_due(now).await {
            self.look_at(Some(now), false);
            tracing::debug!(%error, "cookies that are over are erased later; nobody can read them any more");
        }
    }
}

fn end_of(mark: &str) -> Option<Moment> {
    mark.split('.').nth(1)?.parse().ok().map(Moment::from_millis)
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn unavailable(error: BucketError) -> SecretsError {
    SecretsError::Unavailable(error.to_string())
}
