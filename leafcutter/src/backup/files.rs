//! Copying files with their checksums, and having them on disk. Not here: which files.

use anyhow::Context;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Bytes that are read at a time.
const BUFFER_BYTES: usize = 128 * 1024;

/// What was copied.
pub(super) struct Copied {
    pub(super) bytes: u64,
    /// BLAKE3, hex.
    pub(super) hash: String,
}

/// Makes a folder, and those above it, for its owner alone.
pub(super) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("{} cannot be made", folder.display()))
}

/// Where a path leads, whether anything is there or not.
pub(super) fn resolved(path: &Path) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(path).with_context(|| format!("'{}' is no path", path.display()))?;
    let there = path.ancestors().find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    let (above, real) = there.with_context(|| format!("{} cannot be reached", path.display()))?;
    Ok(path.strip_prefix(above).map_or_else(|_| real.clone(), |rest| real.join(rest)))
}

/// Whether nothing is in a folder; one that is missing is empty too.
///
/// # Errors
/// It is no folder, or cannot be read.
pub(super) fn is_empty(folder: &Path) -> anyhow::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", folder.display())),
    }
}

/// Copies a file to where nothing is yet, for its owner alone; none when it is not there (any more).
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<Option<Copied>> {
    let source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", from.display())),
    };
    if let Some(folder) = to.parent() {
        make_folder(folder)?;
    }
    let write = || -> std::io::Result<Copied> {
        let mut target = OpenOptions::new().create_new(true).write(true).mode(0o600).open(to)?;
        let copied = pour(source, &mut target)?;
        target.sync_all()?;
        Ok(copied)
    };
    write().map(Some).with_context(|| format!("{} cannot be copied to {}", from.display(), to.display()))
}

/// The checksum of a file.
pub(super) fn checksum(path: &Path) -> anyhow::Result<Copied> {
    let read = || pour(File::open(path)?, &mut std::io::sink());
    read().with_context(|| format!("{} cannot be read", path.display()))
}

fn pour(mut source: impl Read, target: &mut impl Write) -> std::io::Result<Copied> {
    let (mut hasher, mut buffer, mut bytes) = (blake3::Hasher::new(), vec![0; BUFFER_BYTES], 0);
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            return Ok(Copied { bytes, hash: hasher.finalize().to_hex().to_string() });
        }
        target.write_all(&buffer[..read])?;
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
}

/// Gives every finished file below a folder to `take`, by its path below it. What comes and goes meanwhile may be
/// given or not.
pub(super) fn walk(folder: &Path, take: &mut impl FnMut(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        let entries = match fs::read_dir(folder.join(&below)) {
            Ok(entries) => entries,
            // Folders go with the last object in them.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error).context("the folder of objects cannot be read"),
        };
        for entry in entries {
            let entry = entry.context("the folder of objects cannot be read")?;
            let path = below.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(path),
                // A name with a '#' is of a file that is being written.
                Ok(kind) if kind.is_file() && !path.to_string_lossy().contains('#') => take(&path)?,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).context("the folder of objects cannot be read"),
            }
        }
    }
    Ok(())
}

/// Has the entries of a folder, and of all folders below it, on disk. Files are by then.
pub(super) fn sync_folders(folder: &Path) -> anyhow::Result<()> {
    let sync = |folder: &Path| -> std::io::Result<()> {
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            File::open(&folder)?.sync_all()?;
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    open.push(entry.path());
                }
            }
        }
        Ok(())
    };
    sync(folder).with_context(|| format!("{} cannot be written to disk", folder.display()))
}
