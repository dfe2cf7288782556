//! What the way over the broker adds: nobody may answer, or too late, or more than one could, and what travels is
//! kept nowhere.

use crate::{
    desk::{COOKIE, NotingDesk, claim, report},
    support::{Ends, connect, settings, soon, until},
};
use futures::StreamExt;
use leafcutter_dispatch::{
    ClaimAnswer, Dispatch, FailedPage, Outcome, WorkDesk,
    nats::{Nats, NatsDesk, NatsState, serve_desk},
};
use leafcutter_domain::{
    ErrorCode,
    limits::{FINAL_URL_CHARS_MAX, MESSAGE_CHARS_MAX},
};
use leafcutter_test_servers as servers;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

fn served(nats: &Nats, desk: &Arc<NotingDesk>) -> leafcutter_dispatch::nats::DeskServer {
    serve_desk(nats, Arc::clone(desk) as Arc<dyn WorkDesk>)
}

async fn answers(desk: &NatsDesk) {
    until("the desk to answer", async || desk.report(report(Outcome::PutBack)).await.is_ok()).await;
}

#[tokio::test]
async fn a_desk_that_nobody_serves_is_unavailable_at_once() {
    let server = servers::Nats::shared().await;
    let nats = connect(&settings(&server.url())).await;
    let begun = Instant::now();
    assert!(NatsDesk::new(&nats).claim(claim(1)).await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(4), "without waiting for the time-out");
}

#[tokio::test]
async fn a_desk_that_takes_too_long_is_unavailable() {
    let server = servers::Nats::shared().await;
    let nats = connect(&settings(&server.url())).await;
    let desk = Arc::new(NotingDesk::waiting());
    let _server = served(&nats, &desk);
    let way = NatsDesk::new(&nats);
    answers(&way).await;
    let hasty = way.answering_within(Duration::from_millis(200));
    assert!(hasty.claim(claim(1)).await.unwrap_err().to_string().contains("timed out"));
    desk.may_answer.add_permits(9);
    assert!(hasty.claim(claim(1)).await.is_ok(), "asking again is answered");
}

#[tokio::test]
async fn each_question_reaches_one_of_two_desks_and_one_is_enough() {
    let server = servers::Nats::shared().await;
    let settings = settings(&server.url());
    let (one, two, worker) = (connect(&settings).await, connect(&settings).await, connect(&settings).await);
    let desks = [Arc::new(NotingDesk::new()), Arc::new(NotingDesk::new())];
    let (first, _second) = (served(&one, &desks[0]), served(&two, &desks[1]));
    let way = NatsDesk::new(&worker);
    let asked = |desk: usize| desks[desk].claims.lock().unwrap().len();
    let mut questions = 0;
    until("both desks to be asked", async || {
        questions += usize::from(way.claim(claim(1)).await.is_ok());
        asked(0) > 0 && asked(1) > 0
    })
    .await;
    assert_eq!(asked(0) + asked(1), questions, "none is answered twice");
    first.shutdown().await;
    let before = asked(0);
    for _ in 0..20 {
        way.claim(claim(1)).await.unwrap();
    }
    assert_eq!(asked(0), before, "a desk that was shut down is asked no more");
}

#[tokio::test]
async fn a_desk_that_shuts_down_finishes_its_answers() {
    let server = servers::Nats::shared().await;
    let settings = settings(&server.url());
    let (api, worker) = (connect(&settings).await, connect(&settings).await);
    let desk = Arc::new(NotingDesk::waiting());
    let served = served(&api, &desk);
    let way = NatsDesk::new(&worker);
    answers(&way).await;
    let asking = tokio::spawn(async move { way.claim(claim(1)).await });
    until("the question to arrive", async || !desk.claims.lock().unwrap().is_empty()).await;
    let stopping = tokio::spawn(served.shutdown());
    desk.may_answer.add_permits(1);
    assert!(matches!(soon("the answer", asking).await.unwrap(), Ok(ClaimAnswer::Granted(_))));
    soon("the end", stopping).await.unwrap();
    assert!(NatsDesk::new(&worker).claim(claim(1)).await.is_err(), "nobody is there any more");
}

#[tokio::test]
async fn the_desk_is_there_again_after_the_broker_restarted() {
    let server = servers::Nats::start().await;
    let settings = settings(&server.url());
    let (api, worker) = (connect(&settings).await, connect(&settings).await);
    let desk = Arc::new(NotingDesk::new());
    let _server = served(&api, &desk);
    let way = NatsDesk::new(&worker);
    answers(&way).await;
    server.kill().await;
    until("the loss to be seen", async || worker.state() == NatsState::Disconnected).await;
    assert!(way.claim(claim(1)).await.is_err());
    server.restart().await;
    answers(&way).await;
}

#[tokio::test]
async fn the_desk_answers_into_inboxes_only() {
    let server = servers::Nats::shared().await;
    let settings = settings(&server.url());
    let nats = connect(&settings).await;
    let desk = Arc::new(NotingDesk::new());
    let _server = served(&nats, &desk);
    answers(&NatsDesk::new(&nats)).await;
    let stranger = async_nats::connect(server.url()).await.unwrap();
    let mut elsewhere = stranger.subscribe(format!("{}.offers", settings.prefix)).await.unwrap();
    let mut inbox = stranger.subscribe("_INBOX.stranger.1").await.unwrap();
    let subject = format!("{}.desk.0.claim", settings.prefix);
    let nonsense = || "nonsense".into();
    stranger
        .publish_with_reply(subject.clone(), format!("{}.offers", settings.prefix), nonsense())
        .await
        .unwrap();
    stranger.publish_with_reply(subject, "_INBOX.stranger.1", nonsense()).await.unwrap();
    let said = soon("the answer", inbox.next()).await.unwrap();
    assert!(String::from_utf8_lossy(&said.payload).contains("another version"));
    stranger.publish(format!("{}.offers", settings.prefix), "end".into()).await.unwrap();
    assert_eq!(soon("the end", elsewhere.next()).await.unwrap().payload, "end");
    assert!(desk.claims.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_page_that_leads_to_an_endless_address_is_reported_with_its_beginning() {
    let server = servers::Nats::shared().await;
    let nats = connect(&settings(&server.url())).await;
    let desk = Arc::new(NotingDesk::new());
    let _server = served(&nats, &desk);
    let way = NatsDesk::new(&nats);
    answers(&way).await;
    let endless = "ö".repeat(2_000_000);
    let outcome = Outcome::Failed(FailedPage {
        code: ErrorCode::Blocked,
        message: endless.clone(),
        final_url: Some(endless),
        http_status: None,
    });
    way.report(report(outcome)).await.unwrap();
    let arrived = desk.reports.lock().unwrap().pop().unwrap();
    let Outcome::Failed(page) = arrived.outcome else { panic!("another outcome") };
    assert_eq!(page.message.chars().count(), MESSAGE_CHARS_MAX);
    assert_eq!(page.final_url.unwrap().chars().count(), FINAL_URL_CHARS_MAX);
}

#[tokio::test]
async fn a_cookie_on_its_way_to_a_worker_is_in_no_file_and_no_stream_of_the_broker() {
    let server = servers::Nats::start().await;
    let ends = Ends::of(&settings(&server.url())).await;
    let desk = Arc::new(NotingDesk::new());
    let _server = served(&ends.api, &desk);
    let way = NatsDesk::new(&ends.worker);
    answers(&way).await;
    ends.dispatch.offer(crate::support::offer(1)).await.unwrap();
    let ClaimAnswer::Granted(assignment) = way.claim(claim(1)).await.unwrap() else { panic!("refused") };
    assert!(assignment.cookies.unwrap().reveal().starts_with(COOKIE));
    let jetstream = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let mut streams = jetstream.streams();
    while let Some(stream) = streams.next().await {
        let captured = stream.unwrap().config.subjects;
        assert_eq!(captured, [format!("{}.offers", ends.api.settings().prefix)]);
    }
    drop(ends);
    server.kill().await;
    let crumbs = COOKIE.trim_start_matches("session=").as_bytes();
    let files = files(server.folder());
    assert!(files.len() > 3, "the broker has written something: {files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(crumbs.len()).any(|part| part == crumbs), "{}", file.display());
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
