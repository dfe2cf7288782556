//! A log, read models and a projector in a folder of their own; and the commands that make a batch.

use leafcutter_domain::{
    AccountId, BatchId, ErrorCode, ItemIndex, Moment, Period, ReservationId, ScrapeOptions, Usage, WorkerId,
    batch::{
        Batch, BatchCommand, BatchEvent, Channel, Extractor, ReportCompleted, ReportFailed, RoundTerms,
        StartItem, StoredObject, SubmitBatch,
    },
};
use leafcutter_event_store::{Aggregate, EventStore, Position, SqliteEventStore, Streams, decode};
use leafcutter_projector::{Projector, Settings};
use leafcutter_read_models::{BatchView, ReadModels, fold};
use leafcutter_test_servers::Postgres;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

pub(crate) const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));
/// 2026-11-01T00:00:00Z.
pub(crate) fn began() -> Moment {
    Moment::from_millis(1_793_491_200_000)
}
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Where the read models are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

pub(crate) struct World {
    folder: tempfile::TempDir,
    /// Lives as long as its database is used.
    _server: Option<Arc<Postgres>>,
    address: String,
    pub(crate) log: Arc<SqliteEventStore>,
    pub(crate) batches: Streams<Batch>,
    pub(crate) models: ReadModels,
}

impl World {
    pub(crate) async fn new(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::with(None).await,
            Engine::Postgres => Self::with(Some(Postgres::shared().await)).await,
        }
    }

    /// With a server that the test may kill.
    pub(crate) async fn with(server: Option<Arc<Postgres>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = Arc::new(SqliteEventStore::open(&folder.path().join("log.sqlite")).await.unwrap());
        let address = fresh(&folder, server.as_deref(), "read.sqlite").await;
        let models = open(&address).await;
        Self { folder, _server: server, address, batches: Streams::new(log.clone()), log, models }
    }

    /// The same read models, as another process would open them.
    pub(crate) async fn models_elsewhere(&self) -> ReadModels {
        open(&self.address).await
    }

    /// Read models of their own, in a file beside the first ones.
    pub(crate) async fn more_models(&self) -> ReadModels {
        open(&fresh(&self.folder, None, "more.sqlite").await).await
    }

    /// The address of the database.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn project(&self) -> Projector {
        self.project_into(&self.models)
    }

    pub(crate) fn project_into(&self, models: &ReadModels) -> Projector {
        Projector::start(self.log.clone(), models.clone(), Settings::default())
    }

    pub(crate) async fn head(&self) -> Position {
        self.log.head().await.unwrap()
    }

    /// Waits until the tables hold everything that the log has now.
    pub(crate) async fn applied(&self) {
        assert!(self.models.wait_until(self.head().await, PATIENCE).await.unwrap());
    }

    pub(crate) async fn submit(&self, number: u128, urls: u16) -> BatchId {
        let batch = BatchId(Uuid::from_u128(number));
        self.batches.transact(batch, submit(batch, urls)).await.unwrap();
        batch
    }

    /// Runs an item to its end, `seconds` after the start.
    pub(crate) async fn run(&self, batch: BatchId, item: ItemIndex, seconds: i64, succeeds: bool) {
        self.batches.transact(batch, start(item, seconds)).await.unwrap();
        self.batches.transact(batch, report(item, seconds, succeeds)).await.unwrap();
    }

    /// The batch as its whole stream tells it, without any table.
    pub(crate) async fn folded(&self, batch: BatchId) -> Option<BatchView> {
        let events = self.log.read(&Batch::stream(batch), 0, 100_000).await.unwrap();
        let mut view = None;
        for stored in &events {
            fold(&mut view, &decode::<BatchEvent>(stored).unwrap().0, stored.revision).unwrap();
        }
        view
    }
}

/// A file's path or a database's address.
async fn fresh(folder: &tempfile::TempDir, server: Option<&Postgres>, name: &str) -> String {
    match server {
        None => folder.path().join(name).display().to_string(),
        Some(server) => server.database().await,
    }
}

async fn open(address: &str) -> ReadModels {
    if address.starts_with("postgres") {
        ReadModels::connect(address).await.unwrap()
    } else {
        ReadModels::open(address.as_ref()).await.unwrap()
    }
}

/// Every row, as its line.
pub(crate) async fn rows(models: &ReadModels) -> Vec<String> {
    let mut rows = Vec::new();
    models.each_row(|row| rows.push(row)).await.unwrap();
    rows
}

pub(crate) fn terms(batch: BatchId, round: u32) -> RoundTerms {
    let (reservation, period) = (ReservationId::of(batch, round), Period::of(began()));
    RoundTerms { round, reservation, period, per_item: 2, max_attempts: 2, retry_any_failure: false }
}

pub(crate) fn submit(batch: BatchId, urls: u16) -> BatchCommand {
    SubmitBatch {
        batch,
        account: ACCOUNT,
        urls: (0..urls).map(|url| format!("https://example.com/{url}")).collect(),
        options: ScrapeOptions::default(),
        has_cookies: false,
        channel: Channel::Api,
        metadata: Some(serde_json::json!({"urls": urls})),
        price_list: 1,
        terms: terms(batch, 1),
        fingerprint: Some("f".to_owned()),
        at: began(),
    }
    .into()
}

/// The lease of the attempt that starts at this second.
fn lease(item: ItemIndex, seconds: i64) -> String {
    format!("{item}/{seconds}")
}

pub(crate) fn start(item: ItemIndex, seconds: i64) -> BatchCommand {
    StartItem {
        item,
        worker: WorkerId(Uuid::nil()),
        claim: Uuid::new_v5(&Uuid::NAMESPACE_OID, lease(item, seconds).as_bytes()),
        lease_hash: lease(item, seconds),
        deadline: began().plus_millis(seconds * 1_000 + 60_000),
        at: began().plus_millis(seconds * 1_000),
    }
    .into()
}

/// The end of the attempt that started at this second, after 250 milliseconds.
pub(crate) fn report(item: ItemIndex, seconds: i64, succeeds: bool) -> BatchCommand {
    let at = began().plus_millis(seconds * 1_000 + 250);
    let usage = Usage {
        duration_ms: 250,
        model_input_tokens: 10,
        model_output_tokens: 2,
        captchas: 1,
        ..Usage::default()
    };
    let lease_hash = lease(item, seconds);
    if !succeeds {
        let message = "The page has no such field.".to_owned();
        let (final_url, http_status) = (None, Some(200));
        let code = ErrorCode::SchemaMismatch;
        return ReportFailed {
            item,
            lease_hash,
            code,
            message,
            final_url,
            http_status,
            usage,
            credits: 0,
            at,
        }
        .into();
    }
    let result = StoredObject { key: format!("result/{item}"), hash: String::new(), bytes: 1 };
    let (final_url, extractor) = ("https://example.com/end".to_owned(), Extractor::None);
    let (screenshot, http_status, credits) = (None, 200, 2);
    ReportCompleted {
        item,
        lease_hash,
        result,
        screenshot,
        final_url,
        http_status,
        extractor,
        usage,
        credits,
        at,
    }
    .into()
}
