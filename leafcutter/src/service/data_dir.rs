//! The data directory: one owner at a time, a version, and the secrets that only its owner may read.

use super::settings::KeyBytes;
use anyhow::{Context, bail};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Version of the directory's layout. A directory of a newer one is refused.
const VERSION: u32 = 1;

/// A data directory that this process owns until it ends.
pub(crate) struct DataDir {
    folder: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Opens the directory, or makes it.
    ///
    /// # Errors
    /// It cannot be written, belongs to a running service, or is of a newer version.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let place = folder.display();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("the data directory {place} cannot be made"))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
            .with_context(|| format!("the data directory {place} cannot be written"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("the data directory {place} belongs to a running service"),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("the data directory {place} cannot be locked"));
            }
        }
        check_version(folder)?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// The directory.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path inside.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The service's own secret, made at the first start.
    ///
    /// # Errors
    /// The file cannot be read or made, or is not ours.
    pub(crate) fn service_key(&self) -> anyhow::Result<KeyBytes> {
        let path = self.path("service.key");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut fresh = [0_u8; 32];
                getrandom::fill(&mut fresh).context("the system gives no random numbers")?;
                write_secret(&path, &fresh)?;
                fresh.to_vec()
            }
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        let bytes: [u8; 32] = bytes
            .try_into()
            .ok()
            .with_context(|| format!("{} does not hold a key of 32 bytes", path.display()))?;
        Ok(KeyBytes::new(bytes))
    }

    /// The key of the first account, if it has been made.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn api_key(&self) -> anyhow::Result<Option<String>> {
        match fs::read_to_string(self.api_key_file()) {
            Ok(key) => Ok(Some(key.trim().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("the file api-key of the data directory cannot be read"),
        }
    }

    /// Keeps the key of the first account.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn keep_api_key(&self, key: &str) -> anyhow::Result<()> {
        write_secret(&self.api_key_file(), format!("{key}\n").as_bytes())
    }

    /// Where the key of the first account is.
    pub(crate) fn api_key_file(&self) -> PathBuf {
        self.path("api-key")
    }
}

fn check_version(folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("version");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let version: u32 =
                text.trim().parse().with_context(|| format!("{} holds no version", path.display()))?;
            if version > VERSION {
                bail!(
                    "{} is of version {version}; this program knows {VERSION}: start a newer one",
                    folder.display()
                );
            }
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            write_secret(&path, format!("{VERSION}\n").as_bytes())
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Writes a file that only its owner can read; it appears whole or not at all, also across a crash.
fn write_secret(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let unfinished = path.with_extension("unfinished");
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_second_owner_is_refused_while_the_first_lives() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataDir::open(folder.path()).unwrap();
        let refused = DataDir::open(folder.path()).err().unwrap().to_string();
        assert!(refused.contains("running service"), "{refused}");
        drop(first);
        assert!(DataDir::open(folder.path()).is_ok());
    }

    #[test]
    fn a_directory_of_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("version"), "2").unwrap();
        let refused = DataDir::open(folder.path()).err().unwrap().to_string();
        assert!(refused.contains("newer"), "{refused}");
    }

    #[test]
    fn secrets_are_kept_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        data.keep_api_key("lc_x").unwrap();
        assert_eq!(data.api_key().unwrap().as_deref(), Some("lc_x"));
        assert_eq!(fs::metadata(data.api_key_file()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
