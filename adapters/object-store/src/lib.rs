//! Results and screenshots: written once by a worker, before the event that names them; read by the query side.
//! A thin layer over the `object_store` crate that adds content hashes, bounds, atomic local writes and signed URLs.
//! Not here: what an object means, who may see it, when it expires.

mod address;
mod leftovers;
mod s3;

use address::Address;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use leafcutter_domain::batch::StoredObject;
use object_store::{
    ObjectStore, ObjectStoreExt, PutPayload,
    local::LocalFileSystem,
    path::Path,
    signer::{Method, SignedUrlOptions, Signer},
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use url::Url;

/// Longest life of a signed URL, whatever is asked for: who holds it needs no key.
pub const SIGNED_URL_S_MAX: u64 = 3_600;

/// The object that a check looks for, and that a check with a credential that may only write puts there.
const CHECK_KEY: &str = "leafcutter-check";
const CHECK_BYTES: &[u8] = b"Leafcutter puts this here to see whether it may write.\n";

/// Something is wrong with the store or with an object.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// No object has this key.
    #[error("no object '{0}': it has expired or was erased")]
    Missing(String),
    /// The object is larger than the reader takes.
    #[error("object '{key}' has {bytes} bytes, more than the {max} that are read")]
    TooLarge {
        /// The key.
        key: String,
        /// Its size.
        bytes: u64,
        /// The bound.
        max: u64,
    },
    /// `LEAFCUTTER_OBJECTS` or what belongs to it is wrong; says what, and never repeats it.
    #[error("the object store's address cannot be used: {0}")]
    Address(&'static str),
    /// The key cannot be a path.
    #[error("'{0}' cannot be an object key")]
    Key(String),
    /// The store did not answer.
    #[error(
        "the object store is not available: check its folder or bucket, space, credential and permissions"
    )]
    Store(#[source] object_store::Error),
}

/// A folder or bucket of objects.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    /// Goes before every key.
    prefix: Path,
    /// Signs for the address under which clients reach the bucket; none: they do not.
    signer: Option<Arc<dyn Signer>>,
    /// Where the objects are, if not in a bucket.
    folder: Option<PathBuf>,
}

impl Objects {
    /// Objects in a folder or a bucket:
    ///
    /// - `file:///absolute/path` or a plain path;
    /// - `s3://bucket/prefix?endpoint=…&region=…&allow_http=true&path_style=true&public_endpoint=…`, all options
    ///   optional. `endpoint` is where this process reaches the store, by default Amazon (or `AWS_ENDPOINT_URL`);
    ///   `public_endpoint` is where clients reach it and turns signed URLs on. Credentials come from
    ///   `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` of the environment alone.
    ///
    /// A bucket is not asked for anything yet: it may come up later.
    ///
    /// # Errors
    /// The address or the environment is wrong, or the folder cannot be made.
    pub fn open(address: &str) -> Result<Self, ObjectError> {
        Self::open_with(address, |name| std::env::var(name).ok())
    }

    /// [`Objects::open`], with another environment.
    ///
    /// # Errors
    /// As there.
    pub fn open_with(
        address: &str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ObjectError> {
        let setting = |name: &str| environment(name).filter(|value| !value.is_empty());
        let endpoint = setting("AWS_ENDPOINT_URL_S3").or_else(|| setting("AWS_ENDPOINT_URL"));
        let bucket = match address::parse(address, endpoint.as_deref())? {
            Address::Folder(folder) => return Self::local(&folder),
            Address::Bucket(bucket) => *bucket,
        };
        let credential = s3::Credential::found(&setting)?;
        let store = Arc::new(s3::client(&bucket, bucket.endpoint.as_ref(), &credential)?);
        let signer = match &bucket.public_endpoint {
            Some(public) => {
                Some(Arc::new(s3::client(&bucket, Some(public), &credential)?) as Arc<dyn Signer>)
            }
            None => None,
        };
        Ok(Self { store, prefix: bucket.prefix, signer, folder: None })
    }

    /// Objects in a local folder, which is made when missing. Files appear whole or not at all and are flushed
    /// before they are named.
    ///
    /// # Errors
    /// The folder cannot be made or opened.
    pub fn local(folder: &std::path::Path) -> Result<Self, ObjectError> {
        let unusable = |source| ObjectError::Store(object_store::Error::Generic { store: "folder", source });
        std::fs::create_dir_all(folder).map_err(|error| unusable(Box::new(error)))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(ObjectError::Store)?;
        let store = store.with_automatic_cleanup(true).with_fsync(true);
        let folder = Some(folder.to_owned());
        Ok(Self { store: Arc::new(store), prefix: Path::ROOT, signer: None, folder })
    }

    /// Stores `bytes` under `prefix-hash`. Storing the same bytes again changes nothing. In a bucket this is one
    /// `PutObject` and nothing else, so that a worker's credential needs no other right.
    ///
    /// # Errors
    /// The store is not available; nothing is named by the caller then, so a half is harmless.
    pub async fn put(&self, prefix: &str, bytes: Bytes) -> Result<StoredObject, ObjectError> {
        let hash = blake3::hash(&bytes).to_hex().to_string();
        let key = format!("{prefix}-{hash}");
        let object = StoredObject { key, hash, bytes: bytes.len() as u64 };
        let path = self.path(&object.key)?;
        self.store.put(&path, PutPayload::from_bytes(bytes)).await.map_err(ObjectError::Store)?;
        leafcutter_crash_points::reach("store");
        Ok(object)
    }

    /// Whether an object with this key and size is there.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn holds(&self, object: &StoredObject) -> Result<bool, ObjectError> {
        match self.store.head(&self.path(&object.key)?).await {
            Ok(meta) => Ok(meta.size == object.bytes),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(ObjectError::Store(error)),
        }
    }

    /// Reads an object of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// It is missing, larger, or the store is not available.
    pub async fn get(&self, key: &str, bytes_max: u64) -> Result<Bytes, ObjectError> {
        let found = self.store.get(&self.path(key)?).await.map_err(|error| unread(key, error))?;
        let bytes = found.meta.size;
        if bytes > bytes_max {
            return Err(ObjectError::TooLarge { key: key.to_owned(), bytes, max: bytes_max });
        }
        found.bytes().await.map_err(ObjectError::Store)
    }

    /// A URL under which anyone can read the object for `ttl`, [`SIGNED_URL_S_MAX`] seconds at most. The store
    /// will call it `media_type`. `None` where clients cannot reach the store: send them the bytes.
    ///
    /// The URL is a secret while it lives: it belongs into an answer, not into a log, an event or a row.
    ///
    /// # Errors
    /// The object is missing, or the store is not available.
    pub async fn signed_url(
        &self,
        key: &str,
        media_type: &str,
        ttl: Duration,
    ) -> Result<Option<Url>, ObjectError> {
        let Some(signer) = &self.signer else { return Ok(None) };
        let path = self.path(key)?;
        self.store.head(&path).await.map_err(|error| unread(key, error))?;
        let ttl = ttl.min(Duration::from_secs(SIGNED_URL_S_MAX));
        let options = SignedUrlOptions::default().with_query([("response-content-type", media_type)]);
        let url = signer.signed_url_opts(Method::GET, &path, ttl, &options).await;
        url.map(Some).map_err(ObjectError::Store)
    }

    /// Whether the store answers and takes the credential: it reads a key that need not be there, and where it may
    /// not read, puts a few bytes there. Meant for health checks.
    ///
    /// # Errors
    /// The store is not available, the bucket is not there or the credential may neither read nor write.
    pub async fn check(&self) -> Result<(), ObjectError> {
        let path = self.path(CHECK_KEY)?;
        match self.store.get(&path).await.map_err(|error| unread(CHECK_KEY, error)) {
            Ok(_) | Err(ObjectError::Missing(_)) => Ok(()),
            Err(ObjectError::Store(object_store::Error::PermissionDenied { .. })) => {
                let put = self.store.put(&path, PutPayload::from_static(CHECK_BYTES)).await;
                put.map(drop).map_err(ObjectError::Store)
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes those objects in `folder` (the first parts of their keys) that `chosen` says yes to, and tells how many.
    /// One that has gone meanwhile is as good as deleted, and what a process that died left half written goes with them. Objects that are put meanwhile may be seen or not.
    ///
    /// # Errors
    /// The store is not available, or the credential may not list and delete; some may be deleted then.
    pub async fn delete(
        &self,
        folder: &str,
        chosen: impl Fn(&str) -> bool + Send + Sync,
    ) -> Result<usize, ObjectError> {
        let mut found = Vec::new();
        let mut listed = self.store.list(Some(&self.path(folder)?));
        while let Some(object) = listed.try_next().await.map_err(ObjectError::Store)? {
            let key: Option<Path> = object.location.prefix_match(&self.prefix).map(Iterator::collect);
            if key.is_some_and(|key| chosen(key.as_ref())) {
                found.push(Ok(object.location));
            }
        }
        let count = found.len();
        let mut deleted = self.store.delete_stream(stream::iter(found).boxed());
        while let Some(one) = deleted.next().await {
            match one {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(ObjectError::Store(error)),
            }
        }
        if let Some(root) = &self.folder {
            leftovers::delete(root, folder, chosen).await.map_err(ObjectError::Store)?;
        }
        Ok(count)
    }

    fn path(&self, key: &str) -> Result<Path, ObjectError> {
        match Path::parse(key) {
            Ok(path) if !path.as_ref().is_empty() => Ok(self.prefix.parts().chain(path.parts()).collect()),
            _ => Err(ObjectError::Key(key.to_owned())),
        }
    }
}

/// A read that failed. Without its bucket no object is there either, but none of them has expired.
fn unread(key: &str, error: object_store::Error) -> ObjectError {
    match error {
        object_store::Error::NotFound { ref source, .. } if !source.to_string().contains("NoSuchBucket") => {
            ObjectError::Missing(key.to_owned())
        }
        other => ObjectError::Store(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_bucket_is_no_missing_object() {
        let missing =
            |body: &str| object_store::Error::NotFound { path: "a".to_owned(), source: body.into() };
        assert!(matches!(unread("a", missing("<Code>NoSuchKey</Code>")), ObjectError::Missing(_)));
        assert!(matches!(unread("a", missing("<Code>NoSuchBucket</Code>")), ObjectError::Store(_)));
    }
}
