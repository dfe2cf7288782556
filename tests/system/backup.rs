//! Backup and restore, as an operator does them: the backup beside a service that is busy, the restore after its data
//! is lost. Balances, answers and proofs are the same, and what ran goes on.

use crate::harness::{Api, Home, Options, PATIENCE, Service, Site, count, eventually, items};
use serde_json::{Value, json};
use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
    process::Output,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::time::timeout;

/// Batches that the load submits before the backup begins.
const BATCHES_BEFORE: usize = 3;

async fn run(home: &Home, arguments: &[&str]) -> Output {
    let mut command = home.command(None);
    command.env("LEAFCUTTER_DATA_DIR", home.data()).args(arguments);
    timeout(PATIENCE, command.output()).await.expect("it does not end").unwrap()
}

/// Runs a command that must succeed.
async fn done(home: &Home, arguments: &[&str]) {
    let output = run(home, arguments).await;
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs a command that must be refused in one line with this word.
async fn refused(home: &Home, arguments: &[&str], word: &str) {
    let output = run(home, arguments).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}: {said}");
    assert!(said.lines().count() == 1 && said.contains(word), "{arguments:?}: {said}");
}

/// What an account is told of one of its batches and of its credits, wherever the service listens.
async fn told(api: &Api, batch: &str) -> [Value; 4] {
    let status = api.status(batch).await.to_string().replace(api.base(), "");
    let screenshot = api.get(&format!("/api/batch/scrape/{batch}/items/0/screenshot")).await.expect(200).body;
    let credits = api.get("/api/credits").await.expect(200).body;
    let verified = api.get("/api/credits/verify").await.expect(200).body;
    assert_eq!(
        (&verified["valid"], &verified["readModel"]["agrees"]),
        (&json!(true), &json!(true)),
        "{verified}"
    );
    [
        serde_json::from_str(&status).unwrap(),
        screenshot,
        credits["spent"].clone(),
        verified["head"]["hash"].clone(),
    ]
}

/// Submits one batch after another until it is told to stop; gives those that were taken.
async fn load(api: &Api, body: &Value, stop: &AtomicBool, taken: &Mutex<Vec<String>>) {
    while !stop.load(Ordering::SeqCst) {
        let batch = api.submit(body).await;
        taken.lock().unwrap().push(batch.clone());
        api.finished(&batch).await;
    }
}

/// Takes a backup once the load is there; gives the batches that it must hold.
async fn backup_under_load(service: &Service, body: &Value, backup: &str) -> Vec<String> {
    let (stop, taken) = (AtomicBool::new(false), Mutex::new(Vec::<String>::new()));
    let taking = async {
        let loaded = async || (taken.lock().unwrap().len() > BATCHES_BEFORE).then_some(());
        eventually("the service is busy", PATIENCE, loaded).await;
        let sure = taken.lock().unwrap().clone();
        done(service.home(), &["backup", backup]).await;
        stop.store(true, Ordering::SeqCst);
        sure
    };
    let ((), sure) = tokio::join!(load(&service.api, body, &stop, &taken), taking);
    sure
}

/// The service loses its data; the backup takes their place.
async fn lose_and_restore(service: Service, backup: &str, options: &Options) -> Service {
    let home = service.kill().await;
    fs::rename(home.data(), home.folder().join("lost")).unwrap();
    done(&home, &["restore", backup]).await;
    refused(&home, &["restore", backup], "not empty").await;
    home.start(options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_busy_service_has_the_same_answers_and_ends_what_ran() {
    let site = Site::open().await;
    // Two slots are held by pages that wait, the third has work to do.
    let options = Options::for_site(site.address).env("LEAFCUTTER_CONCURRENCY", "3");
    let service = Service::start(&options).await;
    let quiet = service.api.another_account(500).await;
    let settled = quiet.submit(&json!({"urls": site.ok_urls(2), "screenshot": true})).await;
    quiet.finished(&settled).await;
    quiet.settled().await;
    let running = service.api.submit(&json!({"urls": vec![site.url("/gate/a"); 2]})).await;
    eventually("a page is open", PATIENCE, async || (site.visits("/gate/a") > 0).then_some(())).await;
    let backup = service.home().folder().join("backup");
    let backup = backup.to_str().unwrap();
    let body = json!({"urls": site.ok_urls(5), "scrapeMode": "fast"});
    let in_backup = backup_under_load(&service, &body, backup).await;
    refused(service.home(), &["backup", backup], "not empty").await;
    let before = told(&quiet, &settled).await;
    let service = lose_and_restore(service, backup, &options).await;
    let quiet = service.api.with_key(quiet.key());
    assert_eq!(told(&quiet, &settled).await, before);
    site.open_gate("a");
    for batch in in_backup.iter().chain([&running]) {
        let status = service.api.finished(batch).await;
        assert_eq!(count(&status, "completed"), items(&status).len(), "{status}");
        assert!(items(&status).iter().all(|item| item["result"].is_string()), "{status}");
    }
    let credits = service.api.settled().await;
    assert_eq!(credits.granted, credits.available + credits.spent);
    let verified = service.api.get("/api/credits/verify").await.expect(200).body;
    assert_eq!((&verified["valid"], &verified["readModel"]["agrees"]), (&json!(true), &json!(true)));
    service.stop().await;
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_changed_is_not_restored_and_servers_are_not_backed_up() {
    let service = Service::start(&Options::default()).await;
    let home = service.stop().await;
    let backup = home.folder().join("backup");
    let name = backup.to_str().unwrap();
    let with_server = ["backup", name, "--event-store", "esdb://localhost:2113"];
    refused(&home, &with_server, "EventStoreDB").await;
    refused(&home, &["backup", name, "--objects", "s3://bucket"], "LEAFCUTTER_OBJECTS").await;
    refused(&home, &["backup", name, "--data-dir", "/nonexistent"], "--data-dir").await;
    let inside = home.data().join("backup");
    refused(&home, &["backup", inside.to_str().unwrap()], "in the data directory").await;
    assert!(!inside.exists());
    let strange = home.data().join("objects").join(OsStr::from_bytes(b"\xff"));
    fs::write(&strange, "").unwrap();
    refused(&home, &["backup", name], "is no file of Leafcutter").await;
    assert!(!backup.exists(), "what is no backup does not stay");
    fs::remove_file(strange).unwrap();
    done(&home, &["backup", name]).await;
    for secret in ["service.key", "api-key", "events.db", "manifest.json"] {
        assert_eq!(mode(&backup.join(secret)), 0o600, "{secret}");
    }
    assert_eq!(mode(&backup), 0o700);
    let new = home.folder().join("new");
    let restore = ["restore", name, "--data-dir", new.to_str().unwrap()];
    refused(&home, &["restore", home.folder().to_str().unwrap(), "--data-dir", restore[3]], "no backup")
        .await;
    let log = backup.join("events.db");
    let (whole, mut changed) = (fs::read(&log).unwrap(), fs::read(&log).unwrap());
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&log, changed).unwrap();
    refused(&home, &restore, "events.db was changed").await;
    assert!(!new.exists(), "nothing is put in place");
    fs::remove_file(&log).unwrap();
    refused(&home, &restore, "missing in the backup").await;
    fs::write(&log, whole).unwrap();
    done(&home, &restore).await;
    assert_eq!((mode(&new), mode(&new.join("service.key"))), (0o700, 0o600));
    assert!(!new.join("restoring").exists());
}
