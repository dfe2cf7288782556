//! What the read side works with, and the two ways in which an answer is never stale: a batch is its row and
//! whatever the log has beyond it; a list waits until the tables hold what the log held when it was asked for.

use leafcutter_domain::{
    AccountId, BatchId,
    account::Account,
    batch::{Batch, BatchEvent},
};
use leafcutter_event_store::{Aggregate, EventStore, StoreError, StoredEvent, StreamName, Streams, decode};
use leafcutter_ledger_proof::HeadSigner;
use leafcutter_object_store::Objects;
use leafcutter_read_models::{BatchView, LiveModels, ReadModelError, ReadModels, fold};
use leafcutter_wire::{ApiError, Clock, Gate, Ledgers};
use std::{ops::Deref, sync::Arc, time::Duration};
use url::Url;

/// How long a list waits for the tables.
const TABLES_WAIT_MS: u64 = 2_000;
/// Events in one read of a stream.
const STREAM_PAGE_EVENTS: usize = 500;

pub(crate) const NO_SUCH_BATCH: ApiError = ApiError::NotFound("There is no such batch.");

/// What the operator may set.
#[derive(Debug, Clone)]
pub struct QuerySettings {
    /// Under which URL clients reach the service; without it the `Host` of each request is taken, over plain HTTP.
    pub public_url: Option<Url>,
    /// Size of one result.
    pub result_bytes_max: u64,
}

/// The parts that the read side is made of.
pub struct QueryParts {
    /// The log.
    pub store: Arc<dyn EventStore>,
    /// Ledgers.
    pub ledgers: Arc<Ledgers>,
    /// Accounts.
    pub accounts: Arc<Streams<Account>>,
    /// The tables.
    pub models: LiveModels,
    /// Results and screenshots.
    pub objects: Objects,
    /// Signs where ledgers end.
    pub signer: HeadSigner,
    /// The time.
    pub clock: Clock,
    /// Keys and rate limits.
    pub gate: Gate,
    /// What the operator set.
    pub settings: QuerySettings,
}

/// A shared handle on the parts.
#[derive(Clone)]
pub struct QueryState(Arc<QueryParts>);

impl Deref for QueryState {
    type Target = QueryParts;
    fn deref(&self) -> &QueryParts {
        &self.0
    }
}

impl QueryState {
    /// The read side made of these parts.
    #[must_use]
    pub fn new(parts: QueryParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The batch as the log has it now, if it is this account's; another account's is as good as none.
    pub(crate) async fn batch(&self, account: AccountId, batch: BatchId) -> Result<BatchView, ApiError> {
        let mut view = self.models.now().batch(batch).await.map_err(unavailable)?;
        if view.as_ref().is_some_and(|view| view.header.account != account) {
            return Err(NO_SUCH_BATCH);
        }
        let next = view.as_ref().map_or(0, |view| view.header.revision + 1);
        let mut pages = self.pages(Batch::stream(batch), next);
        while let Some(page) = pages.next().await? {
            for stored in &page {
                let (event, _) = decode::<BatchEvent>(stored).map_err(unreadable)?;
                fold(&mut view, &event, stored.revision).map_err(unreadable)?;
            }
        }
        view.filter(|view| view.header.account == account).ok_or(NO_SUCH_BATCH)
    }

    /// The events of a stream from this revision on, as the log has them now.
    pub(crate) fn pages(&self, stream: StreamName, from: u64) -> StreamPages<'_> {
        StreamPages { log: self.store.as_ref(), stream, next: Some(from) }
    }

    /// The tables, once they hold everything that the log holds now. One answer is made of one version of them.
    pub(crate) async fn tables_current(&self) -> Result<ReadModels, ApiError> {
        let head = self.store.head().await.map_err(store_unavailable)?;
        let patience = Duration::from_millis(TABLES_WAIT_MS);
        let current = self.models.current(head, patience).await.map_err(unavailable)?;
        current.ok_or(ApiError::Busy("the read models lag behind the log."))
    }
}

/// A stream, page after page.
pub(crate) struct StreamPages<'a> {
    log: &'a dyn EventStore,
    stream: StreamName,
    /// The revision that comes next; none at the end.
    next: Option<u64>,
}

impl StreamPages<'_> {
    /// The next events; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<StoredEvent>>, ApiError> {
        let Some(from) = self.next else { return Ok(None) };
        let page = self.log.read(&self.stream, from, STREAM_PAGE_EVENTS).await.map_err(store_unavailable)?;
        self.next = (page.len() == STREAM_PAGE_EVENTS).then(|| from + page.len() as u64);
        Ok(Some(page))
    }
}

pub(crate) fn store_unavailable(error: StoreError) -> ApiError {
    ApiError::from(&error)
}

/// The tables do not answer.
pub(crate) fn unavailable(error: ReadModelError) -> ApiError {
    tracing::error!(%error, source = ?std::error::Error::source(&error), "the read models do not answer");
    ApiError::Busy("the read models are not available.")
}

/// An event of the log cannot be read, so the answer is not known.
pub(crate) fn unreadable(error: impl std::error::Error) -> ApiError {
    tracing::error!(%error, source = ?error.source(), "a stream cannot be read from the log");
    ApiError::Internal
}
