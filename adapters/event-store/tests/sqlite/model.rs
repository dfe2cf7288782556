//! The store against a model: random appends, repeats, reads, snapshots and reopenings do what they would do to a
//! plain list of events.

use crate::support::{after, open, part, whole};
use leafcutter_event_store::{
    Appended, EventStore, Expected, NewEvent, Snapshot, SqliteEventStore, StoreError, StoredEvent, StreamName,
};
use proptest::prelude::*;
use std::{collections::BTreeMap, path::Path};
use uuid::Uuid;

const CASES: u32 = 40;
const STEPS_MAX: usize = 40;
const CATEGORIES: [&str; 2] = ["left", "right"];

/// One thing done to the store. Streams and earlier appends are named by numbers that are taken modulo what is there.
#[derive(Debug, Clone)]
enum Step {
    /// An append of new events that expects the stream to have `off` more events than it has.
    Append {
        stream: usize,
        off: i8,
        count: u64,
    },
    /// An earlier append once more, with this many of its events changed at its end.
    Repeat {
        earlier: usize,
        changed: usize,
    },
    Read {
        stream: usize,
        from: u64,
        max: usize,
    },
    /// A subscription after the event of this place.
    Subscribe {
        after: usize,
        category: Option<usize>,
    },
    Snapshot {
        stream: usize,
        revision: u64,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let off = prop_oneof![6 => Just(0_i8), 1 => -3_i8..4];
    let repeat = (any::<usize>(), 0..3_usize);
    prop_oneof![
        8 => (0..4_usize, off, 1..6_u64).prop_map(|(stream, off, count)| Step::Append { stream, off, count }),
        3 => repeat.prop_map(|(earlier, changed)| Step::Repeat { earlier, changed }),
        3 => (0..5_usize, 0..30_u64, 0..20_usize).prop_map(|(stream, from, max)| Step::Read { stream, from, max }),
        2 => (any::<usize>(), prop::option::of(0..2_usize))
            .prop_map(|(after, category)| Step::Subscribe { after, category }),
        1 => (0..4_usize, any::<u32>())
            .prop_map(|(stream, revision)| Step::Snapshot { stream, revision: revision.into() }),
        1 => Just(Step::Reopen),
    ]
}

fn name(stream: usize) -> StreamName {
    StreamName::new(CATEGORIES[stream % 2], stream)
}

struct Attempt {
    stream: StreamName,
    expected: Expected,
    events: Vec<NewEvent>,
}

/// What the store should hold.
#[derive(Default)]
struct Model {
    log: Vec<(StreamName, NewEvent)>,
    attempts: Vec<Attempt>,
    snapshots: BTreeMap<StreamName, Snapshot>,
}

impl Model {
    fn of<'a>(&'a self, stream: &'a StreamName) -> impl Iterator<Item = &'a NewEvent> {
        self.log.iter().filter(move |(name, _)| name == stream).map(|(_, event)| event)
    }

    /// The revision that the append ends at, or `None` for a conflict.
    fn append(&mut self, attempt: &Attempt) -> Option<u64> {
        let next = match attempt.expected {
            Expected::NoStream => 0,
            Expected::Revision(revision) => revision as usize + 1,
        };
        let ids = |events: &[NewEvent]| events.iter().map(|event| event.id).collect::<Vec<Uuid>>();
        let there: Vec<Uuid> = self.of(&attempt.stream).map(|event| event.id).collect();
        if there.len() == next {
            self.log.extend(attempt.events.iter().map(|event| (attempt.stream.clone(), event.clone())));
        } else if there.get(next..next + attempt.events.len()) != Some(&ids(&attempt.events)) {
            return None;
        }
        Some((next + attempt.events.len() - 1) as u64)
    }
}

fn agrees(stored: &[StoredEvent], wanted: &[&(StreamName, NewEvent)]) -> bool {
    stored.windows(2).all(|pair| pair[0].position < pair[1].position)
        && stored.len() == wanted.len()
        && stored.iter().zip(wanted).all(|(stored, (name, event))| {
            stored.stream == *name && stored.id == event.id && stored.data == event.data
        })
}

async fn append(store: &SqliteEventStore, model: &mut Model, attempt: Attempt) {
    let answer = store.append(&attempt.stream, attempt.expected, attempt.events.clone()).await;
    match (model.append(&attempt), answer) {
        (Some(revision), Ok(Appended { revision: answered, .. })) => assert_eq!(answered, revision),
        (None, Err(StoreError::Conflict)) => {}
        (wanted, answer) => panic!("{answer:?} where {wanted:?} is right"),
    }
    model.attempts.push(attempt);
}

async fn run(step: Step, store: &mut SqliteEventStore, model: &mut Model, folder: &Path) {
    match step {
        Step::Append { stream, off, count } => {
            let stream = name(stream);
            let there = model.of(&stream).count() as u64;
            let expected = after(there.saturating_add_signed(off.into()));
            let events = (0..count).map(|index| part(there, index, 0)).collect();
            append(store, model, Attempt { stream, expected, events }).await;
        }
        Step::Repeat { earlier, changed } if !model.attempts.is_empty() => {
            let Attempt { stream, expected, events } = &model.attempts[earlier % model.attempts.len()];
            let (stream, expected, mut events) = (stream.clone(), *expected, events.clone());
            events.iter_mut().rev().take(changed).for_each(|event| event.id = Uuid::new_v4());
            append(store, model, Attempt { stream, expected, events }).await;
        }
        Step::Repeat { .. } => {}
        Step::Read { stream, from, max } => read(store, model, &name(stream), (from, max)).await,
        Step::Subscribe { after, category } => {
            subscribe(store, model, after, category.map(|index| CATEGORIES[index])).await;
        }
        Step::Snapshot { stream, revision } => {
            let snapshot = Snapshot { revision, state: revision.to_string().into_bytes() };
            store.save_snapshot(&name(stream), snapshot.clone()).await.unwrap();
            model.snapshots.insert(name(stream), snapshot);
        }
        Step::Reopen => {
            store.close().await;
            *store = open(folder).await;
        }
    }
}

async fn read(store: &SqliteEventStore, model: &Model, stream: &StreamName, (from, max): (u64, usize)) {
    let stored = store.read(stream, from, max).await.unwrap();
    let all: Vec<_> = model.log.iter().filter(|(name, _)| name == stream).collect();
    let wanted: Vec<_> = all.iter().copied().skip(from as usize).take(max).collect();
    assert!(agrees(&stored, &wanted));
    assert!(stored.iter().zip(from..).all(|(event, revision)| event.revision == revision));
    let last = store.last(stream).await.unwrap().map(|event| event.id);
    assert_eq!(last, all.last().map(|(_, event)| event.id));
    assert_eq!(store.snapshot(stream).await.unwrap().as_ref(), model.snapshots.get(stream));
}

async fn subscribe(store: &SqliteEventStore, model: &Model, after: usize, category: Option<&'static str>) {
    let whole = whole(store).await;
    assert!(agrees(&whole, &model.log.iter().collect::<Vec<_>>()));
    // After the last event there is nothing to come, and a subscription would wait.
    let Some(place) = (whole.len() > 1).then(|| after % (whole.len() - 1)) else { return };
    let wanted: Vec<_> = model.log[place + 1..]
        .iter()
        .filter(|(name, _)| category.is_none_or(|category| name.category() == category))
        .collect();
    let page = store.subscribe(whole[place].position, category).next().await.unwrap();
    assert!(agrees(&page.events, &wanted));
    assert_eq!(page.up_to, store.head().await.unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_a_plain_list_would_do(steps in prop::collection::vec(step(), 1..STEPS_MAX)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let mut store = open(folder.path()).await;
            let mut model = Model::default();
            for step in steps {
                run(step, &mut store, &mut model, folder.path()).await;
            }
            assert!(agrees(&whole(&store).await, &model.log.iter().collect::<Vec<_>>()));
            store.close().await;
        });
    }
}
