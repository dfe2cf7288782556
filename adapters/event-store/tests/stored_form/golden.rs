//! The golden files, a folder for each version of the stored form: each sample against the file of today's version,
//! and what each version has written against the sample. Not here: the samples, which are in a file per aggregate.

use crate::{account, batch, ledger, metadata, price_lists, quarantine};
use leafcutter_domain::DomainEvent;
use leafcutter_event_store::{Metadata, Position, StoredEvent, StreamName, decode};
use std::{
    collections::BTreeSet,
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// A file's name without `.json`, and the event in it.
pub(crate) type Sample<E> = (&'static str, E);

/// Lists the events of an aggregate. The match has no other arm, so that a new event breaks the build here until
/// it is listed, and then the tests until it has a sample and a file.
macro_rules! every {
    ($enum:ident: $($name:ident),+ $(,)?) => {
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),+];
        const _: fn(&$enum) = |event| match event { $($enum::$name(_) => ()),+ };
    };
}
pub(crate) use every;

/// The version that is written now.
pub(crate) const VERSION: u32 = 2;

fn folder(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/v{version}"))
}

/// Compares with a golden file; writes it when it is missing and may be written.
pub(crate) fn compare(folder: &Path, stem: &str, bytes: &[u8], may_write: bool) -> Result<(), String> {
    let path = folder.join(format!("{stem}.json"));
    match fs::read(&path) {
        Ok(pinned) if pinned == bytes => Ok(()),
        Ok(pinned) => Err(format!(
            "{stem} is written in another form than before. Stored events are never edited: raise the version, \
             let the new folder be written, and upcast this form.\n was: {}\n now: {}",
            String::from_utf8_lossy(&pinned),
            String::from_utf8_lossy(bytes)
        )),
        Err(_) if may_write => fs::write(&path, bytes).map_err(|error| error.to_string()),
        Err(_) => Err(format!("{stem} has no golden file; LEAFCUTTER_WRITE_GOLDEN=1 writes it")),
    }
}

fn may_write() -> bool {
    std::env::var("LEAFCUTTER_WRITE_GOLDEN").is_ok_and(|value| value == "1")
}

fn check<E: DomainEvent + PartialEq + Debug>(samples: &[Sample<E>]) {
    for (stem, event) in samples {
        assert_eq!(stem.split('.').next(), Some(event.name()), "a file is named after its event");
        let bytes = event.encode();
        compare(&folder(VERSION), stem, &bytes, may_write()).unwrap_or_else(|error| panic!("{error}"));
        for version in 1..=VERSION {
            if let Ok(data) = fs::read(folder(version).join(format!("{stem}.json"))) {
                let beside = metadata::chained(version);
                let read = decode::<E>(&stored(event.name(), data, &beside)).unwrap();
                assert_eq!((&read.0, read.1), (event, beside), "{stem} of version {version}");
            }
        }
    }
}

fn stored(name: &str, data: Vec<u8>, beside: &Metadata) -> StoredEvent {
    StoredEvent {
        position: Position::START,
        stream: StreamName::new("golden", name),
        revision: 0,
        id: Uuid::nil(),
        name: name.to_owned(),
        data,
        metadata: serde_json::to_vec(beside).unwrap(),
    }
}

#[test]
fn batch_events_are_read_and_written_as_their_golden_files_say() {
    check(&batch::samples());
}

#[test]
fn ledger_events_are_read_and_written_as_their_golden_files_say() {
    check(&ledger::samples());
}

#[test]
fn account_events_are_read_and_written_as_their_golden_files_say() {
    check(&account::samples());
}

#[test]
fn quarantine_events_are_read_and_written_as_their_golden_files_say() {
    check(&quarantine::samples());
}

#[test]
fn price_list_events_are_read_and_written_as_their_golden_files_say() {
    check(&price_lists::samples());
}

#[test]
fn metadata_is_written_and_read_as_its_golden_files_say() {
    for version in 1..=VERSION {
        let (chained, plain) = (metadata::chained(version), metadata::plain(version));
        for (stem, beside) in [("Metadata", chained), ("Metadata.min", plain)] {
            let bytes = serde_json::to_vec(&beside).unwrap();
            compare(&folder(version), stem, &bytes, may_write()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(serde_json::from_slice::<Metadata>(&bytes).unwrap(), beside);
        }
    }
}

fn stems<E>(samples: Vec<Sample<E>>) -> impl Iterator<Item = String> {
    samples.into_iter().map(|(stem, _)| stem.to_owned())
}

fn files(version: u32) -> BTreeSet<String> {
    fs::read_dir(folder(version))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap().replace(".json", ""))
        .collect()
}

#[test]
fn every_event_has_a_golden_file_and_every_golden_file_a_sample() {
    let today = files(VERSION);
    for name in [batch::NAMES, ledger::NAMES, account::NAMES, quarantine::NAMES, price_lists::NAMES].concat()
    {
        assert!(today.contains(name), "{name} has no golden file");
    }
    let sampled = stems(batch::samples()).chain(stems(ledger::samples())).chain(stems(account::samples()));
    let sampled = sampled.chain(stems(quarantine::samples())).chain(stems(price_lists::samples()));
    let beside = ["Metadata", "Metadata.min"].map(str::to_owned);
    assert_eq!(today, sampled.chain(beside).collect::<BTreeSet<String>>());
    for version in 1..VERSION {
        let unread: Vec<_> = files(version).difference(&today).cloned().collect();
        assert!(unread.is_empty(), "nobody reads {unread:?} of version {version}");
    }
}

#[test]
fn a_golden_file_is_written_once_and_never_changed() {
    let folder = tempfile::tempdir().unwrap();
    let read = || fs::read(folder.path().join("Found.json")).unwrap();
    assert!(compare(folder.path(), "Found", b"{\"leaf\":1}", false).unwrap_err().contains("WRITE_GOLDEN"));
    compare(folder.path(), "Found", b"{\"leaf\":1}", true).unwrap();
    compare(folder.path(), "Found", b"{\"leaf\":1}", false).unwrap();
    assert!(compare(folder.path(), "Found", b"{\"leaf\":2}", true).unwrap_err().contains("never edited"));
    assert_eq!(read(), b"{\"leaf\":1}");
}
