//! The ledger's hash chain and the times beside the events, recomputed from what is stored.

use crate::{
    commands::{
        ACCOUNT, at, carried_out, issue_key, ledger, open_account, open_period, reserve, reserve_all,
    },
    probe::Probe,
};
use leafcutter_domain::{
    Decider, DomainEvent, Moment,
    account::Account,
    ledger::{Ledger, LedgerCommand, LedgerEvent},
};
use leafcutter_event_store::{
    Aggregate, EventStore, Expected, Metadata, NewEvent, StoredEvent, decode, event_id,
};
use leafcutter_ledger_proof::{ChainLink, link_hash};

/// What `transact` counts for the metadata of one event.
const METADATA_BYTES: usize = 256;

fn metadata(stored: &StoredEvent) -> Metadata {
    serde_json::from_slice(&stored.metadata).unwrap()
}

/// Asserts that the chain holds and gives the hash of its last link.
fn verified(log: &[StoredEvent]) -> String {
    let mut prev = String::new();
    for stored in log {
        let (_, metadata) = decode::<LedgerEvent>(stored).unwrap();
        let link = ChainLink {
            prev: &prev,
            stream: stored.stream.as_str(),
            revision: stored.revision,
            id: &stored.id.to_string(),
            name: &stored.name,
            occurred_at: &metadata.occurred_at.to_string(),
            data: &stored.data,
        };
        assert_eq!(metadata.prev.as_deref(), Some(prev.as_str()), "event {}", stored.revision);
        assert_eq!(metadata.hash, Some(link_hash(&link)), "event {}", stored.revision);
        assert_eq!(stored.id, event_id(&stored.stream, stored.revision, &stored.name, &stored.data));
        prev = metadata.hash.unwrap();
    }
    prev
}

fn never_goes_back(log: &[StoredEvent]) -> bool {
    log.windows(2).all(|pair| metadata(&pair[0]).occurred_at <= metadata(&pair[1]).occurred_at)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_ledger_event_continues_the_chain_also_after_conflicts() {
    let probe = Probe::start().await;
    let (one, other) = (probe.replica::<Ledger>(), probe.replica::<Ledger>());
    one.transact(ledger(), open_period(1_000)).await.unwrap();
    other.inspect(ledger(), |_| ()).await.unwrap();
    let (left, right) = tokio::join!(reserve_all(&one, 0..70), reserve_all(&other, 100..170));
    assert_eq!(carried_out(&left) + carried_out(&right), 140);
    let log = probe.log(&Ledger::stream(ledger())).await;
    assert_eq!(log.len(), 141);
    let kept = log.len();
    let asked: usize = probe.asked.borrow().iter().map(Vec::len).sum();
    assert!(asked > kept, "there were conflicts");
    let last = verified(&log);
    let head = one.inspect(ledger(), |folded| folded.head_hash().map(str::to_owned)).await.unwrap();
    assert_eq!(head, Some(last));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_beside_an_event_never_goes_back() {
    let probe = Probe::start().await;
    let (ledgers, accounts) = (probe.replica::<Ledger>(), probe.replica::<Account>());
    ledgers.transact(ledger(), open_period(1_000)).await.unwrap();
    accounts.transact(ACCOUNT, open_account(10)).await.unwrap();
    for (number, millis) in [(1, 500), (2, -90_000), (3, 400), (4, 600), (5, 0)] {
        let reserve = leafcutter_domain::ledger::Reserve { at: at(millis), ..reserve(number, 1) };
        ledgers.transact(ledger(), reserve).await.unwrap();
        accounts.transact(ACCOUNT, issue_key(number, at(millis))).await.unwrap();
    }
    for stream in [Ledger::stream(ledger()), Account::stream(ACCOUNT)] {
        let log = probe.log(&stream).await;
        assert!(log.len() == 6 && never_goes_back(&log), "{stream}");
        assert_eq!(metadata(&log[5]).occurred_at, at(600));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_stays_within_its_bound_at_the_ends_of_time() {
    let probe = Probe::start().await;
    let streams = probe.replica::<Ledger>();
    let (first, last) = (Moment::from_millis(i64::MIN), Moment::from_millis(i64::MAX));
    let open = leafcutter_domain::ledger::OpenPeriod { at: first, ..open_period(10) };
    streams.transact(ledger(), open).await.unwrap();
    for (number, at) in [(1, first), (2, last), (3, first)] {
        let reserve = leafcutter_domain::ledger::Reserve { at, ..reserve(number, 1) };
        streams.transact(ledger(), reserve).await.unwrap();
    }
    let log = probe.log(&Ledger::stream(ledger())).await;
    verified(&log);
    assert!(never_goes_back(&log));
    let longest = log.iter().map(|stored| stored.metadata.len()).max().unwrap();
    assert!(longest + u32::MAX.to_string().len() <= METADATA_BYTES, "{longest} bytes with version 2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_without_a_chain_store_no_hashes() {
    let probe = Probe::start().await;
    probe.replica::<Account>().transact(ACCOUNT, open_account(10)).await.unwrap();
    let log = probe.log(&Account::stream(ACCOUNT)).await;
    let wanted = "{\"version\":2,\"occurredAt\":\"2026-11-22T12:00:00.000Z\"}";
    assert_eq!(String::from_utf8_lossy(&log[0].metadata), wanted);
}

/// Appends an event as version 1 wrote it, chained.
async fn append_as_version_1(probe: &Probe, event: &LedgerEvent, prev: &str) -> String {
    let stream = Ledger::stream(ledger());
    let last = probe.inner.last(&stream).await.unwrap();
    let revision = last.as_ref().map_or(0, |last| last.revision + 1);
    let (name, data, occurred_at) = (event.name(), event.encode(), event.at());
    let id = event_id(&stream, revision, name, &data);
    let link = ChainLink {
        prev,
        stream: stream.as_str(),
        revision,
        id: &id.to_string(),
        name,
        occurred_at: &occurred_at.to_string(),
        data: &data,
    };
    let hash = link_hash(&link);
    let beside = Metadata { version: 1, occurred_at, prev: Some(prev.to_owned()), hash: Some(hash.clone()) };
    let new = NewEvent { id, name, data, metadata: serde_json::to_vec(&beside).unwrap() };
    let expected = last.map_or(Expected::NoStream, |last| Expected::Revision(last.revision));
    probe.inner.append(&stream, expected, vec![new]).await.unwrap();
    hash
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_version_1_began_goes_on() {
    let probe = Probe::start().await;
    let mut state = Ledger::initial();
    let mut hash = String::new();
    for command in [LedgerCommand::from(open_period(1_000)), reserve(1, 5).into()] {
        for event in Ledger::decide(&state, &command).unwrap() {
            hash = append_as_version_1(&probe, &event, &hash).await;
            state = Ledger::evolve(state, &event);
        }
    }
    probe.replica::<Ledger>().transact(ledger(), reserve(2, 7)).await.unwrap();
    let log = probe.log(&Ledger::stream(ledger())).await;
    verified(&log);
    let versions: Vec<u32> = log.iter().map(|stored| metadata(stored).version).collect();
    assert_eq!(versions, [1, 1, 2]);
    assert_eq!(metadata(&log[2]).prev, Some(hash));
}
