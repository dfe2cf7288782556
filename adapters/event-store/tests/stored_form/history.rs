//! A history of two months that the first released form was written in, line by line as the store held it. Every
//! later version must read it, fold it to the same balances and find its chain whole. The rows that it gives are
//! compared in `projector/tests`. Not here: single events, which have golden files.

use leafcutter_domain::{
    Decider, DomainEvent,
    account::{Account, AccountEvent},
    batch::{Batch, BatchEvent, Phase},
    ledger::{Ledger, LedgerEvent, LedgerState},
};
use leafcutter_event_store::{Metadata, Position, StoredEvent, decode, event_id};
use leafcutter_ledger_proof::{ChainLink, link_hash};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{collections::BTreeMap, path::Path};
use uuid::Uuid;

#[derive(Deserialize)]
struct Line<'a> {
    position: String,
    stream: String,
    revision: u64,
    id: Uuid,
    name: String,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow)]
    metadata: &'a RawValue,
}

/// The streams of the history, each in its order.
fn history() -> BTreeMap<String, Vec<StoredEvent>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/history-v1.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let mut streams: BTreeMap<String, Vec<StoredEvent>> = BTreeMap::new();
    for line in text.lines() {
        let line: Line<'_> = serde_json::from_str(line).unwrap();
        let event = StoredEvent {
            position: line.position.parse::<Position>().unwrap(),
            stream: line.stream.clone().into(),
            revision: line.revision,
            id: line.id,
            name: line.name,
            data: line.data.get().into(),
            metadata: line.metadata.get().into(),
        };
        streams.entry(line.stream).or_default().push(event);
    }
    streams
}

fn of<'a>(
    streams: &'a BTreeMap<String, Vec<StoredEvent>>,
    category: &'static str,
) -> impl Iterator<Item = &'a Vec<StoredEvent>> {
    streams.values().filter(move |events| events[0].stream.category() == category)
}

fn decoded<E: DomainEvent>(stored: &[StoredEvent]) -> Vec<E> {
    stored.iter().map(|event| decode(event).unwrap().0).collect()
}

fn metadata(stored: &StoredEvent) -> Metadata {
    serde_json::from_slice(&stored.metadata).unwrap()
}

#[test]
fn the_first_released_history_is_of_version_1_and_has_every_kind_of_event_of_then() {
    let streams = history();
    let all: Vec<&StoredEvent> = streams.values().flatten().collect();
    assert!(all.iter().all(|event| metadata(event).version == 1));
    let first = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/v1");
    for file in std::fs::read_dir(first).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let name = name.split('.').next().unwrap();
        assert!(name == "Metadata" || all.iter().any(|event| event.name == name), "{name}");
    }
    for (revision, event) in streams.values().flat_map(|events| (0..).zip(events)) {
        assert_eq!(event.revision, revision);
        assert_eq!(event.id, event_id(&event.stream, revision, &event.name, &event.data));
    }
}

#[test]
fn the_first_released_history_is_folded_to_the_same_balances() {
    let streams = history();
    let sums = |state: LedgerState| {
        assert!(state.is_balanced());
        let out = [state.expired, state.carried_out];
        [state.granted, state.available.total(), state.held(), state.spent, out[0], out[1]]
    };
    let folded: Vec<[u64; 6]> =
        of(&streams, "ledger").map(|events| sums(Ledger::fold(&decoded::<LedgerEvent>(events)))).collect();
    assert_eq!(folded, BALANCES);
    let mut phases = [0; 5];
    for events in of(&streams, "batch") {
        let state = Batch::fold(&decoded::<BatchEvent>(events));
        phases[match state.phase {
            Phase::New => 0,
            Phase::Open => 1,
            Phase::Completed => 2,
            Phase::Cancelled => 3,
            Phase::Failed(_) => 4,
        }] += 1;
    }
    assert_eq!(phases, [2, 1, 7, 3, 2], "abandoned, open, completed, cancelled, broken");
    for events in of(&streams, "account") {
        let state = Account::fold(&decoded::<AccountEvent>(events));
        assert_eq!(state.keys.len(), 1);
    }
}

/// Granted, available, held, spent, expired, carried out; November and December of each account.
const BALANCES: [[u64; 6]; 6] = [
    [1_000, 0, 0, 11, 989, 0],
    [1_500, 1_485, 4, 11, 0, 0],
    [60, 0, 0, 6, 54, 0],
    [60, 54, 0, 6, 0, 0],
    [298, 0, 0, 5, 3, 290],
    [798, 794, 0, 4, 0, 0],
];

#[test]
fn the_chain_of_the_first_released_history_is_whole_and_leads_from_month_to_month() {
    let streams = history();
    let mut heads: BTreeMap<String, String> = BTreeMap::new();
    for events in of(&streams, "ledger") {
        let mut prev = String::new();
        for event in events {
            let beside = metadata(event);
            let link = ChainLink {
                prev: &prev,
                stream: event.stream.as_str(),
                revision: event.revision,
                id: &event.id.to_string(),
                name: &event.name,
                occurred_at: &beside.occurred_at.to_string(),
                data: &event.data,
            };
            let hash = link_hash(&link);
            assert_eq!((beside.prev.as_ref(), beside.hash.as_ref()), (Some(&prev), Some(&hash)));
            let (read, _) = decode::<LedgerEvent>(event).unwrap();
            if let LedgerEvent::PeriodOpened(opened) = &read
                && let Some(previous) = &opened.previous
            {
                let before = format!("ledger-{}-{}", opened.account, previous.period);
                assert_eq!(heads.get(&before), Some(&previous.hash), "{before}");
            }
            if let LedgerEvent::PeriodClosed(_) = &read {
                heads.insert(event.stream.to_string(), hash.clone());
            }
            prev = hash;
        }
    }
    assert_eq!(heads.len(), 3, "three accounts have turned a month");
}
