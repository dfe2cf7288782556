//! A key-value bucket of the broker in its memory, never in its files: one value for each key, made when it is
//! missing, made again when the broker lost it. Reads ask the leader, so that what was written is seen by the next
//! reader on any replica. Not here: what the values mean.

use super::{
    connection::Nats,
    streams::{self, explain, refusal},
};
use async_nats::{
    HeaderMap,
    header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
    jetstream::{
        ErrorCode,
        context::PublishErrorKind,
        stream::{Config, DiscardPolicy, PurgeErrorKind, RawMessageErrorKind, RetentionPolicy, StorageType},
    },
};
use bytes::Bytes;
use futures::TryStreamExt;
use std::time::Duration;

/// A bucket did not do what it was asked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BucketError {
    /// The broker does not answer, or not as it should; whether the request was carried out is not known.
    #[error("{0}")]
    Unavailable(String),
    /// There is no room for the value.
    #[error("the bucket holds as much as it may")]
    Full,
    /// The key has another revision than expected.
    #[error("the key has been changed by somebody else")]
    Conflict,
}

/// How large a bucket may grow and how long a value stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketBounds {
    /// Size of all values with their keys.
    pub bytes_max: i64,
    /// Size of one value.
    pub value_bytes_max: i32,
    /// Time after which a value goes by itself, in milliseconds.
    pub age_ms_max: u64,
}

/// A value and its revision.
#[derive(Debug, Clone)]
pub struct BucketEntry {
    /// The value.
    pub value: Bytes,
    /// Grows with each write to the bucket.
    pub revision: u64,
}

/// What a bucket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketSize {
    /// Keys with a value.
    pub keys: u64,
    /// Size of all values with their keys.
    pub bytes: u64,
}

/// Which revision a key must have for a write to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Any.
    Any,
    /// None: the key must not be there.
    Absent,
    /// This one.
    Revision(u64),
}

/// A bucket in the memory of the broker.
#[derive(Clone)]
pub struct Bucket {
    nats: Nats,
    name: String,
    bounds: BucketBounds,
}

impl Bucket {
    /// The bucket `<prefix>-<name>`; nothing is asked of the broker yet.
    #[must_use]
    pub fn new(nats: &Nats, name: &str, bounds: BucketBounds) -> Self {
        Self { nats: nats.clone(), name: format!("{}-{name}", nats.settings().prefix), bounds }
    }

    /// Writes a value and says its revision. A key is made of letters, digits, dashes and dots.
    ///
    /// # Errors
    /// The broker does not answer, there is no room, or the key has another revision than expected.
    pub async fn put(&self, key: &str, value: Bytes, expect: Expect) -> Result<u64, BucketError> {
        match self.try_put(key, value.clone(), expect).await {
            Ok(revision) => Ok(revision),
            Err(PutError::NoBucket) => {
                self.make().await?;
                self.try_put(key, value, expect).await.map_err(PutError::into_bucket)
            }
            Err(error) => Err(error.into_bucket()),
        }
    }

    async fn try_put(&self, key: &str, value: Bytes, expect: Expect) -> Result<u64, PutError> {
        self.nats.ready().map_err(|trouble| PutError::Other(BucketError::Unavailable(trouble)))?;
        let mut headers = HeaderMap::new();
        let revision = match expect {
            Expect::Any => None,
            Expect::Absent => Some(0),
            Expect::Revision(revision) => Some(revision),
        };
        if let Some(revision) = revision {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, revision.to_string());
        }
        let sent = self.nats.jetstream().publish_with_headers(self.subject(key), headers, value).await;
        let acknowledged = match sent {
            Ok(acknowledged) => acknowledged.await,
            Err(error) => Err(error),
        };
        acknowledged.map(|done| done.sequence).map_err(|error| match error.kind() {
            PublishErrorKind::StreamNotFound => PutError::NoBucket,
            PublishErrorKind::WrongLastSequence => PutError::Other(BucketError::Conflict),
            _ => PutError::Other(match refusal(&error) {
                Some(ErrorCode::STREAM_STORE_FAILED) => BucketError::Full,
                // What newer servers say instead of "wrong last sequence".
                Some(ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT) => BucketError::Conflict,
                _ => BucketError::Unavailable(explain(&error)),
            }),
        })
    }

    /// The value of a key.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn get(&self, key: &str) -> Result<Option<BucketEntry>, BucketError> {
        let stream = self.stream().await?;
        match stream.get_last_raw_message_by_subject(&self.subject(key)).await {
            Ok(found) => Ok(Some(BucketEntry { value: found.payload, revision: found.sequence })),
            Err(error) => match error.kind() {
                RawMessageErrorKind::NoMessageFound => Ok(None),
                RawMessageErrorKind::JetStream(said) if is_missing(said.error_code()) => Ok(None),
                RawMessageErrorKind::JetStream(_)
                | RawMessageErrorKind::InvalidSubject
                | RawMessageErrorKind::Other => Err(BucketError::Unavailable(explain(&error))),
            },
        }
    }

    /// The keys that match; `*` stands for one word of a key and `>` for all further ones.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn keys(&self, matching: &str) -> Result<Vec<String>, BucketError> {
        let stream = self.stream().await?;
        let found = match stream.info_with_subjects(self.subject(matching)).await {
            Ok(info) => info.map_ok(|(subject, _)| subject).try_collect::<Vec<_>>().await,
            Err(error) => Err(error),
        };
        let before = self.subject("").len();
        match found {
            Ok(subjects) => {
                Ok(subjects.iter().filter_map(|subject| Some(subject.get(before..)?.to_owned())).collect())
            }
            Err(error) => streams::absent(&error).map(|()| vec![]).map_err(BucketError::Unavailable),
        }
    }

    /// How much it holds.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn size(&self) -> Result<BucketSize, BucketError> {
        match self.stream().await?.get_info().await {
            Ok(info) => Ok(BucketSize { keys: info.state.messages, bytes: info.state.bytes }),
            Err(error) => streams::absent(&error)
                .map(|()| BucketSize { keys: 0, bytes: 0 })
                .map_err(BucketError::Unavailable),
        }
    }

    /// Erases a key, without a trace in the bucket; with `up_to`, only if it was not written after that revision.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn erase(&self, key: &str, up_to: Option<u64>) -> Result<(), BucketError> {
        let purge = self.stream().await?.purge().filter(self.subject(key));
        let erased = match up_to {
            Some(revision) => purge.sequence(revision + 1).await,
            None => purge.await,
        };
        match erased {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                PurgeErrorKind::JetStream(said) if is_missing(said.error_code()) => Ok(()),
                PurgeErrorKind::JetStream(_) | PurgeErrorKind::Request | PurgeErrorKind::TimedOut => {
                    Err(BucketError::Unavailable(explain(&error)))
                }
            },
        }
    }

    fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.name)
    }

    async fn stream(&self) -> Result<async_nats::jetstream::stream::Stream<()>, BucketError> {
        self.nats.ready().map_err(BucketError::Unavailable)?;
        let stream = self.nats.jetstream().get_stream_no_info(format!("KV_{}", self.name)).await;
        stream.map_err(|error| BucketError::Unavailable(explain(&error)))
    }

    async fn make(&self) -> Result<(), BucketError> {
        let age = Duration::from_millis(self.bounds.age_ms_max);
        let config = Config {
            name: format!("KV_{}", self.name),
            subjects: vec![self.subject(">")],
            storage: StorageType::Memory,
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            max_messages: -1,
            max_messages_per_subject: 1,
            max_bytes: self.bounds.bytes_max,
            max_message_size: self.bounds.value_bytes_max,
            max_age: age,
            duplicate_window: age.min(Duration::from_secs(120)),
            max_consumers: -1,
            num_replicas: self.nats.settings().replicas,
            allow_rollup: true,
            deny_delete: true,
            ..Config::default()
        };
        streams::make_stream(&self.nats, config).await.map_err(BucketError::Unavailable)
    }
}

fn is_missing(code: ErrorCode) -> bool {
    code == ErrorCode::STREAM_NOT_FOUND
}

enum PutError {
    NoBucket,
    Other(BucketError),
}

impl PutError {
    fn into_bucket(self) -> BucketError {
        match self {
            Self::NoBucket => {
                BucketError::Unavailable("the broker has no place for the bucket yet".to_owned())
            }
            Self::Other(error) => error,
        }
    }
}
