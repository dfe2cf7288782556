//! A read side in a folder of its own, with two accounts, and requests to it.

use crate::document::Document;
use axum::{Router, body::Body, http::Request};
use http_body_util::BodyExt;
use leafcutter_domain::{
    AccountId, KeyId, Moment,
    account::{Account, ChangeAllowance, IssueKey, OpenAccount},
    batch::Batch,
};
use leafcutter_event_store::{EventStore, SqliteEventStore, Streams};
use leafcutter_ledger_proof::HeadSigner;
use leafcutter_object_store::Objects;
use leafcutter_projector::{Projector, Settings};
use leafcutter_query_api::{QueryParts, QuerySettings, QueryState, router};
use leafcutter_read_models::ReadModels;
use leafcutter_wire::{Clock, Gate, KeyDirectory, Ledgers, RateLimit, hash_key};
use serde_json::Value;
use std::sync::Arc;
use tower::ServiceExt;
use uuid::Uuid;

pub(crate) const OWNER: AccountId = AccountId(Uuid::from_u128(1));
pub(crate) const OWNER_KEY: &str = "lc_owner";
pub(crate) const STRANGER_KEY: &str = "lc_stranger";
const STRANGER: AccountId = AccountId(Uuid::from_u128(2));
/// Largest result in these tests.
const RESULT_BYTES_MAX: u64 = 1_000;

/// The present: a Sunday.
pub(crate) fn now() -> Moment {
    "2026-11-15T12:00:00Z".parse().unwrap()
}

pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) log: Arc<SqliteEventStore>,
    pub(crate) batches: Streams<Batch>,
    pub(crate) ledgers: Arc<Ledgers>,
    pub(crate) objects: Objects,
    pub(crate) models: ReadModels,
    router: Router,
    document: Document,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::reached_at(None).await
    }

    /// A read side that clients reach under this URL.
    pub(crate) async fn reached_at(public_url: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(&folder.path().join("objects")).unwrap();
        let models = ReadModels::open(&folder.path().join("read.sqlite")).await.unwrap();
        Self::made_of(folder, objects, models, public_url).await
    }

    /// A read side with its objects elsewhere.
    pub(crate) async fn with_objects(objects: Objects) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let models = ReadModels::open(&folder.path().join("read.sqlite")).await.unwrap();
        Self::made_of(folder, objects, models, None).await
    }

    /// A read side whose read models are in this database.
    pub(crate) async fn with_database(address: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(&folder.path().join("objects")).unwrap();
        Self::made_of(folder, objects, ReadModels::connect(address).await.unwrap(), None).await
    }

    async fn made_of(
        folder: tempfile::TempDir,
        objects: Objects,
        models: ReadModels,
        public_url: Option<&str>,
    ) -> Self {
        let log = Arc::new(SqliteEventStore::open(&folder.path().join("log.sqlite")).await.unwrap());
        let (ledgers, accounts) =
            (Arc::new(Ledgers::new(log.clone() as _)), Arc::new(Streams::new(log.clone() as _)));
        open_account(&accounts, OWNER, OWNER_KEY).await;
        open_account(&accounts, STRANGER, STRANGER_KEY).await;
        let state = QueryState::new(QueryParts {
            store: log.clone(),
            ledgers: Arc::clone(&ledgers),
            accounts,
            models: models.clone().into(),
            objects: objects.clone(),
            signer: HeadSigner::from_service_key(&[7; 32]),
            clock: Clock::given(now),
            gate: Gate::new(KeyDirectory::start(log.clone()), RateLimit::per_minute(0)),
            settings: QuerySettings {
                public_url: public_url.map(|url| url.parse().unwrap()),
                result_bytes_max: RESULT_BYTES_MAX,
            },
        });
        let (router, document) = (router(state), leafcutter_query_api::document());
        let document = Document::new(&document);
        let batches = Streams::new(log.clone());
        Self { folder, log, batches, ledgers, objects, models, router, document }
    }

    /// What the code says of itself.
    pub(crate) fn document(self) -> Document {
        self.document
    }

    pub(crate) fn project(&self) -> Projector {
        Projector::start(self.log.clone(), self.models.clone(), Settings::default())
    }

    /// Brings the tables up to the log as it is now; what comes later is not in them.
    pub(crate) async fn project_once(&self) {
        let projector = self.project();
        let head = self.log.head().await.unwrap();
        assert!(self.models.wait_until(head, std::time::Duration::from_secs(20)).await.unwrap());
        projector.shutdown().await;
    }

    /// Gives the owner another allowance from the next month on.
    pub(crate) async fn allow(&self, monthly_credits: u64, at: Moment) {
        let accounts: Streams<Account> = Streams::new(self.log.clone());
        accounts.transact(OWNER, ChangeAllowance { monthly_credits, at }).await.unwrap();
    }

    /// A file of this read side.
    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Takes all stored results and pictures away.
    pub(crate) fn lose_objects(&self) {
        std::fs::remove_dir_all(self.folder.path().join("objects")).unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(path, &[("x-api-key", OWNER_KEY), ("host", "leaf.example:8080")]).await
    }

    /// A request; its answer must be one that the document knows.
    pub(crate) async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, bytes, json };
        self.document.check(path, &answer);
        answer
    }
}

async fn open_account(accounts: &Streams<Account>, account: AccountId, key: &str) {
    let at: Moment = "2026-08-10T00:00:00Z".parse().unwrap();
    let open = OpenAccount { account, name: "someone".to_owned(), monthly_credits: 100, at };
    accounts.transact(account, open).await.unwrap();
    let issue = IssueKey { key: KeyId(account.0), hash: hash_key(key), at };
    accounts.transact(account, issue).await.unwrap();
}
