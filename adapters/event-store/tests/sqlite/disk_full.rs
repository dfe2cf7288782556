//! A disk that is full: appends fail, reads go on, and with room again everything acknowledged is there and
//! nothing else. The disk of the child is small because it may write no larger file than a limit.

use crate::{
    child,
    support::{after, open, part, place, stream, whole},
};
use leafcutter_event_store::{EventStore, SqliteEventStore, StoreError, StreamName};
use std::process::Output;

/// Blocks of 512 or 1,024 bytes, as the shell has it. The signal that a larger file would cause is ignored, so that
/// the write fails as on a full disk.
const LIMIT: &str = "trap '' 25; ulimit -f 4096";
/// More appends than fit below the limit.
const APPENDS_MAX: u64 = 1_000;
const PADDING_BYTES: usize = 20_000;

fn name() -> StreamName {
    StreamName::new("filler", 1)
}

/// Appends two events as append number `append`; whether they were kept. A full disk leaves no doubt about that.
async fn is_kept(store: &SqliteEventStore, append: u64, padding: usize) -> bool {
    let new = vec![part(append, 0, padding), part(append, 1, padding)];
    match store.append(&name(), after(append * 2), new).await {
        Ok(_) => true,
        Err(StoreError::Unavailable(_)) => false,
        Err(error) => panic!("{error:?}"),
    }
}

/// The child: appends until its disk is full, reads, tries again, and says what it saw.
#[tokio::test]
async fn child_fills_its_disk() {
    let Some(folder) = child::folder() else { return };
    let store = open(&folder).await;
    let mut kept = 0;
    while kept < APPENDS_MAX && is_kept(&store, kept, PADDING_BYTES).await {
        kept += 1;
    }
    child::say(&format!("full after {kept}"));
    for _ in 0..3 {
        assert!(!is_kept(&store, kept, PADDING_BYTES).await, "still full");
        assert_eq!(stream(&store, &name()).await.len() as u64, kept * 2, "reads go on");
        assert_eq!(whole(&store).await.len() as u64, kept * 2);
    }
    child::say(&format!("read {kept}"));
    store.close().await;
}

fn number(output: &Output, what: &str) -> u64 {
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.lines().filter_map(child::said).find_map(|said| said.strip_prefix(what));
    found.unwrap_or_else(|| panic!("no '{what}' in {text}")).parse().unwrap()
}

#[tokio::test]
async fn a_full_disk_loses_nothing_acknowledged_and_keeps_nothing_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = child::command("disk_full::child_fills_its_disk", folder.path(), LIMIT);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let full = number(&output, "full after ");
    assert!((1..APPENDS_MAX).contains(&full), "the disk was full after {full} appends");
    assert_eq!(number(&output, "read "), full);
    let store = open(folder.path()).await;
    for kept in 0..5 {
        let stored = stream(&store, &name()).await;
        let wanted = (0..(full + kept) * 2).map(|event| (event / 2, event % 2));
        assert!(stored.iter().map(place).eq(wanted), "everything acknowledged and nothing else");
        assert!(is_kept(&store, full + kept, PADDING_BYTES).await, "with room the log goes on");
    }
    store.close().await;
}
