//! What is special about cookies at the broker: it never reads them and never writes them down, their end is in the
//! seal, the bucket is bounded, and the broker may go away.

use crate::support::{batch, connect, cookies, in_ms, name, settings, until};
use futures::TryStreamExt;
use leafcutter_dispatch::{Dispatch, Offer, nats::NatsDispatch};
use leafcutter_domain::limits::COOKIES_BYTES_MAX;
use leafcutter_secrets::{NatsSecrets, Secrets, SecretsError};
use leafcutter_test_servers as servers;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

const KEY: [u8; 32] = [7; 32];
const CRUMBS: &str = "CRUMBS-NEVER-ON-DISK";
const SMALL_BYTES: u64 = 1 << 20;

/// All messages of the bucket, as a stranger at the broker sees them.
async fn rows(url: &str, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let jetstream = async_nats::jetstream::new(async_nats::connect(url).await.unwrap());
    let stream = jetstream.get_stream(format!("KV_{prefix}-secrets")).await.unwrap();
    assert_eq!(stream.cached_info().config.storage, async_nats::jetstream::stream::StorageType::Memory);
    let subjects: Vec<_> = stream.info_with_subjects(">").await.unwrap().try_collect().await.unwrap();
    let mut rows = Vec::new();
    for (subject, count) in subjects {
        assert_eq!(count, 1, "no history");
        let row = stream.get_last_raw_message_by_subject(&subject).await.unwrap();
        rows.push((subject, row.payload.to_vec()));
    }
    rows
}

#[tokio::test]
async fn what_the_broker_holds_says_nothing_but_the_batch_and_goes_without_a_trace() {
    let server = servers::Nats::shared().await;
    let nats = connect(&settings(&server.url())).await;
    let secrets = NatsSecrets::holding(&nats, &KEY, SMALL_BYTES);
    secrets.keep(name(1, Some("fingerprint")), cookies(CRUMBS)).await.unwrap();
    let end = in_ms(60_000);
    secrets.forget_at(batch(1), Some(end)).await.unwrap();
    let prefix = &nats.settings().prefix;
    let held = rows(&server.url(), prefix).await;
    assert_eq!(held.len(), 2, "the cookies, and when to look at them");
    for (subject, value) in &held {
        assert!(subject.contains(&batch(1).to_string()), "{subject}");
        assert!(!subject.contains("fingerprint") && !subject.contains("CRUMBS"), "{subject}");
        assert!(!value.windows(6).any(|part| part == b"CRUMBS"));
    }
    secrets.erase_expired(end).await;
    assert_eq!(rows(&server.url(), prefix).await, []);
}

#[tokio::test]
async fn cookies_are_in_no_file_of_the_broker() {
    let server = servers::Nats::start().await;
    let nats = connect(&settings(&server.url())).await;
    let secrets = NatsSecrets::holding(&nats, &KEY, SMALL_BYTES);
    secrets.keep(name(1, None), cookies(CRUMBS)).await.unwrap();
    secrets.forget_at(batch(1), Some(in_ms(60_000))).await.unwrap();
    // Something else that the broker does write, so that it is seen to write at all.
    let offer = Offer { id: batch(1).0, batch: batch(1), items: vec![1], hosts: BTreeMap::new() };
    NatsDispatch::new(&nats).offer(offer).await.unwrap();
    let sealed = rows(&server.url(), &nats.settings().prefix).await;
    server.kill().await;
    let files = files(server.folder());
    assert!(files.len() > 2, "the broker has written something: {files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert!(!holds(CRUMBS.as_bytes()), "{}", file.display());
        for (_, value) in sealed.iter().filter(|(_, value)| !value.is_empty()) {
            assert!(!holds(value), "not even sealed: {}", file.display());
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn what_is_over_is_not_found_even_while_the_broker_still_holds_it() {
    let server = servers::Nats::shared().await;
    let nats = connect(&settings(&server.url())).await;
    let secrets = NatsSecrets::holding(&nats, &KEY, SMALL_BYTES);
    secrets.keep(name(1, None), cookies(CRUMBS)).await.unwrap();
    secrets.forget_at(batch(1), Some(in_ms(-1))).await.unwrap();
    assert_eq!(rows(&server.url(), &nats.settings().prefix).await.len(), 2);
    assert!(secrets.find(&name(1, None)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_row_that_somebody_put_back_or_moved_opens_no_more() {
    let server = servers::Nats::shared().await;
    let nats = connect(&settings(&server.url())).await;
    let secrets = NatsSecrets::holding(&nats, &KEY, SMALL_BYTES);
    secrets.keep(name(1, None), cookies(CRUMBS)).await.unwrap();
    secrets.keep(name(2, None), cookies("other=1")).await.unwrap();
    let held = rows(&server.url(), &nats.settings().prefix).await;
    let jetstream = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let (one, two) = (held[0].clone(), held[1].clone());
    for (subject, value) in [(one.0, two.1), (two.0, one.1)] {
        jetstream.publish(subject, value.into()).await.unwrap().await.unwrap();
    }
    for number in [1, 2] {
        assert!(secrets.find(&name(number, None)).await.unwrap().is_none(), "moved to another batch");
    }
}

#[tokio::test]
async fn replicas_share_the_cookies_and_need_the_same_key() {
    let server = servers::Nats::shared().await;
    let settings = settings(&server.url());
    let (one, two) = (connect(&settings).await, connect(&settings).await);
    let replica = |nats, key| NatsSecrets::holding(nats, key, SMALL_BYTES);
    let (first, second, stranger) = (replica(&one, &KEY), replica(&two, &KEY), replica(&two, &[8; 32]));
    first.keep(name(1, Some("r")), cookies(CRUMBS)).await.unwrap();
    assert!(second.find(&name(1, Some("r"))).await.unwrap() == Some(cookies(CRUMBS)));
    assert!(stranger.find(&name(1, Some("r"))).await.unwrap().is_none());
    let end = in_ms(60_000);
    first.forget_at(batch(1), Some(end)).await.unwrap();
    // The second has not looked yet, so it finds the end that the first has set.
    tokio::join!(first.erase_expired(end), second.erase_expired(end));
    assert_eq!(rows(&server.url(), &settings.prefix).await, []);
}

#[tokio::test]
async fn a_full_bucket_refuses_and_what_it_holds_can_still_be_given_an_end() {
    let server = servers::Nats::shared().await;
    let nats = connect(&settings(&server.url())).await;
    let secrets = NatsSecrets::holding(&nats, &KEY, 256 * 1024);
    let large = "c".repeat(COOKIES_BYTES_MAX);
    let mut kept = 0;
    let refused = loop {
        match secrets.keep(name(kept, None), cookies(&large)).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, SecretsError::Full(usize::try_from(kept).unwrap()));
    assert!(kept > 10, "only {kept} fit");
    let end = in_ms(60_000);
    for number in 0..kept {
        secrets.forget_at(batch(number), Some(end)).await.unwrap();
    }
    secrets.erase_expired(end).await;
    secrets.keep(name(kept, None), cookies(&large)).await.unwrap();
}

#[tokio::test]
async fn a_broker_that_is_away_is_told_from_cookies_that_are_gone() {
    let server = servers::Nats::start().await;
    let nats = connect(&settings(&server.url())).await;
    let secrets = NatsSecrets::holding(&nats, &KEY, SMALL_BYTES);
    secrets.keep(name(1, None), cookies(CRUMBS)).await.unwrap();
    server.kill().await;
    until("the loss to be seen", async || nats.check().await.is_err()).await;
    let away = |error| matches!(error, SecretsError::Unavailable(_));
    assert!(secrets.find(&name(1, None)).await.is_err_and(away));
    assert!(secrets.keep(name(2, None), cookies(CRUMBS)).await.is_err_and(away));
    assert!(secrets.forget_at(batch(1), None).await.is_err_and(away));
    secrets.forget(&name(1, None)).await;
    secrets.erase_expired(in_ms(0)).await;
    server.restart().await;
    until("connecting again", async || nats.check().await.is_ok()).await;
    assert!(secrets.find(&name(1, None)).await.unwrap().is_none(), "its memory is gone");
    secrets.keep(name(1, None), cookies(CRUMBS)).await.unwrap();
    assert!(secrets.find(&name(1, None)).await.unwrap().is_some(), "and works again");
}
