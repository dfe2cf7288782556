//! One write side on a temporary folder, and a worker's hands.

use crate::stand_ins::Place;

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use leafcutter_command_api::{
    CommandParts, CommandSettings, Commands, Desk, PriceBook, ReactionSettings, Reactions, ServiceKey,
    ensure_first_account,
};
use leafcutter_dispatch::{
    Assignment, ClaimAnswer, ClaimRequest, FailedPage, InProcessQueue, Lease, Outcome, Report, ReportAnswer,
    ScrapedPage, SoleOwner, WorkDesk, in_process,
};
use leafcutter_domain::{
    AccountId, BatchId, ErrorCode, Extras, ItemIndex, Moment, Period, PriceList, Usage, WorkerId,
    batch::{BatchState, Extractor},
    ledger::LedgerState,
};
use leafcutter_egress::Policy;
use leafcutter_event_store::{EventStore, LedgerId, SqliteEventStore, Streams};
use leafcutter_object_store::Objects;
use leafcutter_reaction_memory::ReactionMemory;
use leafcutter_secrets::Secrets;
use leafcutter_wire::{Clock, Gate, KeyDirectory, Ledgers, RateLimit};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tower::ServiceExt;
use uuid::Uuid;

pub(crate) const KEY: &str = "lc_test";
/// 2026-11-22T10:00:00Z
const START_MS: i64 = 1_795_341_600_000;
const DEADLINE: Duration = Duration::from_secs(20);

/// A write side. Its reactions run only while `react` has started them.
pub(crate) struct World {
    pub(crate) commands: Commands,
    pub(crate) desk: Desk,
    pub(crate) store: Arc<SqliteEventStore>,
    pub(crate) queue: InProcessQueue,
    pub(crate) worker: WorkerId,
    pub(crate) folder: Arc<TempDir>,
    now: Arc<AtomicI64>,
    /// Age at which reactions have results erased.
    pub(crate) result_age_ms: Option<i64>,
    pub(crate) secrets: Arc<Place>,
    router: axum::Router,
}

impl World {
    pub(crate) async fn new(credits: u64) -> Self {
        Self::priced(credits, vec![]).await
    }

    /// A write side whose operator has these price lists.
    pub(crate) async fn priced(credits: u64, lists: Vec<PriceList>) -> Self {
        let world = Self::without_account(credits, lists).await;
        world.commands.prices.publish(world.commands.clock.now()).await.unwrap();
        ensure_first_account(&world.commands, KEY).await.unwrap();
        world
    }

    /// A write side that nobody may use yet.
    pub(crate) async fn without_account(credits: u64, lists: Vec<PriceList>) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let now = Arc::new(AtomicI64::new(START_MS));
        let store = Arc::new(SqliteEventStore::open(&folder.path().join("events.db")).await.unwrap());
        let secrets = Arc::new(Place::default());
        let commands = Self::commands(&folder, &store, &secrets, (&now, 0), (credits, lists));
        let router = leafcutter_command_api::router(commands.clone());
        let (desk, queue) = (Desk::new(commands.clone()), in_process(1_000));
        let worker = WorkerId(Uuid::now_v7());
        Self { commands, desk, store, queue, worker, folder, now, result_age_ms: None, secrets, router }
    }

    /// Another command-api on the same log, tables, secrets and queue, with a memory and workers of its own. Its clock
    /// goes before this one's by `ahead_ms`.
    pub(crate) fn replica(&self, ahead_ms: i64) -> Self {
        self.replica_priced(ahead_ms, vec![])
    }

    /// Such a replica with these price lists.
    pub(crate) fn replica_priced(&self, ahead_ms: i64, lists: Vec<PriceList>) -> Self {
        let (clock, money) = ((&self.now, ahead_ms), (self.commands.settings.default_credits, lists));
        let commands = Self::commands(&self.folder, &self.store, &self.secrets, clock, money);
        Self {
            desk: Desk::new(commands.clone()),
            router: leafcutter_command_api::router(commands.clone()),
            commands,
            store: Arc::clone(&self.store),
            queue: self.queue.clone(),
            worker: WorkerId(Uuid::now_v7()),
            folder: Arc::clone(&self.folder),
            now: Arc::clone(&self.now),
            result_age_ms: self.result_age_ms,
            secrets: Arc::clone(&self.secrets),
        }
    }

    fn commands(
        folder: &TempDir,
        store: &Arc<SqliteEventStore>,
        secrets: &Arc<Place>,
        (now, ahead_ms): (&Arc<AtomicI64>, i64),
        (credits, lists): (u64, Vec<PriceList>),
    ) -> Commands {
        let log = || Arc::clone(store) as Arc<dyn EventStore>;
        let clock = Arc::clone(now);
        Commands::new(CommandParts {
            log: log(),
            batches: Arc::new(Streams::new(log())),
            ledgers: Arc::new(Ledgers::new(log())),
            accounts: Arc::new(Streams::new(log())),
            quarantine: Arc::new(Streams::new(log())),
            prices: PriceBook::new(log(), lists),
            objects: Objects::local(&folder.path().join("objects")).unwrap(),
            secrets: Arc::clone(secrets) as Arc<dyn Secrets>,
            policy: Policy::new(vec![]),
            clock: Clock::given(move || Moment::from_millis(clock.load(Ordering::SeqCst) + ahead_ms)),
            gate: Gate::new(KeyDirectory::start(log()), RateLimit::per_minute(0)),
            service_key: ServiceKey::new([7; 32]),
            settings: CommandSettings {
                extras: Extras::default(),
                batch_urls_max: 50,
                pending_batches_max: 70,
                result_bytes_max: 1_000_000,
                lease_ms: 60_000,
                cookie_ttl_ms: 900_000,
                default_credits: credits,
                proxy_places: ["de", "eu", "global"].map(|place| place.parse().unwrap()).into(),
                admin_token: Some(KEY.to_owned()),
            },
        })
    }

    /// Starts reactions that remember in this file.
    pub(crate) async fn react(&self, file: &str) -> Reactions {
        self.react_while(file, Some(self.worker), Arc::new(SoleOwner)).await
    }

    /// Starts reactions that run while this lease is theirs.
    pub(crate) async fn react_while(
        &self,
        file: &str,
        own_worker: Option<WorkerId>,
        lease: Arc<dyn Lease>,
    ) -> Reactions {
        let tables = ReactionMemory::open(&self.folder.path().join(file)).await.unwrap();
        let result_age_ms = self.result_age_ms;
        let settings = ReactionSettings { slots: 4, own_worker, sweep_grace_ms: 30_000, result_age_ms };
        let log = Arc::clone(&self.store) as Arc<dyn EventStore>;
        let dispatch = Arc::new(self.queue.clone());
        Reactions::start(self.commands.clone(), log, dispatch, tables, lease, settings)
    }

    pub(crate) fn pass(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::SeqCst);
    }

    /// Moves the clock to the first moment of the next month.
    pub(crate) fn turn_the_month(&self) {
        let next = Period::of(Moment::from_millis(self.now.load(Ordering::SeqCst))).next().start();
        self.now.store(next.millis(), Ordering::SeqCst);
    }

    pub(crate) fn period(&self) -> Period {
        Period::of(self.commands.clock.now())
    }

    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Value,
    ) -> (StatusCode, Value) {
        // The one key opens the admin calls too.
        let mut request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {KEY}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1_000_000).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Submits this many pages.
    pub(crate) async fn submit(&self, pages: usize) -> BatchId {
        let (status, answer) = self.request("POST", "/api/batch/scrape", None, pages_body(pages)).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        batch_of(&answer)
    }

    pub(crate) async fn cancel(&self, batch: BatchId) -> (StatusCode, Value) {
        self.request("DELETE", &format!("/api/batch/scrape/{batch}"), None, json!(null)).await
    }

    pub(crate) async fn claim(&self, batch: BatchId, item: ItemIndex) -> Option<Assignment> {
        let request = ClaimRequest { batch, item, claim: Uuid::now_v7(), worker: self.worker };
        match self.desk.claim(request).await.unwrap() {
            ClaimAnswer::Granted(assignment) => Some(*assignment),
            ClaimAnswer::Refused => None,
        }
    }

    pub(crate) async fn complete(&self, assignment: &Assignment) -> ReportAnswer {
        let result = self.commands.objects.put(&assignment.object_prefix, "page".into()).await.unwrap();
        let scraped = ScrapedPage {
            result,
            screenshot: None,
            final_url: assignment.url.clone(),
            http_status: 200,
            extractor: Extractor::None,
        };
        self.report(assignment, Outcome::Completed(scraped)).await
    }

    pub(crate) async fn fail(&self, assignment: &Assignment, code: ErrorCode) -> ReportAnswer {
        let page = FailedPage { code, message: "failed".to_owned(), final_url: None, http_status: None };
        self.report(assignment, Outcome::Failed(page)).await
    }

    pub(crate) async fn report(&self, assignment: &Assignment, outcome: Outcome) -> ReportAnswer {
        let (batch, item, lease) = (assignment.batch, assignment.item, assignment.lease.clone());
        self.desk.report(Report { batch, item, lease, outcome, usage: Usage::default() }).await.unwrap()
    }

    pub(crate) async fn batch(&self, batch: BatchId) -> BatchState {
        self.commands.batches.inspect(batch, |folded| folded.state.clone()).await.unwrap()
    }

    pub(crate) async fn ledger(&self, period: Period) -> LedgerState {
        let id = LedgerId { account: self.account(), period };
        self.commands.ledgers.inspect(id, |folded| folded.state.clone()).await.unwrap()
    }

    pub(crate) fn account(&self) -> AccountId {
        AccountId(Uuid::new_v5(&Uuid::NAMESPACE_OID, b"default"))
    }

    /// Waits until the condition holds of the present ledger.
    pub(crate) async fn until_ledger(
        &self,
        period: Period,
        holds: impl Fn(&LedgerState) -> bool,
    ) -> LedgerState {
        let waiting = async {
            loop {
                let ledger = self.ledger(period).await;
                if holds(&ledger) {
                    return ledger;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.expect("the ledger must get there")
    }

    /// Waits until the condition holds of the batch.
    pub(crate) async fn until_batch(
        &self,
        batch: BatchId,
        holds: impl Fn(&BatchState) -> bool,
    ) -> BatchState {
        let waiting = async {
            loop {
                let state = self.batch(batch).await;
                if holds(&state) {
                    return state;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.expect("the batch must get there")
    }
}

pub(crate) fn pages_body(pages: usize) -> Value {
    let urls: Vec<_> = (0..pages).map(|page| format!("https://example.com/{page}")).collect();
    json!({ "urls": urls })
}

pub(crate) fn batch_of(answer: &Value) -> BatchId {
    answer["batchId"].as_str().unwrap().parse().unwrap()
}
