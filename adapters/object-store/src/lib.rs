//! Results and screenshots: written once by a worker, before the event that names them; read by the query side.
//! A thin layer over the `object_store` crate that adds content hashes, bounds and atomic local writes.
//! Not here: what an object means, who may see it, when it expires.

use bytes::Bytes;
use leafcutter_domain::batch::StoredObject;
use object_store::{ObjectStoreExt, PutPayload, local::LocalFileSystem, path::Path};
use std::sync::Arc;

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
    /// The key cannot be a path.
    #[error("'{0}' cannot be an object key")]
    Key(String),
    /// The store did not answer.
    #[error("the object store is not available: check its folder or bucket, space and permissions")]
    Store(#[source] object_store::Error),
}

/// A folder or bucket of objects.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn object_store::ObjectStore>,
}

impl Objects {
    /// Objects in a local folder, which is made when missing. Files appear whole or not at all and are flushed
    /// before they are named.
    ///
    /// # Errors
    /// The folder cannot be made or opened.
    pub fn local(folder: &std::path::Path) -> Result<Self, ObjectError> {
        let unusable = |source| ObjectError::Store(object_store::Error::Generic { store: "folder", source });
        std::fs::create_dir_all(folder).map_err(|error| unusable(Box::new(error)))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(ObjectError::Store)?;
        Ok(Self { store: Arc::new(store.with_automatic_cleanup(true).with_fsync(true)) })
    }

    /// Stores `bytes` under `prefix/hash`. Storing the same bytes again changes nothing.
    ///
    /// # Errors
    /// The store is not available; nothing is named by the caller then, so a half is harmless.
    pub async fn put(&self, prefix: &str, bytes: Bytes) -> Result<StoredObject, ObjectError> {
        let hash = blake3::hash(&bytes).to_hex().to_string();
        let key = format!("{prefix}-{hash}");
        let object = StoredObject { key, hash, bytes: bytes.len() as u64 };
        self.store
            .put(&path(&object.key)?, PutPayload::from_bytes(bytes))
            .await
            .map_err(ObjectError::Store)?;
        leafcutter_crash_points::reach("store");
        Ok(object)
    }

    /// Whether an object with this key and size is there.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn holds(&self, object: &StoredObject) -> Result<bool, ObjectError> {
        match self.store.head(&path(&object.key)?).await {
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
        let found = self.store.get(&path(key)?).await.map_err(|error| match error {
            object_store::Error::NotFound { .. } => ObjectError::Missing(key.to_owned()),
            other => ObjectError::Store(other),
        })?;
        let bytes = found.meta.size;
        if bytes > bytes_max {
            return Err(ObjectError::TooLarge { key: key.to_owned(), bytes, max: bytes_max });
        }
        found.bytes().await.map_err(ObjectError::Store)
    }
}

fn path(key: &str) -> Result<Path, ObjectError> {
    Path::parse(key).map_err(|_| ObjectError::Key(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_object_comes_back_as_it_was_put() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        let stored = objects.put("account/batch/0/1", Bytes::from_static(b"page")).await.unwrap();
        assert!(objects.holds(&stored).await.unwrap());
        assert_eq!(objects.get(&stored.key, 10).await.unwrap(), Bytes::from_static(b"page"));
    }

    #[tokio::test]
    async fn a_missing_or_too_large_object_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        let stored = objects.put("a", Bytes::from_static(b"page")).await.unwrap();
        assert!(matches!(objects.get("b", 10).await, Err(ObjectError::Missing(_))));
        assert!(matches!(objects.get(&stored.key, 3).await, Err(ObjectError::TooLarge { bytes: 4, .. })));
    }

    #[tokio::test]
    async fn a_key_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        assert!(matches!(objects.get("../secret", 10).await, Err(ObjectError::Key(_))));
    }
}
