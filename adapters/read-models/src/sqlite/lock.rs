//! Locks of whole files beside the tables: one process has one at a time, and it ends with the process. Never of a file
//! of SQLite itself, whose own locks would be lost when ours is closed.

use super::Connections;
use crate::ReadModelError;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// What the name of the file that whoever writes the tables holds has more than theirs.
pub(crate) const TURN_SUFFIX: &str = "-turn";
/// How often a lock is tried that another process has.
const TRY_EVERY_MS: u64 = 20;

/// The file beside the tables whose name has this more.
pub(crate) fn beside(tables: &Path, suffix: &str) -> PathBuf {
    let mut name = tables.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Takes the lock of a file, which is made when missing; `None` when another has it.
pub(crate) fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Waits until no other process writes the tables, for as long as it takes.
pub(crate) async fn take_turn(connections: &Connections) -> Result<File, ReadModelError> {
    loop {
        if let Some(held) = lock(&connections.turn).map_err(sqlx::Error::Io)? {
            return Ok(held);
        }
        tokio::time::sleep(Duration::from_millis(TRY_EVERY_MS)).await;
    }
}
