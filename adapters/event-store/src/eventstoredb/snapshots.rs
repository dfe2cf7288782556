//! Snapshots: the last event of a stream beside the stream, which keeps only one. No subscription sees them, since
//! their streams have another beginning.

use super::{
    append::{Append, append},
    events::{BYTES, JSON},
    failure::Failure,
    link::Link,
    read,
};
use crate::{NewEvent, Snapshot, StreamName};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Beside a snapshot.
#[derive(Serialize, Deserialize)]
struct Beside {
    revision: u64,
}

fn beside(stream: &StreamName) -> String {
    format!("snapshot-{stream}")
}

pub(super) async fn load(link: &Link, stream: &StreamName) -> Result<Option<Snapshot>, Failure> {
    let Some(last) = read::last(link, &beside(stream)).await? else { return Ok(None) };
    // One that cannot be read is none: a snapshot is only a shortcut.
    let beside = serde_json::from_slice::<Beside>(&last.metadata).ok();
    Ok(beside.map(|Beside { revision }| Snapshot { revision, state: last.data }))
}

pub(super) async fn save(link: &Link, stream: &StreamName, snapshot: Snapshot) -> Result<(), Failure> {
    let name = beside(stream);
    if read::last(link, &name).await?.is_none() {
        keep_only_one(link, &name).await?;
    }
    let metadata = format!("{{\"revision\":{}}}", snapshot.revision).into_bytes();
    // An id of its own for each: where nothing is expected, the server leaves out ids that it has seen lately.
    let event = NewEvent { id: Uuid::new_v4(), name: "Snapshot", data: snapshot.state, metadata };
    append(link, Append { stream: &name, expected: None, events: vec![event], content_type: BYTES }).await?;
    Ok(())
}

/// Tells the server to hide all but the newest event. The id is derived, so that doing it twice is doing it once.
async fn keep_only_one(link: &Link, snapshots: &str) -> Result<(), Failure> {
    let rules = format!("$${snapshots}");
    let event = NewEvent {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, rules.as_bytes()),
        name: "$metadata",
        data: b"{\"$maxCount\":1}".to_vec(),
        metadata: b"{}".to_vec(),
    };
    append(link, Append { stream: &rules, expected: None, events: vec![event], content_type: JSON }).await?;
    Ok(())
}
