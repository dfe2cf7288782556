//! What a backup says of itself: a manifest, and beside it the checksums of all other files, in the form of `b3sum`, so
//! that anyone can check them. The manifest comes last: a folder without it is no backup.

use super::files;
use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Component, Path, PathBuf},
};

/// Form of the backups that are written now.
const FORM: u32 = 1;
const MANIFEST: &str = "manifest.json";
const CHECKSUMS: &str = "checksums.b3";
/// Size of a manifest that is read.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024;
/// Characters of a checksum.
const HASH_CHARS: usize = 64;

/// What a backup says of itself.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    /// Form of the backup.
    form: u32,
    /// Version of the program that took it.
    pub(super) program: String,
    /// Layout of the data directory that it was taken of.
    pub(super) layout: u32,
    /// When it was begun.
    pub(super) taken_at: String,
    /// Position of the newest event in it.
    pub(super) head: String,
    /// Events.
    pub(super) events: u64,
    /// Results and screenshots.
    pub(super) objects: u64,
    /// Their size together.
    pub(super) object_bytes: u64,
    /// BLAKE3 of the file of checksums, hex.
    checksums: String,
}

impl Manifest {
    pub(super) fn new(layout: u32, taken_at: String) -> Self {
        Self {
            form: FORM,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            layout,
            taken_at,
            head: String::new(),
            events: 0,
            objects: 0,
            object_bytes: 0,
            checksums: String::new(),
        }
    }

    /// Ends a backup.
    pub(super) fn write(&mut self, folder: &Path, checksums: Checksums) -> anyhow::Result<()> {
        self.checksums = checksums.finish()?;
        let path = folder.join(MANIFEST);
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.write_all(b"\n")?;
            file.sync_all()
        };
        write().with_context(|| format!("{} cannot be written", path.display()))
    }

    /// The manifest of a backup, and its files with their checksums, if the list of them is whole.
    ///
    /// # Errors
    /// It is none, of a newer form, or damaged.
    pub(super) fn read(folder: &Path) -> anyhow::Result<(Self, Vec<(PathBuf, String)>)> {
        let path = folder.join(MANIFEST);
        let size = fs::metadata(&path).map(|file| file.len()).with_context(|| {
            format!("{} has no {MANIFEST}: it is no backup, or one that was cut off", folder.display())
        })?;
        ensure!(size <= MANIFEST_BYTES_MAX, "{} is no manifest", path.display());
        let text = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let manifest: Self =
            serde_json::from_slice(&text).with_context(|| format!("{} is no manifest", path.display()))?;
        let Self { form, program, .. } = &manifest;
        ensure!(*form <= FORM, "the backup was taken by version {program}; restore it with that one");
        let list = folder.join(CHECKSUMS);
        let whole = files::checksum(&list)?.hash == manifest.checksums;
        ensure!(whole, "{} was changed since the backup was taken", list.display());
        let lines = File::open(&list).with_context(|| format!("{} cannot be read", list.display()))?;
        let mut named = Vec::new();
        for line in BufReader::new(lines).lines() {
            let line = line.with_context(|| format!("{} cannot be read", list.display()))?;
            named.push(parse(&line).with_context(|| format!("{}: '{line}' names no file", list.display()))?);
        }
        Ok((manifest, named))
    }
}

/// A line of the checksums: 64 digits, two spaces, a path that stays in its folder.
fn parse(line: &str) -> Option<(PathBuf, String)> {
    let (hash, path) = line.split_once("  ")?;
    let path = PathBuf::from(path);
    let stays = path.components().all(|part| matches!(part, Component::Normal(_)));
    let is_hash = hash.len() == HASH_CHARS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (stays && is_hash && path.components().next().is_some()).then(|| (path, hash.to_owned()))
}

/// The file of checksums, while it is written.
pub(super) struct Checksums {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Checksums {
    pub(super) fn begin(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(CHECKSUMS);
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
        let file = BufWriter::new(file.with_context(|| format!("{} cannot be made", path.display()))?);
        Ok(Self { path, file })
    }

    /// # Errors
    /// The disk is full, or the path cannot stand on a line.
    pub(super) fn add(&mut self, path: &Path, hash: &str) -> anyhow::Result<()> {
        let name = path.to_str().filter(|name| !name.contains(char::is_control));
        let name = name.with_context(|| format!("{} is no file of Leafcutter", path.display()))?;
        writeln!(self.file, "{hash}  {name}")
            .with_context(|| format!("{} cannot be written", self.path.display()))
    }

    /// Has it on disk; gives its own checksum.
    fn finish(self) -> anyhow::Result<String> {
        let written = self.file.into_inner().map_err(|error| error.into_error());
        let synced = written.and_then(|file| file.sync_all());
        synced.with_context(|| format!("{} cannot be written", self.path.display()))?;
        Ok(files::checksum(&self.path)?.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_the_backup_is_refused() {
        let hash = "ab".repeat(32);
        assert_eq!(parse(&format!("{hash}  objects/a/b")), Some(("objects/a/b".into(), hash.clone())));
        for path in ["", "/etc/passwd", "../x", "objects/../../x", "./x"] {
            assert_eq!(parse(&format!("{hash}  {path}")), None, "{path}");
        }
        assert_eq!(parse("abc  events.db"), None);
    }

    #[test]
    fn a_list_that_was_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut checksums = Checksums::begin(folder.path()).unwrap();
        checksums.add(Path::new("events.db"), &"ab".repeat(32)).unwrap();
        Manifest::new(1, "now".to_owned()).write(folder.path(), checksums).unwrap();
        let (_, named) = Manifest::read(folder.path()).unwrap();
        assert_eq!(named, [("events.db".into(), "ab".repeat(32))]);
        fs::write(folder.path().join(CHECKSUMS), format!("{}  events.db\n", "cd".repeat(32))).unwrap();
        let refused = Manifest::read(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("changed"), "{refused}");
    }
}
