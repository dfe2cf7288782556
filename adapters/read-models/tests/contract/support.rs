//! Where the tables of a test are, a folder of their own or a database of their own, and made-up rows.

use leafcutter_domain::{
    AccountId, BatchId, ErrorCode, Moment, OutputFormat, ReservationId,
    batch::{Channel, Extractor},
};
use leafcutter_event_store::Position;
use leafcutter_read_models::{
    BatchChange, BatchFilter, BatchHeader, BatchView, Changes, Counts, EntryKind, ItemError, ItemView,
    LedgerBalance, LedgerEntry, ReadModelError, ReadModels, Status,
};
use leafcutter_test_servers::Postgres;
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Where the tables are, empty at first; they go away with it.
pub(crate) enum Place {
    File(TempDir),
    Database { url: String, server: Arc<Postgres> },
}

impl Place {
    pub(crate) fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn database() -> Self {
        let server = Postgres::shared().await;
        Self::Database { url: server.database().await, server }
    }

    /// The tables, as another process would open them.
    pub(crate) async fn open(&self) -> ReadModels {
        match self {
            Self::File(folder) => ReadModels::open(&folder.path().join("read-models.sqlite")).await.unwrap(),
            Self::Database { url, .. } => ReadModels::connect(url).await.unwrap(),
        }
    }

    /// An empty place of the same kind.
    pub(crate) async fn another(&self) -> Self {
        match self {
            Self::File(_) => Self::file(),
            Self::Database { server, .. } => {
                Self::Database { url: server.database().await, server: Arc::clone(server) }
            }
        }
    }
}

/// Writes with a turn of its own.
pub(crate) async fn applied(
    models: &ReadModels,
    changes: &Changes,
    from: u64,
    to: u64,
) -> Result<(), ReadModelError> {
    let mut turn = models.projector_turn().await?;
    let answer = turn.apply(changes, position(from), position(to)).await;
    turn.give_back().await;
    answer
}

/// Every row, as its line.
pub(crate) async fn rows(models: &ReadModels) -> Vec<String> {
    let mut rows = Vec::new();
    models.each_row(|row| rows.push(row)).await.unwrap();
    rows
}

pub(crate) fn position(value: u64) -> Position {
    value.to_string().parse().unwrap()
}

pub(crate) fn item(index: u16) -> ItemView {
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
        erased_at: Some(Moment::from_millis(11)),
    }
}

/// A batch that ended in second `second`, whose second item failed.
pub(crate) fn batch(number: u128, second: i64, status: Status) -> BatchView {
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

pub(crate) fn added(views: impl IntoIterator<Item = BatchView>) -> Changes {
    let batches = views.into_iter().map(|after| BatchChange { before: None, after }).collect();
    Changes { batches, ..Changes::default() }
}

pub(crate) async fn numbers(
    models: &ReadModels,
    filter: &BatchFilter,
    page: u64,
    limit: u32,
) -> (Vec<u128>, u64) {
    let found = models.list(ACCOUNT, filter, page, limit).await.unwrap();
    (found.batches.iter().map(|header| header.batch.0.as_u128()).collect(), found.total)
}

/// An entry of a month whose event is this one, in second `second`.
pub(crate) fn entry(period: &str, revision: u64, second: i64) -> LedgerEntry {
    LedgerEntry {
        period: period.parse().unwrap(),
        revision,
        kind: EntryKind::Opened,
        at: Moment::from_millis(second * 1_000),
        amount: 4,
        change: -4,
        balance: 90,
        held: 6,
        spent: 4,
        batch: None,
        round: None,
        reservation: Some(ReservationId(Uuid::from_u128(3))),
        items: vec![],
        attempt: None,
        reason: None,
    }
}

/// The sums of a month up to this revision.
pub(crate) fn balance(account: AccountId, period: &str, revision: u64) -> LedgerBalance {
    LedgerBalance {
        account,
        period: period.parse().unwrap(),
        revision,
        entries: revision + 1,
        at: Moment::from_millis(5),
        allowance: 100,
        granted: 107,
        available: 90,
        held: 6,
        spent: 4,
        expired: 5,
        carried_out: 2,
        closed: false,
    }
}
