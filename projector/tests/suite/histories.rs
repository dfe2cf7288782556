//! The model test of the read side: random lives of batches, carried out through the real log and projector, leave
//! the rows that a plain fold in memory gives, and these agree with what the rules remember.

use crate::following::charge;
use crate::support::{ACCOUNT, Engine, PATIENCE, World, began, report, rows, start, submit, terms};
use leafcutter_domain::{
    BatchId, Decider, ItemIndex,
    batch::{
        AbandonRound, Batch, BatchCommand, BatchEvent, BatchFailure, BatchState, CancelBatch, EraseReason,
        EraseResults, ExpireLease, FailBatch, Item, ItemStatus, Phase, PutBackItem, RequestRetry,
    },
};
use leafcutter_event_store::{
    Aggregate, EventStore, EventStoreDb, Expected, NewEvent, Position, SqliteEventStore, StoredEvent, decode,
};
use leafcutter_eventstoredb_stand_in::StandIn;
use leafcutter_projector::{Projector, Settings};
use leafcutter_read_models::{BatchFilter, BatchView, ItemView, ReadModels, Status};
use leafcutter_test_servers::Postgres;
use proptest::{prelude::*, test_runner::TestRunner};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

const BATCHES: u128 = 3;
/// Few, so that a random life often comes to the end of a batch and retries it.
const ITEMS: u16 = 3;

/// One thing that a client, a worker or the service may try; many are refused, as in life.
#[derive(Debug, Clone)]
enum Step {
    Submit(u16),
    Start(ItemIndex),
    Report(ItemIndex, bool),
    Run(ItemIndex, bool),
    PutBack(ItemIndex),
    Expire(ItemIndex),
    Retry,
    Cancel,
    Break,
    Abandon,
    Erase,
    RestartProjector,
}

fn steps() -> impl Strategy<Value = Vec<(u128, Step)>> {
    let step = prop_oneof![
        3 => (1..=ITEMS).prop_map(Step::Submit),
        6 => (0..ITEMS).prop_map(Step::Start),
        6 => (0..ITEMS, any::<bool>()).prop_map(|(item, succeeds)| Step::Report(item, succeeds)),
        12 => (0..ITEMS, any::<bool>()).prop_map(|(item, succeeds)| Step::Run(item, succeeds)),
        2 => (0..ITEMS).prop_map(Step::PutBack),
        2 => (0..ITEMS).prop_map(Step::Expire),
        6 => Just(Step::Retry),
        1 => Just(Step::Cancel),
        1 => Just(Step::Break),
        1 => Just(Step::Abandon),
        3 => Just(Step::Erase),
        3 => Just(Step::RestartProjector),
    ];
    proptest::collection::vec((1..=BATCHES, step), 1..120)
}

/// The command for a step; `starts` remembers the second of each item's last start, `now` is the present second.
fn command(
    state: &BatchState,
    batch: BatchId,
    step: &Step,
    starts: &mut BTreeMap<(BatchId, ItemIndex), i64>,
    now: i64,
) -> BatchCommand {
    let at = began().plus_millis(now * 1_000);
    let attempt = |item: ItemIndex| state.item(item).map_or(0, |item| item.attempt);
    match *step {
        Step::Submit(urls) => submit(batch, urls),
        Step::Start(item) | Step::Run(item, _) => {
            starts.insert((batch, item), now);
            start(item, now)
        }
        Step::Report(item, succeeds) => {
            report(item, starts.get(&(batch, item)).copied().unwrap_or(now), succeeds)
        }
        Step::PutBack(item) => PutBackItem { item, attempt: attempt(item), credits: 0, at }.into(),
        Step::Expire(item) => {
            ExpireLease { item, attempt: attempt(item), credits: 0, at: at.plus_millis(120_000) }.into()
        }
        Step::Retry => RequestRetry {
            terms: terms(batch, state.next_round()),
            has_cookies: false,
            idempotency: None,
            fingerprint: None,
            at,
        }
        .into(),
        Step::Cancel => CancelBatch { at }.into(),
        Step::Break => FailBatch { cause: BatchFailure::ReservationMissing, at }.into(),
        Step::Erase => EraseResults { reason: EraseReason::Operator, until: None, at }.into(),
        Step::Abandon | Step::RestartProjector => AbandonRound { round: state.next_round(), at }.into(),
    }
}

async fn live(world: &World, steps: &[(u128, Step)]) {
    let mut projector = world.project();
    let mut starts = BTreeMap::new();
    for (now, (number, step)) in (1..).zip(steps) {
        if matches!(step, Step::RestartProjector) {
            world.applied().await;
            check(world).await;
            projector.shutdown().await;
            projector = world.project();
            continue;
        }
        let batch = BatchId(Uuid::from_u128(*number));
        let state = world.batches.inspect(batch, |folded| folded.state.clone()).await.unwrap();
        let command = command(&state, batch, step, &mut starts, now);
        // Refusals are part of a random life; only the log says what happened.
        let _ = world.batches.transact(batch, command).await;
        if let Step::Run(item, succeeds) = step {
            let _ = world.batches.transact(batch, report(*item, now, *succeeds)).await;
        }
    }
    world.applied().await;
    projector.shutdown().await;
}

fn status_of(item: &ItemStatus) -> Status {
    match item {
        ItemStatus::Pending => Status::Pending,
        ItemStatus::Running(_) => Status::Running,
        ItemStatus::Completed => Status::Completed,
        ItemStatus::Failed => Status::Failed,
        ItemStatus::Cancelled => Status::Cancelled,
    }
}

fn agrees_with_the_rules(view: &BatchView, state: &BatchState) {
    let statuses: Vec<Status> = state.items.iter().map(|item| status_of(&item.status)).collect();
    assert_eq!(view.items.iter().map(|item| item.status).collect::<Vec<_>>(), statuses);
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    let counts = view.header.counts;
    let shown = [counts.pending, counts.running, counts.completed, counts.failed, counts.cancelled];
    let counted = [Status::Pending, Status::Running, Status::Completed, Status::Failed, Status::Cancelled];
    assert_eq!(shown.map(usize::from), counted.map(count));
    let terminal = match state.phase {
        Phase::New | Phase::Open => None,
        Phase::Completed => Some(Status::Completed),
        Phase::Cancelled => Some(Status::Cancelled),
        Phase::Failed(_) => Some(Status::Failed),
    };
    assert_eq!(Some(view.header.status).filter(|status| status.is_terminal()), terminal);
    assert_eq!(view.header.finished_at.is_some(), terminal.is_some());
    view.items.iter().zip(&state.items).for_each(|(shown, item)| shows_its_last_attempt_only(shown, item));
}

fn shows_its_last_attempt_only(shown: &ItemView, item: &Item) {
    assert_eq!(shown.attempts, item.attempt);
    assert_eq!(shown.error.is_some(), shown.status == Status::Failed);
    let stored = shown.result_key.is_some();
    assert_eq!(stored ^ shown.erased_at.is_some(), shown.status == Status::Completed);
    assert_eq!(shown.credits > 0, shown.status == Status::Completed);
    assert_eq!(shown.finished_at.is_some(), shown.status.is_terminal());
    assert!(shown.started_at.is_none() || shown.status != Status::Pending);
}

async fn check(world: &World) {
    let mut listed = BTreeMap::new();
    for number in 1..=BATCHES {
        let batch = BatchId(Uuid::from_u128(number));
        let row = world.models.batch(batch).await.unwrap();
        assert_eq!(row, world.folded(batch).await);
        let stored = world.log.read(&Batch::stream(batch), 0, 10_000).await.unwrap();
        let events: Vec<BatchEvent> = stored.iter().map(|event| decode(event).unwrap().0).collect();
        let state = <Batch as Decider>::fold(&events);
        assert_eq!(row.is_some(), state.submission.is_some());
        if let Some(row) = row {
            agrees_with_the_rules(&row, &state);
            *listed.entry(row.header.status).or_insert(0) += 1;
        }
    }
    for (status, count) in listed {
        let filter = BatchFilter { status: Some(status), ..BatchFilter::default() };
        let list = world.models.list(ACCOUNT, &filter, 1, 50).await.unwrap();
        assert_eq!((list.total, list.batches.len()), (count, count as usize));
    }
    assert_eq!(world.models.quarantined().await.unwrap(), []);
}

/// The whole history at once, from this log into these tables.
async fn retold(log: Arc<dyn EventStore>, models: ReadModels) -> Vec<String> {
    let head = log.head().await.unwrap();
    let projector = Projector::start(log, models.clone(), Settings::default());
    assert!(models.wait_until(head, PATIENCE).await.unwrap());
    projector.shutdown().await;
    let rows = rows(&models).await;
    models.close().await;
    rows
}

/// The same events in a server that speaks EventStoreDB's protocol, appended in the order in which they happened.
async fn copied(log: &SqliteEventStore, server: &StandIn) -> Arc<dyn EventStore> {
    let copy = EventStoreDb::open(&server.connection_string()).unwrap();
    let head = log.head().await.unwrap();
    let mut events = log.subscribe(Position::START, None);
    let mut copied = Position::START;
    while copied < head {
        let page = events.next().await.unwrap();
        copied = page.up_to;
        for StoredEvent { stream, revision, id, name, data, metadata, .. } in page.events {
            let expected = revision.checked_sub(1).map_or(Expected::NoStream, Expected::Revision);
            let event = NewEvent { id, name: name.leak(), data, metadata };
            copy.append(&stream, expected, vec![event]).await.unwrap();
        }
    }
    Arc::new(copy)
}

/// Whichever store holds the history and whichever database the tables are in: the rows are those that it gave
/// SQLite live and with restarts. Positions are no part of a row.
async fn every_store_and_database_tells_the_same(server: &Postgres, world: &World) {
    let live = rows(&world.models).await;
    let postgres = async || ReadModels::connect(&server.database().await).await.unwrap();
    assert_eq!(retold(world.log.clone(), postgres().await).await, live);
    let elsewhere = StandIn::start().await.unwrap();
    let copy = copied(&world.log, &elsewhere).await;
    assert_eq!(retold(Arc::clone(&copy), postgres().await).await, live);
    assert_eq!(retold(copy, world.more_models().await).await, live);
}

#[test]
fn any_life_of_batches_leaves_the_rows_that_a_plain_fold_gives_in_every_store_and_database() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Postgres::shared());
    let config = ProptestConfig { cases: 24, ..ProptestConfig::with_source_file(file!()) };
    let held = TestRunner::new(config).run(&steps(), |steps| {
        runtime.block_on(async {
            let world = World::new(Engine::Sqlite).await;
            charge(&world).await;
            live(&world, &steps).await;
            check(&world).await;
            every_store_and_database_tells_the_same(&server, &world).await;
        });
        Ok(())
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
}
