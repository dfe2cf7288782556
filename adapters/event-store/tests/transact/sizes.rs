//! Every append stays under the bound of the log, however many commands wait and however large they are.

use crate::{
    commands::{BATCH, report, start, submit},
    probe::Probe,
};
use leafcutter_domain::{
    ScrapeOptions,
    batch::{Batch, SubmitBatch},
    limits::{
        APPEND_BYTES_MAX, BATCH_URLS_MAX, METADATA_BYTES_MAX, PROMPT_CHARS_MAX, SCHEMA_BYTES_MAX,
        URL_CHARS_MAX,
    },
};
use leafcutter_event_store::{StoreError, Streams, TransactError};
use std::sync::{Arc, atomic::Ordering::SeqCst};
use tokio::task::JoinSet;

/// A batch of ten whose items all run.
async fn running(probe: &Arc<Probe>) -> Arc<Streams<Batch>> {
    let streams = probe.replica::<Batch>();
    let urls = (0..10).map(|item| format!("https://example.com/{item}")).collect();
    streams.transact(BATCH, submit(urls)).await.unwrap();
    for item in 0..10 {
        streams.transact(BATCH, start(item)).await.unwrap();
    }
    streams
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_do_not_fit_one_append_share_several() {
    let probe = Probe::start().await;
    let streams = running(&probe).await;
    let before = probe.appends();
    let held_up = probe.hold_up().await;
    let mut tasks = JoinSet::new();
    for item in 0..10 {
        let streams = Arc::clone(&streams);
        tasks.spawn(async move { streams.transact(BATCH, report(item, 200_000)).await });
    }
    probe.until_asked(before + 1).await;
    drop(held_up);
    for answer in tasks.join_all().await {
        assert!(answer.is_ok(), "{answer:?}");
    }
    assert!(probe.appends() >= before + 5, "at most two fit one append");
    assert!(probe.largest_append_bytes.load(SeqCst) <= APPEND_BYTES_MAX);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_fits_no_append_is_refused_alone() {
    let probe = Probe::start().await;
    let streams = running(&probe).await;
    let (small, large, other) = tokio::join!(
        streams.transact(BATCH, report(0, 100)),
        streams.transact(BATCH, report(1, APPEND_BYTES_MAX)),
        streams.transact(BATCH, report(2, 100)),
    );
    small.unwrap();
    other.unwrap();
    let Err(TransactError::Store(error)) = large else { panic!("{large:?}") };
    assert!(matches!(*error, StoreError::TooLarge { max: APPEND_BYTES_MAX, .. }), "{error:?}");
    assert!(probe.largest_append_bytes.load(SeqCst) <= APPEND_BYTES_MAX);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_submit_fits_one_append() {
    let probe = Probe::start().await;
    let text = |chars: usize| Some(serde_json::Value::String("s".repeat(chars - 2)));
    let largest = SubmitBatch {
        options: ScrapeOptions {
            prompt: Some("🐜".repeat(PROMPT_CHARS_MAX)),
            schema: text(SCHEMA_BYTES_MAX),
            ..ScrapeOptions::default()
        },
        metadata: text(METADATA_BYTES_MAX),
        ..submit(vec!["u".repeat(URL_CHARS_MAX); BATCH_URLS_MAX])
    };
    let committed = probe.replica::<Batch>().transact(BATCH, largest).await.unwrap();
    assert_eq!((committed.events.len(), committed.revision, probe.appends()), (51, Some(50), 1));
}
