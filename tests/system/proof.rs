//! A user who keeps heads, and an operator who rewrites the ledger: the very files of a service are changed while it
//! stands still, as whoever runs it could. Nothing that the service says of itself is believed.

use crate::{
    harness::{Home, Options, PATIENCE, Service, Site},
    sdk,
};
use leafcutter_domain::{
    AccountId, GrantId, Period,
    ledger::{Funds, Grant, Ledger},
};
use leafcutter_event_store::{EventStore, LedgerId, SqliteEventStore, StreamName, Streams};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use std::{fs, path::Path, process::Output, sync::Arc};
use tokio::time::timeout;
use uuid::Uuid;

/// The checker that shares no code with the service.
const CHECKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/check-ledger.py");

/// Runs a client command against a service.
async fn ask(service: &Service, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = service.home().command(None);
    command.env("LEAFCUTTER_SERVER", service.api.base()).env("LEAFCUTTER_API_KEY", service.api.key());
    let output: Output =
        timeout(PATIENCE, command.args(arguments).output()).await.expect("it does not end").unwrap();
    (output.status.code(), sdk::words(&output))
}

/// A service that has charged and refunded something, and the site that it scraped.
async fn scraped() -> (Service, Site) {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    scrape(&service, &site).await;
    (service, site)
}

async fn scrape(service: &Service, site: &Site) {
    let urls = [site.url("/ok/a"), site.url("/status/500"), site.url("/ok/b")];
    let batch = service.api.submit(&json!({"urls": urls, "scrapeMode": "fast"})).await;
    service.api.finished(&batch).await;
    service.api.settled().await;
}

/// Keeps a head as a user would, and tells it.
async fn keep_head(service: &Service, file: &Path) -> Value {
    let (code, answer) = ask(service, &["credits", "--json"]).await;
    assert_eq!(code, Some(0), "{answer}");
    let kept = fs::read_to_string(file).unwrap_or_default();
    fs::write(file, kept + &answer).unwrap();
    serde_json::from_str::<Value>(&answer).unwrap()["head"].take()
}

/// Cuts the end off a stream in the file of the log, and appends something else there, with the service's own code: a
/// chain without a fault.
async fn rewrite(home: &Home, stream: &str, from: u64) {
    let file = home.data().join("events.db");
    let mut log = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    let cut = sqlx::query("DELETE FROM events WHERE stream = $1 AND revision >= $2");
    let cut = cut.bind(stream).bind(i64::try_from(from).unwrap()).execute(&mut log).await.unwrap();
    assert!(cut.rows_affected() > 0);
    sqlx::query("DELETE FROM snapshots").execute(&mut log).await.unwrap();
    drop(log);
    let store: Arc<SqliteEventStore> = Arc::new(SqliteEventStore::open(&file).await.unwrap());
    let first = store.read(&StreamName::from(stream.to_owned()), 0, 1).await.unwrap();
    let opened: Value = serde_json::from_slice(&first[0].data).unwrap();
    let text = |field: &str| opened[field].as_str().unwrap().to_owned();
    let (account, period): (AccountId, Period) =
        (text("account").parse().unwrap(), text("period").parse().unwrap());
    let ledgers = Streams::<Ledger>::new(Arc::clone(&store) as _);
    for number in 0..cut.rows_affected() {
        let grant = GrantId(Uuid::from_u128(u128::from(number) + 1));
        let at = text("at").parse().unwrap();
        let grant = Grant { grant, funds: Funds::of(period, 1), released_by: None, at };
        ledgers.transact(LedgerId { account, period }, grant).await.unwrap();
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_ledger_is_valid_in_itself_and_caught_by_the_head_that_a_user_kept() {
    let (service, site) = scraped().await;
    let heads = service.home().folder().join("heads.json");
    let export = service.home().folder().join("ledger.jsonl");
    let (heads_file, export_file) = (heads.to_str().unwrap(), export.to_str().unwrap());
    keep_head(&service, &heads).await;
    scrape(&service, &site).await;
    let head = keep_head(&service, &heads).await;
    let (code, words) = ask(&service, &["credits", "verify"]).await;
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("valid: 9 events in 1 month") && words.contains("agree"), "{words}");
    let (code, words) = ask(&service, &["audit", "--from", heads_file]).await;
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("2 heads held against it; the oldest covers 5 events"), "{words}");
    let (code, words) = ask(&service, &["credits", "export", "--output", export_file]).await;
    assert_eq!(code, Some(0), "{words}");
    let home = service.stop().await;
    rewrite(&home, head["entries"][0]["stream"].as_str().unwrap(), 7).await;
    let service = home.start(&Options::for_site(site.address)).await;
    let (_, words) = ask(&service, &["credits", "verify"]).await;
    assert!(words.contains("valid: 9 events in 1 month"), "the chain alone does not tell: {words}");
    let (code, words) = ask(&service, &["audit", "--from", heads_file]).await;
    assert_eq!(code, Some(1), "{words}");
    assert!(
        words.contains("NOT proven: rewritten: at ") && words.contains("for event 8 of ledger-"),
        "{words}"
    );
    let (code, words) = ask(&service, &["audit", "--from", heads_file, "--export", export_file]).await;
    assert_eq!(code, Some(0), "what was exported before is still what was signed: {words}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_without_our_code_recomputes_the_chain_from_an_export() {
    let (service, _site) = scraped().await;
    let (code, export) = ask(&service, &["credits", "export"]).await;
    assert_eq!((code, export.lines().count()), (Some(0), 5), "{export}");
    let head = service.api.get("/api/credits").await.expect(200).body["head"]["entries"][0].clone();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.jsonl");
    let check = async |export: &str, flags: &[&str]| {
        fs::write(&file, export).unwrap();
        let output = sdk::python().arg(CHECKER).arg(&file).args(flags).output().await.unwrap();
        (output.status.code(), sdk::words(&output))
    };
    let text = |field: &str| head[field].as_str().unwrap();
    let line = format!("{} {} {}\n", text("stream"), head["revision"], text("hash"));
    assert_eq!(check(&export, &[]).await, (Some(0), line.clone()));
    let lines: Vec<&str> = export.lines().collect();
    let (code, words) = check(&export.replacen("\\\"amount\\\":1", "\\\"amount\\\":2", 1), &[]).await;
    assert!(code == Some(1) && words.contains("its hash or id is not that of its content"), "{words}");
    for (wrong, place) in [
        ([&lines[..2], &lines[3..]].concat(), "line 3, event 3 of"),
        ([lines[0], lines[2], lines[1], lines[3], lines[4]].to_vec(), "line 2, event 2 of"),
        (lines[1..].to_vec(), "line 1, event 1 of"),
    ] {
        let (code, words) = check(&wrong.join("\n"), &[]).await;
        assert!(code == Some(1) && words.contains(place), "{place}: {words}");
    }
    assert_eq!(check(&lines[1..].join("\n"), &["--part"]).await, (Some(0), line));
    service.stop().await;
}
