//! The golden files: each sample against its file, each file against a sample. Not here: the samples, which are in
//! a file per aggregate.

use crate::{account, batch, ledger, metadata};
use leafcutter_domain::DomainEvent;
use leafcutter_event_store::{Position, StoredEvent, StreamName, decode};
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

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/v1")
}

/// Compares with a golden file; writes it when it is missing and may be written.
pub(crate) fn compare(folder: &Path, stem: &str, bytes: &[u8], may_write: bool) -> Result<(), String> {
    let path = folder.join(format!("{stem}.json"));
    match fs::read(&path) {
        Ok(pinned) if pinned == bytes => Ok(()),
        Ok(pinned) => Err(format!(
            "{stem} is written in another form than before. Stored events are never edited: raise the version, \
             write the new form to a new folder and upcast this one.\n was: {}\n now: {}",
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
        compare(&folder(), stem, &event.encode(), may_write()).unwrap_or_else(|error| panic!("{error}"));
        let stored = StoredEvent {
            position: Position::START,
            stream: StreamName::new("golden", stem),
            revision: 0,
            id: Uuid::nil(),
            name: event.name().to_owned(),
            data: fs::read(folder().join(format!("{stem}.json"))).unwrap(),
            metadata: serde_json::to_vec(&metadata::chained()).unwrap(),
        };
        let (decoded, beside) = decode::<E>(&stored).unwrap();
        assert_eq!((&decoded, beside), (event, metadata::chained()), "{stem}");
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
fn metadata_is_written_as_its_golden_files_say() {
    for (stem, metadata) in [("Metadata", metadata::chained()), ("Metadata.min", metadata::plain())] {
        let bytes = serde_json::to_vec(&metadata).unwrap();
        compare(&folder(), stem, &bytes, may_write()).unwrap_or_else(|error| panic!("{error}"));
    }
}

fn stems<E>(samples: Vec<Sample<E>>) -> impl Iterator<Item = String> {
    samples.into_iter().map(|(stem, _)| stem.to_owned())
}

#[test]
fn every_event_has_a_golden_file_and_every_golden_file_a_sample() {
    let files: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap().replace(".json", ""))
        .collect();
    for name in [batch::NAMES, ledger::NAMES, account::NAMES].concat() {
        assert!(files.contains(name), "{name} has no golden file");
    }
    let sampled = stems(batch::samples()).chain(stems(ledger::samples())).chain(stems(account::samples()));
    let beside = ["Metadata", "Metadata.min"].map(str::to_owned);
    assert_eq!(files, sampled.chain(beside).collect::<BTreeSet<String>>());
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
