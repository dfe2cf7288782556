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
pub(crate) const VERSION: u32 = 1;
/// In a directory that is being restored: what is to come. While it is there, the rest is not whole.
const HALF: &str = "restoring";

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
        let lock = locked(folder)?;
        if folder.join(HALF).exists() {
            bail!("a restore into {} was cut off: empty that directory and restore again", folder.display());
        }
        check_version(folder)?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// Takes an empty directory, or makes it, to restore a backup into it.
    ///
    /// # Errors
    /// It cannot be written, or belongs to a running service.
    pub(crate) fn open_to_restore(folder: &Path) -> anyhow::Result<HalfRestored> {
        let was_there = folder.exists();
        let lock = locked(folder)?;
        let half = folder.join(HALF);
        let made = fs::DirBuilder::new().mode(0o700).create(&half);
        made.with_context(|| format!("{} cannot be written", folder.display()))?;
        Ok(HalfRestored { folder: folder.to_owned(), half, was_there, _lock: lock })
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

/// A data directory into which a backup is being restored. Until it is finished, no service starts on it.
pub(crate) struct HalfRestored {
    folder: PathBuf,
    half: PathBuf,
    was_there: bool,
    _lock: File,
}

impl HalfRestored {
    /// Where everything is put first.
    pub(crate) fn half(&self) -> &Path {
        &self.half
    }

    /// Moves everything to its place, the mark of the half at last.
    ///
    /// # Errors
    /// The disk fails; the directory is refused by every start then.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let sync = || File::open(&self.folder)?.sync_all();
        let place = || -> std::io::Result<()> {
            for entry in fs::read_dir(&self.half)? {
                let entry = entry?;
                fs::rename(entry.path(), self.folder.join(entry.file_name()))?;
            }
            sync()
        };
        let failed = || format!("{} cannot be written", self.folder.display());
        place().with_context(failed)?;
        check_version(&self.folder)?;
        fs::remove_dir(&self.half).and_then(|()| sync()).with_context(failed)
    }

    /// Leaves the directory as it was.
    pub(crate) fn abandon(self) {
        let undo = || -> std::io::Result<()> {
            fs::remove_dir_all(&self.half)?;
            fs::remove_file(self.folder.join("lock"))?;
            if self.was_there { Ok(()) } else { fs::remove_dir(&self.folder) }
        };
        if let Err(error) = undo() {
            tracing::warn!(%error, "what was restored so far is still in {}", self.folder.display());
        }
    }
}

/// Makes the directory when it is missing, and takes it.
fn locked(folder: &Path) -> anyhow::Result<File> {
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
    Ok(lock)
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
    fn a_directory_in_which_a_restore_was_cut_off_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let half = DataDir::open_to_restore(folder.path()).unwrap();
        assert!(DataDir::open(folder.path()).is_err());
        fs::write(half.half().join("api-key"), "lc_x").unwrap();
        drop(half);
        let refused = DataDir::open(folder.path()).err().unwrap().to_string();
        assert!(refused.contains("cut off"), "{refused}");
    }

    #[test]
    fn an_abandoned_restore_leaves_the_directory_as_it_was_and_a_finished_one_can_be_opened() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("new");
        DataDir::open_to_restore(&new).unwrap().abandon();
        assert!(!new.exists());
        let half = DataDir::open_to_restore(&new).unwrap();
        fs::write(half.half().join("api-key"), "lc_x").unwrap();
        half.finish().unwrap();
        assert_eq!(DataDir::open(&new).unwrap().api_key().unwrap().as_deref(), Some("lc_x"));
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
