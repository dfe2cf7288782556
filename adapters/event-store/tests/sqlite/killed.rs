//! `kill -9` while four writers append: what was acknowledged is there, and each append is whole or absent.

use crate::{
    child,
    support::{after, open, part, place, stream, whole},
};
use leafcutter_event_store::{EventStore, StreamName};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::Path,
    sync::Arc,
};
use tokio::task::JoinSet;

const KILLS: u64 = 5;
const SEED: u64 = 0x1eaf_c0de;
/// Acknowledgements before a kill: at least one, at most this many.
const ACKNOWLEDGED_MAX: u64 = 400;
const WRITERS: u64 = 4;
const PARTS: u64 = 3;
/// A child that is not killed ends by itself.
const APPENDS_MAX: u64 = 20_000;

fn name(writer: u64) -> StreamName {
    StreamName::new("writer", writer)
}

/// The child: goes on where the log ends and says each append that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_appends_until_it_is_killed() {
    let Some(folder) = child::folder() else { return };
    let store = Arc::new(open(&folder).await);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let last = store.last(&name(writer)).await.unwrap();
            let begun = last.map_or(0, |event| (event.revision + 1) / PARTS);
            for append in begun..begun + APPENDS_MAX {
                let new = (0..PARTS).map(|index| part(append, index, 500)).collect();
                store.append(&name(writer), after(append * PARTS), new).await.unwrap();
                child::say(&format!("{writer} {append}"));
            }
        });
    }
    writers.join_all().await;
}

/// Runs a child until it has said `lines` acknowledgements, kills it, and gives the last of each writer, those
/// included that it said before it died.
fn acknowledged_until_killed(folder: &Path, lines: u64) -> BTreeMap<u64, u64> {
    let mut process = child::command("killed::child_appends_until_it_is_killed", folder, "").spawn().unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let (mut acknowledged, mut count) = (BTreeMap::new(), 0);
    for line in output.lines().map_while(Result::ok) {
        let Some((writer, append)) = child::said(&line).and_then(|said| said.split_once(' ')) else {
            continue;
        };
        acknowledged.insert(writer.parse().unwrap(), append.parse().unwrap());
        count += 1;
        if count == lines {
            process.kill().unwrap();
        }
    }
    assert!(!process.wait().unwrap().success() && count >= lines, "killed after {count} lines");
    acknowledged
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_there_and_appends_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (mut random, mut kept) = (SEED, [0; WRITERS as usize]);
    for kill in 0..KILLS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let lines = (random >> 33) % ACKNOWLEDGED_MAX + 1;
        let acknowledged = acknowledged_until_killed(folder.path(), lines);
        let store = open(folder.path()).await;
        let mut events = 0;
        for (writer, kept) in (0..WRITERS).zip(&mut kept) {
            let stored = stream(&store, &name(writer)).await;
            let wanted = (0..stored.len() as u64).map(|event| (event / PARTS, event % PARTS));
            assert!(stored.iter().map(place).eq(wanted), "order, seed {SEED:#x}, kill {kill}");
            let appends = stored.len() as u64 / PARTS;
            assert_eq!(stored.len() as u64, appends * PARTS, "whole, seed {SEED:#x}, kill {kill}");
            let last = acknowledged.get(&writer).map_or(*kept, |last| last + 1);
            // At most the one append that was under way may be there without having been acknowledged.
            assert!(
                (last..=last + 1).contains(&appends),
                "{appends}, {last} said, seed {SEED:#x}, kill {kill}"
            );
            *kept = appends;
            events += stored.len();
        }
        assert_eq!(whole(&store).await.len(), events, "the global order has them all");
        store.close().await;
    }
}
