//! What the EventStoreDB adapter must survive of its server, one case for each way in which it was seen or said to
//! fail. Not here: the contract.

use crate::support::{after, collect, event, events, holds, kept, stream, within_deadline};
use leafcutter_event_store::{EventStore, EventStoreDb, NewEvent, Position, Snapshot, StoreError};
use leafcutter_eventstoredb_stand_in::{End, Fault, Options, StandIn, loopback_certificate};
use std::{sync::Arc, time::Duration};
use tonic::Code;

fn open(connection_string: &str) -> Arc<EventStoreDb> {
    Arc::new(EventStoreDb::open(connection_string).unwrap())
}

async fn started() -> (StandIn, Arc<EventStoreDb>) {
    let server = StandIn::start().await.unwrap();
    let store = open(&server.connection_string());
    (server, store)
}

/// Everything that an error says, down to its last source.
fn words(error: &StoreError) -> String {
    let mut words = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        words = format!("{words} {error}");
        source = error.source();
    }
    words
}

/// Appends one event after another and repeats each, with its id, until it is known to be kept.
async fn append_all(store: Arc<EventStoreDb>, name: &'static str, new: Vec<NewEvent>) {
    for (index, one) in new.into_iter().enumerate() {
        loop {
            match store.append(&stream(name), after(index), vec![one.clone()]).await {
                Ok(_) => break,
                Err(StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_is_absent_at_start_is_found_when_it_comes() {
    let server = StandIn::start().await.unwrap();
    server.kill().await;
    let store = open(&format!("{}&maxDiscoverAttempts=2&discoveryInterval=1", server.connection_string()));
    let new = events(1);
    for _ in 0..2 {
        let refused = store.append(&stream("batch-1"), after(0), new.clone()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
        assert!(words(&refused).contains("cannot be reached"), "{}", words(&refused));
    }
    let mut subscription = store.subscribe(Position::START, None);
    assert!(within_deadline("an error", subscription.next()).await.is_err());
    server.restart().await.unwrap();
    kept(&*store, "batch-1", after(0), &new).await;
    let mut page = within_deadline("the end of errors", subscription.next()).await;
    while page.is_err() {
        page = within_deadline("the end of errors", subscription.next()).await;
    }
    assert_eq!(page.unwrap().events[0].id, new[0].id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_in_mid_append_and_in_mid_subscription_lose_and_double_nothing() {
    let (server, store) = started().await;
    let new = events(300);
    let mut subscription = store.subscribe(Position::START, None);
    let reading = tokio::spawn(async move {
        let mut seen = Vec::new();
        while seen.len() < 300 {
            // While the server is away an error may come; asking again goes on at the same place.
            if let Ok(page) = within_deadline("the next page", subscription.next()).await {
                seen.extend(page.events);
            }
        }
        seen
    });
    let appending = tokio::spawn(append_all(Arc::clone(&store), "batch-1", new.clone()));
    for reached in [50, 120, 200] {
        while store.last(&stream("batch-1")).await.unwrap().is_none_or(|last| last.revision < reached) {}
        server.restart().await.unwrap();
        server.cut_connections();
    }
    appending.await.unwrap();
    holds(&*store, "batch-1", &new).await;
    let revisions: Vec<u64> = reading.await.unwrap().iter().map(|event| event.revision).collect();
    assert_eq!(revisions, (0..300).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_subscription_that_the_server_ends_goes_on_after_its_last_event() {
    let (server, store) = started().await;
    let ends = [
        End::Ok,
        End::Error(Code::Unavailable),
        End::Error(Code::Cancelled),
        End::Ok,
        End::Error(Code::Aborted),
    ];
    let mut subscription = store.subscribe(Position::START, None);
    let mut opened = server.subscribed();
    for (index, end) in ends.into_iter().enumerate() {
        kept(&*store, "batch-1", after(index * 2), &[event(0)]).await;
        assert_eq!(collect(&mut *subscription, 1).await[0].revision, index as u64 * 2);
        let before = *opened.borrow_and_update();
        server.end_subscriptions(end);
        kept(&*store, "batch-1", after(index * 2 + 1), &[event(0)]).await;
        assert_eq!(collect(&mut *subscription, 1).await[0].revision, index as u64 * 2 + 1, "{end:?}");
        assert_eq!(*opened.borrow(), before + 1, "it is begun anew once, not again and again");
    }
}

#[tokio::test]
async fn a_subscription_that_falls_silent_is_begun_anew() {
    let (server, store) = started().await;
    kept(&*store, "account-1", after(0), &[event(0)]).await;
    for category in [Some("account"), None] {
        let at = store.head().await.unwrap();
        let mut subscription = store.subscribe(at, category);
        let length =
            usize::try_from(store.last(&stream("account-1")).await.unwrap().unwrap().revision).unwrap() + 1;
        kept(&*store, "account-1", after(length), &[event(0)]).await;
        collect(&mut *subscription, 1).await;
        server.end_subscriptions(End::Stall);
        kept(&*store, "account-1", after(length + 1), &[event(0)]).await;
        let next = collect(&mut *subscription, 1).await;
        assert_eq!(next[0].revision, length as u64 + 1);
    }
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_is_said_to_be_unknown_and_may_be_repeated() {
    let (server, store) = started().await;
    let new = events(4);
    let name = stream("batch-1");
    for (index, fault) in [Fault::LoseAnswer, Fault::Drop, Fault::Refuse(Code::Aborted, "timeout".to_owned())]
        .into_iter()
        .enumerate()
    {
        server.fail_next([fault.clone()]);
        let answer = store.append(&name, after(index), vec![new[index].clone()]).await;
        assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{fault:?}: {answer:?}");
        let again = kept(&*store, "batch-1", after(index), &new[index..=index]).await;
        assert_eq!(again.revision, index as u64);
    }
    let impatient = open(&format!("{}&defaultDeadline=100", server.connection_string()));
    server.fail_next([Fault::DelayAnswer(Duration::from_secs(60))]);
    let answer = impatient.append(&name, after(3), vec![new[3].clone()]).await;
    assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{answer:?}");
    kept(&*impatient, "batch-1", after(3), &new[3..]).await;
    holds(&*store, "batch-1", &new).await;
}

#[tokio::test]
async fn a_server_that_says_it_has_not_begun_is_believed() {
    let (server, store) = started().await;
    for message in ["Server Is Not Ready", "Server Is Too Busy"] {
        server.fail_next([Fault::Refuse(Code::Unavailable, message.to_owned())]);
        let answer = store.append(&stream("batch-1"), after(0), events(1)).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    server.fail_next([Fault::Refuse(Code::Unavailable, "upstream reset".to_owned())]);
    let answer = store.append(&stream("batch-1"), after(0), events(1)).await;
    assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "a proxy knows less: {answer:?}");
    holds(&*store, "batch-1", &[]).await;
    let large = Snapshot { revision: 1, state: vec![b'1'; 2 * 1024 * 1024] };
    let refused = store.save_snapshot(&stream("batch-1"), large).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { max: 1_048_576, .. })), "{refused:?}");
}

#[tokio::test]
async fn the_leader_is_followed_and_found_again_when_it_dies() {
    let nodes = StandIn::cluster(3).await.unwrap();
    let new = events(3);
    let single = open(&nodes[1].connection_string());
    kept(&*single, "batch-1", after(0), &new[..1]).await;
    let hosts: Vec<String> = nodes.iter().map(|node| node.address().to_string()).collect();
    let strings = [
        format!("esdb://{}?tls=false", hosts.join(",")),
        format!("kurrentdb+discover://{}?tls=false", hosts[2]),
    ];
    let stores = strings.map(|text| open(&text));
    for store in &stores {
        holds(&**store, "batch-1", &new[..1]).await;
    }
    let mut subscription = stores[0].subscribe(Position::START, None);
    collect(&mut *subscription, 1).await;
    nodes[1].lead();
    kept(&*single, "batch-1", after(1), &new[1..2]).await;
    nodes[0].kill().await;
    collect(&mut *subscription, 1).await;
    nodes[1].kill().await;
    nodes[2].lead();
    let appending = append_all(Arc::clone(&stores[0]), "batch-2", events(1));
    within_deadline("the new leader to be found", appending).await;
    assert_eq!(collect(&mut *subscription, 1).await[0].stream.as_str(), "batch-2");
    holds(&*stores[1], "batch-1", &new[..2]).await;
}

#[tokio::test]
async fn wrong_credentials_are_named_as_such_and_never_shown() {
    let credentials = Some(("ada".to_owned(), "lo:ve@lace".to_owned()));
    let server = StandIn::with(Options { credentials, ..Options::default() }).await.unwrap();
    let with = |user: &str| open(&format!("esdb://{user}{}?tls=false", server.address()));
    let wrong = with("ada:wr0ng@").append(&stream("batch-1"), after(0), events(1)).await.unwrap_err();
    assert!(words(&wrong).contains("does not know the user or the password"), "{}", words(&wrong));
    assert!(!words(&wrong).contains("wr0ng") && !words(&wrong).contains("YWRhOndyMG5n"));
    let none = with("").head().await.unwrap_err();
    assert!(words(&none).contains("forbids this"), "{}", words(&none));
    let refused = with("ada:wr0ng@").subscribe(Position::START, None).next().await.unwrap_err();
    assert!(words(&refused).contains("does not know"), "{}", words(&refused));
    kept(&*with("ada:lo%3Ave%40lace@"), "batch-1", after(0), &events(1)).await;
}

#[tokio::test]
async fn the_head_is_our_newest_event_and_a_subscription_comes_to_it() {
    let (_server, store) = started().await;
    assert_eq!(store.head().await.unwrap(), Position::START);
    let ours = kept(&*store, "ledger-1", after(0), &events(2)).await;
    kept(&*store, "shop-1", after(0), &events(700)).await;
    store.save_snapshot(&stream("ledger-1"), Snapshot { revision: 1, state: b"{}".to_vec() }).await.unwrap();
    store.save_snapshot(&stream("ledger-1"), Snapshot { revision: 2, state: b"{}".to_vec() }).await.unwrap();
    let snapshots = store.read(&stream("snapshot-ledger-1"), 0, 10).await.unwrap();
    assert_eq!(snapshots.iter().map(|event| event.revision).collect::<Vec<_>>(), [1], "only one is kept");
    let head = store.head().await.unwrap();
    assert_eq!(head, ours.position);
    for category in [None, Some("account"), Some("ledger")] {
        let mut subscription = store.subscribe(Position::START, category);
        let mut up_to = Position::START;
        let mut names = Vec::new();
        while up_to < head {
            let page = within_deadline("the head", subscription.next()).await.unwrap();
            up_to = page.up_to;
            names.extend(page.events.into_iter().map(|event| event.stream));
        }
        assert!(names.iter().all(|name| *name == stream("ledger-1")), "{names:?}");
    }
}

#[tokio::test]
async fn tls_trusts_the_named_authority_and_nobody_else() {
    let (tls, certificate) = loopback_certificate().unwrap();
    let server = StandIn::with(Options { tls: Some(tls), ..Options::default() }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, certificate).unwrap();
    let trusting = open(&format!("esdb://{}?tlsCaFile={}", server.address(), file.display()));
    kept(&*trusting, "batch-1", after(0), &events(1)).await;
    let wary = open(&format!("esdb://{}?maxDiscoverAttempts=1", server.address()));
    let refused = wary.append(&stream("batch-1"), after(1), events(1)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    assert!(words(&refused).to_lowercase().contains("certificate"), "{}", words(&refused));
}
