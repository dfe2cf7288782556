//! The history that the first released form was written in, replayed: the rows that it gives are kept in
//! `first_release.rows`. A change of the read models changes them: remove the file, run with
//! `LEAFCUTTER_WRITE_GOLDEN=1`, and see in the difference that nothing else has changed. Not here: the form of events.

use crate::support::{World, rows};
use leafcutter_event_store::{EventStore, Expected, NewEvent, SqliteEventStore};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{fs, path::Path};
use uuid::Uuid;

#[derive(Deserialize)]
struct Line<'a> {
    stream: String,
    revision: u64,
    id: Uuid,
    name: String,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow)]
    metadata: &'a RawValue,
}

/// Appends the history to an empty log, in its order and byte for byte.
async fn import(log: &SqliteEventStore, history: &str) {
    for line in history.lines() {
        let Line { stream, revision, id, name, data, metadata } = serde_json::from_str(line).unwrap();
        let expected = revision.checked_sub(1).map_or(Expected::NoStream, Expected::Revision);
        let (data, metadata) = (data.get().into(), metadata.get().into());
        let event = NewEvent { id, name: name.leak(), data, metadata };
        log.append(&stream.into(), expected, vec![event]).await.unwrap();
    }
}

pub(crate) async fn a_history_of_the_first_release_gives_the_rows_that_are_kept_beside_it(world: World) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let history = here.join("../adapters/event-store/golden/history-v1.jsonl");
    import(&world.log, &fs::read_to_string(history).unwrap()).await;
    let projector = world.project();
    world.applied().await;
    projector.shutdown().await;
    assert_eq!(world.models.quarantined().await.unwrap(), []);
    let told = rows(&world.models).await.join("\n") + "\n";
    let kept = here.join("tests/suite/first_release.rows");
    if !kept.exists() && std::env::var("LEAFCUTTER_WRITE_GOLDEN").is_ok_and(|value| value == "1") {
        fs::write(&kept, &told).unwrap();
    }
    let kept = fs::read_to_string(&kept).unwrap();
    for (told, kept) in told.lines().zip(kept.lines()) {
        assert_eq!(
            told, kept,
            "another row than before; if the read models have changed, see the top of this file"
        );
    }
    assert_eq!(told.lines().count(), kept.lines().count());
}
