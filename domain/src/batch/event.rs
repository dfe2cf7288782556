//! The facts of a batch. Their stored form is public: names and fields stay as they are (see the golden files
//! in `adapters/event-store`). Nothing secret and no page content may be in them.

use super::erasing::ResultsErased;
use crate::{
    AccountId, BatchId, ErrorCode, ItemIndex, Moment, Period, ReservationId, ScrapeOptions, Usage, WorkerId,
    event::events,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

events! {
    /// Everything that can happen to a batch.
    BatchEvent {
        BatchSubmitted, ItemQueued, ItemStarted, ItemCompleted, ItemFailed, ItemRequeued, RetryRequested,
        BatchCancelled, BatchCompleted, BatchFailed, SubmissionAbandoned, ResultsErased,
    }
}

/// One round of work on a batch: the submit or a retry, with the credits set aside for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoundTerms {
    /// 1 for the submit, higher for retries and after an abandoned round.
    pub round: u32,
    /// The credits set aside.
    pub reservation: ReservationId,
    /// The month whose ledger holds the reservation.
    pub period: Period,
    /// Credits set aside for each item.
    pub per_item: u64,
    /// Attempts that each item gets.
    pub max_attempts: u8,
    /// Whether an attempt is repeated after any failure, or only after one that may end otherwise.
    #[serde(default)]
    pub retry_any_failure: bool,
}

/// Where the batch came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The HTTP API.
    #[default]
    Api,
    /// The dashboard.
    Playground,
}

/// A client handed in a batch; its items follow in the same append.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchSubmitted {
    /// The batch.
    pub batch: BatchId,
    /// Its owner.
    pub account: AccountId,
    /// Number of items.
    pub total: u16,
    /// What is asked of each page.
    pub options: ScrapeOptions,
    /// Whether cookies came with it (never the cookies).
    pub has_cookies: bool,
    /// Where it came from.
    pub channel: Channel,
    /// The caller's own object, echoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
    /// Version of the price list that holds for the batch.
    pub price_list: u32,
    /// Credits and attempts of the first round.
    pub terms: RoundTerms,
    /// Keyed hash of the request, to tell a repeat from another request with the same idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// When.
    pub at: Moment,
}

/// An item of a submitted batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemQueued {
    /// Position in the batch.
    pub item: ItemIndex,
    /// The page, as the client wrote it.
    pub url: String,
    /// When.
    pub at: Moment,
}

/// A worker claimed an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemStarted {
    /// Position in the batch.
    pub item: ItemIndex,
    /// The round it runs in.
    pub round: u32,
    /// Starts of this item so far, from 1.
    pub attempt: u32,
    /// The worker's incarnation.
    pub worker: WorkerId,
    /// The claim, so that a repeated one is recognised.
    pub claim: Uuid,
    /// BLAKE3 of the lease token, hex.
    pub lease_hash: String,
    /// When the lease ends.
    pub deadline: Moment,
    /// When.
    pub at: Moment,
}

/// A stored object: a result or a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredObject {
    /// Its key in the object store.
    pub key: String,
    /// BLAKE3 of its bytes, hex.
    pub hash: String,
    /// Its size.
    pub bytes: u64,
}

/// Who turned the page into a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extractor {
    /// A language model.
    Model,
    /// The built-in rules.
    Rules,
    /// Nobody: the result is the page as Markdown.
    None,
}

/// The page was opened and its content stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemCompleted {
    /// Position in the batch.
    pub item: ItemIndex,
    /// The round it ran in.
    pub round: u32,
    /// Which start of the item.
    pub attempt: u32,
    /// The stored result.
    pub result: StoredObject,
    /// The stored picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screenshot: Option<StoredObject>,
    /// Where the page led.
    pub final_url: String,
    /// The page's HTTP status.
    pub http_status: u16,
    /// Who extracted.
    pub extractor: Extractor,
    /// What the attempt used.
    pub usage: Usage,
    /// What it costs.
    pub credits: u64,
    /// When.
    pub at: Moment,
}

/// The item ended without a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailed {
    /// Position in the batch.
    pub item: ItemIndex,
    /// The round it ran in.
    pub round: u32,
    /// Which start of the item; 0 when it never started.
    pub attempt: u32,
    /// Why.
    pub code: ErrorCode,
    /// Why, for a reader.
    pub message: String,
    /// Whether another attempt may end otherwise.
    pub retryable: bool,
    /// Where the page led, when it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_url: Option<String>,
    /// The page's HTTP status, when it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// What the attempt used.
    #[serde(default)]
    pub usage: Usage,
    /// What it costs.
    pub credits: u64,
    /// When.
    pub at: Moment,
}

/// Why an item went back to the queue by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RequeueCause {
    /// The worker reported a failure and the item may be tried again.
    AttemptFailed(ErrorCode),
    /// The lease ran out without a report.
    WorkerLost,
    /// The service stopped, was restarted, or lost its broker.
    PutBack,
}

/// The item waits again, without the caller having asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemRequeued {
    /// Position in the batch.
    pub item: ItemIndex,
    /// The round it ran in.
    pub round: u32,
    /// Which start of the item ended this way.
    pub attempt: u32,
    /// Why.
    pub cause: RequeueCause,
    /// When.
    pub at: Moment,
}

/// The client asked for the failed items again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryRequested {
    /// Every item that had failed.
    pub items: Vec<ItemIndex>,
    /// Credits and attempts of the round.
    pub terms: RoundTerms,
    /// Whether the request brought cookies.
    pub has_cookies: bool,
    /// Keyed hash of the idempotency key, when one came with the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<String>,
    /// Keyed hash of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// When.
    pub at: Moment,
}

/// The client stopped the batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchCancelled {
    /// The items that were still pending.
    pub items: Vec<ItemIndex>,
    /// When.
    pub at: Moment,
}

/// Every item has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchCompleted {
    /// When.
    pub at: Moment,
}

/// Why a batch itself broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BatchFailure {
    /// The ledger does not hold the reservation that the batch names, so nothing may be run or charged.
    ReservationMissing,
}

/// The batch itself broke; its open items end here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchFailed {
    /// Why.
    pub cause: BatchFailure,
    /// When.
    pub at: Moment,
}

/// Credits were set aside for a round that never began; the round may not begin any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmissionAbandoned {
    /// The round.
    pub round: u32,
    /// When.
    pub at: Moment,
}
