//! The operator's commands on the read models, beside a service that goes on: whoever submits and reads meanwhile
//! notices nothing.

use crate::harness::{ADMIN_TOKEN, Home, Options, PATIENCE, Service, Site, count, eventually};
use leafcutter_read_models::ReadModels;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use std::{
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{task::JoinSet, time::timeout};

/// Clients that submit at a time.
const CLIENTS: u64 = 4;

/// Runs a command of the operator to its end, on the data of this home.
async fn run(home: &Home, server: &str, arguments: &[&str]) -> Output {
    let mut command = home.command(None);
    command.env("LEAFCUTTER_DATA_DIR", home.data()).env("LEAFCUTTER_SERVER", server);
    command.env("LEAFCUTTER_ADMIN_TOKEN", ADMIN_TOKEN).args(arguments);
    timeout(PATIENCE * 2, command.output()).await.expect("it does not end").unwrap()
}

/// The same, for a command that must succeed; gives what it printed.
async fn done(service: &Service, arguments: &[&str]) -> String {
    let output = run(service.home(), service.api.base(), arguments).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{arguments:?}: {}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Submits batches one after another, and looks at each at once.
async fn submit_and_look(service: Arc<Service>, body: Value, batches: u64, submitted: Arc<AtomicU64>) {
    for _ in 0..batches {
        let batch = service.api.submit(&body).await;
        submitted.fetch_add(1, Ordering::SeqCst);
        let status = service.api.get(&format!("/api/batch/scrape/{batch}")).await.expect(200).body;
        assert_eq!(status["totalUrls"], 1, "{status}");
    }
}

/// Reads the list again and again until it holds `until` batches. It never fails, never goes backwards, and never lacks
/// what was submitted before it was asked for.
async fn read_the_list(service: Arc<Service>, until: u64, submitted: Arc<AtomicU64>) {
    let mut total = 0;
    while total < until {
        let before = submitted.load(Ordering::SeqCst);
        let list = service.api.get("/api/batch/scrape?limit=5").await.expect(200).body;
        let found = list["pagination"]["total"].as_u64().unwrap();
        assert!(found >= total.max(before), "{found} batches after {total}, and {before} were submitted");
        total = found;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_are_rebuilt_and_swapped_while_a_thousand_batches_are_submitted_and_read() {
    let batches = 1_000;
    let site = Site::open().await;
    let options = Options::for_site(site.address).env("LEAFCUTTER_PENDING_BATCHES", "2000");
    let service = Arc::new(Service::start(&options).await);
    let body = json!({"urls": [site.url("/ok/a")], "scrapeMode": "fast"});
    let (submitted, mut clients) = (Arc::new(AtomicU64::new(0)), JoinSet::new());
    for _ in 0..CLIENTS {
        let (service, submitted) = (Arc::clone(&service), Arc::clone(&submitted));
        clients.spawn(submit_and_look(service, body.clone(), batches / CLIENTS, submitted));
    }
    clients.spawn(read_the_list(Arc::clone(&service), batches, Arc::clone(&submitted)));
    let swapped = done(&service, &["projections", "rebuild", "--swap"]).await;
    assert!(swapped.contains("all the same") && swapped.contains("version 2 is live"), "{swapped}");
    done(&service, &["projections", "rollback"]).await;
    done(&service, &["projections", "rebuild"]).await;
    done(&service, &["projections", "verify"]).await;
    done(&service, &["projections", "swap"]).await;
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    let list = done(&service, &["projections", "list"]).await;
    assert!(list.contains("live") && list.contains("previous"), "{list}");
    assert!(done(&service, &["projections", "verify"]).await.contains("all the same"));
    Arc::into_inner(service).expect("all clients are done").stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_is_killed_goes_on_and_two_at_once_are_refused() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let batch = service.api.submit(&json!({"urls": site.ok_urls(3), "scrapeMode": "fast"})).await;
    service.api.finished(&batch).await;
    let mut killed = service.home().command(None);
    killed
        .env("LEAFCUTTER_DATA_DIR", service.home().data())
        .env(leafcutter_crash_points::VARIABLE, "checkpoint:1");
    let ended = timeout(PATIENCE, killed.args(["projections", "rebuild"]).output()).await.unwrap().unwrap();
    assert!(!ended.status.success());
    let states = done(&service, &["projections", "list"]).await;
    assert!(states.contains("building"), "{states}");
    let lock = std::fs::File::open(service.home().data().join("projections.lock")).unwrap();
    lock.lock().unwrap();
    let refused = run(service.home(), service.api.base(), &["projections", "rebuild"]).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another command"));
    drop(lock);
    let swapped = done(&service, &["projections", "rebuild", "--swap"]).await;
    assert!(swapped.contains("version 2 is live"), "{swapped}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_event_holds_its_batch_until_the_operator_decides() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let body = json!({"urls": site.ok_urls(2), "scrapeMode": "fast"});
    let (bad, good) = (service.api.submit(&body).await, service.api.submit(&body).await);
    service.api.finished(&bad).await;
    service.api.finished(&good).await;
    let home = service.stop().await;
    let log = format!("sqlite://{}", home.data().join("events.db").display());
    let mut events = SqliteConnection::connect(&log).await.unwrap();
    let stream = format!("batch-{bad}");
    let damaged = "UPDATE events SET data = '{}' WHERE stream = $1 AND name = 'ItemStarted' AND revision = 3";
    assert_eq!(sqlx::query(damaged).bind(&stream).execute(&mut events).await.unwrap().rows_affected(), 1);
    events.close().await.unwrap();
    let service = home.start(&Options::for_site(site.address)).await;
    let built = run(service.home(), service.api.base(), &["projections", "rebuild", "--swap"]).await;
    assert_eq!(built.status.code(), Some(1), "the built version lacks what is held");
    done(&service, &["projections", "swap"]).await;
    let listed = done(&service, &["projections", "quarantine", "list"]).await;
    assert!(listed.contains(&bad), "{listed}");
    eventually("health tells of it", PATIENCE, async || {
        let health = service.api.get("/health/ready").await.expect(200).body;
        let told = health["notes"][0].as_str()?.contains("streams in quarantine: 1");
        told.then_some(())
    })
    .await;
    done(&service, &["projections", "quarantine", "retry", &stream]).await;
    done(&service, &["projections", "quarantine", "skip", &stream, "--reason", "a damaged disk"]).await;
    let path = format!("/api/batch/scrape/{bad}");
    let status = eventually("the batch is told again", PATIENCE, async || {
        let answer = service.api.get(&path).await;
        (answer.status == 200).then_some(answer.body)
    });
    assert_eq!(count(&status.await, "completed"), 2);
    let refused =
        run(service.home(), service.api.base(), &["projections", "quarantine", "retry", "batch-x"]).await;
    assert_eq!(refused.status.code(), Some(2));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_writes_what_was_so_at_a_position_in_the_log() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let body = json!({"urls": site.ok_urls(1), "scrapeMode": "fast"});
    let first = service.api.submit(&body).await;
    service.api.finished(&first).await;
    service.api.settled().await;
    let status = done(&service, &["projections", "status"]).await;
    let position = status.lines().find_map(|line| line.strip_prefix("log: position ")).unwrap().to_owned();
    let second = service.api.submit(&body).await;
    service.api.finished(&second).await;
    let to = service.home().folder().join("then");
    done(&service, &["replay", "--until", &position, "--to", to.to_str().unwrap()]).await;
    let models = ReadModels::open(&to.join("read-models.db")).await.unwrap();
    assert!(models.batch(first.parse().unwrap()).await.unwrap().is_some());
    assert!(models.batch(second.parse().unwrap()).await.unwrap().is_none());
    models.close().await;
    let before = service.home().folder().join("before");
    for (until, to, code, word) in [
        ("2000-01-01T00:00:00Z", &to, 2, "is not empty"),
        ("9999-01-01T00:00:00Z", &before, 2, "is yet to come"),
        ("2000-01-01T00:00:00Z", &before, 0, "what had happened by 2000-01-01T00:00:00.000Z"),
    ] {
        let arguments = ["replay", "--until", until, "--to", to.to_str().unwrap()];
        let replayed = run(service.home(), service.api.base(), &arguments).await;
        let said = String::from_utf8_lossy(&[&replayed.stdout[..], &replayed.stderr].concat()).into_owned();
        assert!(replayed.status.code() == Some(code) && said.contains(word), "{said}");
    }
    service.stop().await;
}
