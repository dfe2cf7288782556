//! What every adapter of the read models must do, shown on SQLite in a temporary file.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

use leafcutter_domain::{
    AccountId, BatchId, ErrorCode, Moment, OutputFormat,
    batch::{Channel, Extractor},
};
use leafcutter_event_store::{Position, StreamName};
use leafcutter_read_models::{
    BatchChange, BatchFilter, BatchHeader, BatchView, Changes, Counts, ItemError, ItemView, Quarantined,
    ReadModelError, ReadModels, Status, Usage,
};
use std::time::Duration;
use uuid::Uuid;

const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));
const PATIENCE: Duration = Duration::from_secs(10);

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn open(&self) -> ReadModels {
        ReadModels::open(&self.0.path().join("read-models.sqlite")).await.unwrap()
    }
}

fn position(value: u64) -> Position {
    value.to_string().parse().unwrap()
}

fn item(index: u16) -> ItemView {
    ItemView {
        index,
        url: format!("https://example.com/{index}"),
        status: Status::Completed,
        attempts: 2,
        error: None,
        extractor: Some(Extractor::Rules),
        final_url: Some("https://example.com/end".to_owned()),
        http_status: Some(200),
        credits: 3,
        started_at: Some(Moment::from_millis(5)),
        finished_at: Some(Moment::from_millis(9)),
        result_key: Some("result".to_owned()),
        screenshot_key: Some("picture".to_owned()),
    }
}

/// A batch that ended in second `second`, whose second item failed.
fn batch(number: u128, second: i64, status: Status) -> BatchView {
    let header = BatchHeader {
        batch: BatchId(Uuid::from_u128(number)),
        account: ACCOUNT,
        status,
        output: OutputFormat::Json,
        channel: Channel::Api,
        total: 2,
        counts: Counts { completed: 1, failed: 1, ..Counts::default() },
        metadata: Some(serde_json::json!({"order": [1, "two", null]})),
        failure: None,
        created_at: Moment::from_millis(second * 1_000),
        finished_at: Some(Moment::from_millis(second * 1_000 + 500)),
        revision: 9,
    };
    let error = ItemError { code: ErrorCode::HttpStatus, message: "It's 500.".to_owned(), retryable: true };
    let failed = ItemView { status: Status::Failed, error: Some(error), result_key: None, ..item(1) };
    BatchView { header, items: vec![item(0), failed] }
}

fn added(views: impl IntoIterator<Item = BatchView>) -> Changes {
    let batches = views.into_iter().map(|after| BatchChange { before: None, after }).collect();
    Changes { batches, ..Changes::default() }
}

async fn numbers(models: &ReadModels, filter: &BatchFilter, page: u64, limit: u32) -> (Vec<u128>, u64) {
    let found = models.list(ACCOUNT, filter, page, limit).await.unwrap();
    (found.batches.iter().map(|header| header.batch.0.as_u128()).collect(), found.total)
}

#[tokio::test]
async fn a_batch_comes_back_as_it_was_written_also_after_a_restart() {
    let files = Files::new();
    let models = files.open().await;
    let view = batch(7, 1, Status::Completed);
    models.apply(&added([view.clone()]), Position::START, position(9)).await.unwrap();
    assert_eq!(models.batch(view.header.batch).await.unwrap(), Some(view.clone()));
    models.close().await;
    let models = files.open().await;
    assert_eq!(models.batch(view.header.batch).await.unwrap(), Some(view));
    assert_eq!(models.checkpoint().await.unwrap(), position(9));
    assert_eq!(models.batch(BatchId(Uuid::from_u128(8))).await.unwrap(), None);
}

#[tokio::test]
async fn a_change_rewrites_the_batch_and_moves_it_between_the_counts() {
    let files = Files::new();
    let models = files.open().await;
    let before = batch(7, 1, Status::Completed);
    models.apply(&added([before.clone()]), Position::START, position(1)).await.unwrap();
    let mut after = before.clone();
    (after.header.status, after.header.finished_at, after.header.revision) = (Status::Running, None, 10);
    after.items[1] = ItemView { status: Status::Pending, error: None, ..after.items[1].clone() };
    let change = BatchChange { before: Some(before), after: after.clone() };
    let changes = Changes { batches: vec![change], ..Changes::default() };
    models.apply(&changes, position(1), position(2)).await.unwrap();
    assert_eq!(models.batch(after.header.batch).await.unwrap(), Some(after));
    let with = |status| BatchFilter { status: Some(status), ..BatchFilter::default() };
    assert_eq!(numbers(&models, &with(Status::Completed), 1, 10).await, (vec![], 0));
    assert_eq!(numbers(&models, &with(Status::Running), 1, 10).await, (vec![7], 1));
    assert_eq!(numbers(&models, &BatchFilter::default(), 1, 10).await, (vec![7], 1));
}

#[tokio::test]
async fn changes_from_another_checkpoint_are_refused_whole() {
    let files = Files::new();
    let models = files.open().await;
    let mut changes = added([batch(7, 1, Status::Completed)]);
    changes.add_usage(ACCOUNT, Moment::from_millis(0), Usage { requests: 1, ..Usage::default() });
    models.apply(&changes, Position::START, position(5)).await.unwrap();
    let again = models.apply(&changes, Position::START, position(5)).await;
    assert!(matches!(again, Err(ReadModelError::CheckpointMoved { found, .. }) if found == position(5)));
    assert_eq!(models.usage(ACCOUNT, "1970-01-01").await.unwrap()[0].usage.requests, 1);
    assert_eq!(numbers(&models, &BatchFilter::default(), 1, 10).await.1, 1);
}

#[tokio::test]
async fn the_list_is_newest_first_and_pages_hold_each_batch_once() {
    let files = Files::new();
    let models = files.open().await;
    // Batches 1 to 5, two of them in the same millisecond, and one of another account.
    let mut views: Vec<_> =
        [(1, 1), (2, 2), (3, 2), (4, 4), (5, 5)].map(|(n, s)| batch(n, s, Status::Completed)).into();
    let mut foreign = batch(6, 6, Status::Completed);
    foreign.header.account = AccountId(Uuid::from_u128(2));
    views.push(foreign);
    models.apply(&added(views), Position::START, position(1)).await.unwrap();
    let all = BatchFilter::default();
    assert_eq!(numbers(&models, &all, 1, 2).await, (vec![5, 4], 5));
    assert_eq!(numbers(&models, &all, 2, 2).await, (vec![3, 2], 5));
    assert_eq!(numbers(&models, &all, 3, 2).await, (vec![1], 5));
    assert_eq!(numbers(&models, &all, 4, 2).await, (vec![], 5));
    assert_eq!(numbers(&models, &all, u64::MAX, 100).await, (vec![], 5));
}

#[tokio::test]
async fn the_list_keeps_to_its_filters() {
    let files = Files::new();
    let models = files.open().await;
    let views = (1..=4).map(|number| {
        let status = if number % 2 == 0 { Status::Running } else { Status::Completed };
        batch(u128::from(number as u32), i64::from(number), status)
    });
    models.apply(&added(views), Position::START, position(1)).await.unwrap();
    let second = |second: i64| Some(Moment::from_millis(second * 1_000));
    let filter = BatchFilter { created_after: second(1), created_before: second(4), status: None };
    assert_eq!(numbers(&models, &filter, 1, 10).await, (vec![3, 2], 2));
    let filter = BatchFilter { status: Some(Status::Running), ..filter };
    assert_eq!(numbers(&models, &filter, 1, 10).await, (vec![2], 1));
}

#[tokio::test]
async fn usage_adds_up_by_day() {
    let files = Files::new();
    let models = files.open().await;
    let day = |day: i64| Moment::from_millis(day * 86_400_000);
    let used = |requests| Usage { requests, latency_ms: 100, latency_samples: 1, credits: 2 };
    let mut changes = Changes::default();
    changes.add_usage(ACCOUNT, day(1), used(1));
    changes.add_usage(ACCOUNT, day(3), used(1));
    models.apply(&changes, Position::START, position(1)).await.unwrap();
    models.apply(&changes, position(1), position(2)).await.unwrap();
    let days = models.usage(ACCOUNT, "1970-01-03").await.unwrap();
    assert_eq!(days.len(), 1);
    assert_eq!(days[0].day, "1970-01-04");
    assert_eq!(days[0].usage, Usage { requests: 2, latency_ms: 200, latency_samples: 2, credits: 4 });
}

#[tokio::test]
async fn whoever_waits_for_a_position_is_woken_by_the_write_also_of_another_process() {
    let files = Files::new();
    let (models, elsewhere) = (files.open().await, files.open().await);
    assert!(!models.wait_until(position(3), Duration::from_millis(1)).await.unwrap());
    let waiting = [models.clone(), elsewhere]
        .map(|models| tokio::spawn(async move { models.wait_until(position(3), PATIENCE).await.unwrap() }));
    models.apply(&Changes::default(), Position::START, position(3)).await.unwrap();
    for woken in waiting {
        assert!(woken.await.unwrap());
    }
}

#[tokio::test]
async fn a_quarantined_stream_is_listed_until_it_is_released() {
    let files = Files::new();
    let models = files.open().await;
    let stream = StreamName::new("batch", "x");
    let poison = Quarantined { stream, revision: 3, position: position(8), reason: "unreadable".to_owned() };
    let changes = Changes { quarantined: vec![poison.clone()], ..Changes::default() };
    models.apply(&changes, Position::START, position(9)).await.unwrap();
    assert_eq!(models.quarantined().await.unwrap(), std::slice::from_ref(&poison));
    let changes = Changes { released: vec![poison.stream], ..Changes::default() };
    models.apply(&changes, position(9), position(9)).await.unwrap();
    assert_eq!(models.quarantined().await.unwrap(), []);
}

#[tokio::test]
async fn readers_see_whole_transactions_while_another_writes() {
    let files = Files::new();
    let models = files.open().await;
    let start = batch(7, 1, Status::Completed);
    models.apply(&added([start.clone()]), Position::START, position(1)).await.unwrap();
    let writer = tokio::spawn({
        let (models, mut before) = (models.clone(), start.clone());
        async move {
            for step in 1..100_u64 {
                let mut after = before.clone();
                after.header.revision += 1;
                after.items.iter_mut().for_each(|item| item.attempts += 1);
                let change = BatchChange { before: Some(before), after: after.clone() };
                let changes = Changes { batches: vec![change], ..Changes::default() };
                models.apply(&changes, position(step), position(step + 1)).await.unwrap();
                before = after;
            }
        }
    });
    while !writer.is_finished() {
        let seen = models.batch(start.header.batch).await.unwrap().unwrap();
        let steps = seen.header.revision - start.header.revision;
        assert!(seen.items.iter().all(|item| u64::from(item.attempts) == 2 + steps), "a torn read");
    }
    writer.await.unwrap();
}
