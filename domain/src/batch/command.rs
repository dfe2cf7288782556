//! What may be asked of a batch. Each command carries its time and every id it needs.

use super::{
    erasing::EraseResults,
    event::{BatchFailure, Channel, Extractor, RoundTerms, StoredObject},
};
use crate::{AccountId, BatchId, ErrorCode, ItemIndex, Moment, ScrapeOptions, Usage, WorkerId};
use uuid::Uuid;

macro_rules! commands {
    ($(#[$doc:meta])* $enum:ident { $($name:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub enum $enum { $(
            #[doc = concat!("See [`", stringify!($name), "`].")]
            $name($name)
        ),+ }
        $(impl From<$name> for $enum {
            fn from(command: $name) -> Self { Self::$name(command) }
        })+
    };
}
pub(crate) use commands as commands_macro;

commands! {
    /// Everything that can be asked of a batch.
    BatchCommand {
        SubmitBatch, AbandonRound, StartItem, ReportCompleted, ReportFailed, PutBackItem, ExpireLease, FailPending,
        RequestRetry, CancelBatch, FailBatch, EraseResults,
    }
}

/// Submit the batch. The same fingerprint again: nothing to record; without one a repeat is refused,
/// `IdempotencyKeyReused`.
#[derive(Debug, Clone)]
pub struct SubmitBatch {
    /// The batch.
    pub batch: BatchId,
    /// Its owner.
    pub account: AccountId,
    /// The pages, in order.
    pub urls: Vec<String>,
    /// What is asked of each.
    pub options: ScrapeOptions,
    /// Whether cookies came with it.
    pub has_cookies: bool,
    /// Where it came from.
    pub channel: Channel,
    /// The caller's object.
    pub metadata: Option<serde_json::Value>,
    /// Version of the price list.
    pub price_list: u32,
    /// Credits and attempts.
    pub terms: RoundTerms,
    /// Keyed hash of the request.
    pub fingerprint: Option<String>,
    /// Now.
    pub at: Moment,
}

/// Forbid a round that set credits aside but never began. Repeated, or already begun: nothing to record.
#[derive(Debug, Clone)]
pub struct AbandonRound {
    /// The round.
    pub round: u32,
    /// Now.
    pub at: Moment,
}

/// Give a pending item to a worker. The same claim again while the item runs: nothing to record.
#[derive(Debug, Clone)]
pub struct StartItem {
    /// The item.
    pub item: ItemIndex,
    /// The worker's incarnation.
    pub worker: WorkerId,
    /// The worker's name for this claim.
    pub claim: Uuid,
    /// BLAKE3 of the lease token, hex.
    pub lease_hash: String,
    /// When the lease ends.
    pub deadline: Moment,
    /// Now.
    pub at: Moment,
}

/// Record a result. The same report again: nothing to record.
#[derive(Debug, Clone)]
pub struct ReportCompleted {
    /// The item.
    pub item: ItemIndex,
    /// BLAKE3 of the lease token, hex.
    pub lease_hash: String,
    /// The stored result.
    pub result: StoredObject,
    /// The stored picture.
    pub screenshot: Option<StoredObject>,
    /// Where the page led.
    pub final_url: String,
    /// The page's status.
    pub http_status: u16,
    /// Who extracted.
    pub extractor: Extractor,
    /// What it used.
    pub usage: Usage,
    /// What it costs.
    pub credits: u64,
    /// Now.
    pub at: Moment,
}

/// Record a failed attempt; the rules say whether the item waits again or ends. The same report again: nothing
/// (`LeaseEnded` for `WORKER_LOST`, which no worker says of itself).
#[derive(Debug, Clone)]
pub struct ReportFailed {
    /// The item.
    pub item: ItemIndex,
    /// BLAKE3 of the lease token, hex.
    pub lease_hash: String,
    /// Why.
    pub code: ErrorCode,
    /// Why, for a reader.
    pub message: String,
    /// Where the page led.
    pub final_url: Option<String>,
    /// The page's status.
    pub http_status: Option<u16>,
    /// What it used.
    pub usage: Usage,
    /// What it costs.
    pub credits: u64,
    /// Now.
    pub at: Moment,
}

/// Take a running item back without blame: its worker stops, was restarted, or lost the broker.
/// Named by attempt, because a former incarnation's lease token is gone.
#[derive(Debug, Clone)]
pub struct PutBackItem {
    /// The item.
    pub item: ItemIndex,
    /// The attempt that is taken back; another one running: nothing to record.
    pub attempt: u32,
    /// What the item costs when this ends it.
    pub credits: u64,
    /// Now.
    pub at: Moment,
}

/// End a lease whose deadline has passed without a report. Another attempt running: nothing to record.
#[derive(Debug, Clone)]
pub struct ExpireLease {
    /// The item.
    pub item: ItemIndex,
    /// The attempt whose lease it was.
    pub attempt: u32,
    /// What the item costs when this ends it.
    pub credits: u64,
    /// Now; not after the deadline: refused.
    pub at: Moment,
}

/// End a pending item that cannot be run (its cookies are gone). Not pending: nothing to record.
#[derive(Debug, Clone)]
pub struct FailPending {
    /// The item.
    pub item: ItemIndex,
    /// Why.
    pub code: ErrorCode,
    /// Why, for a reader.
    pub message: String,
    /// What the item costs.
    pub credits: u64,
    /// Now.
    pub at: Moment,
}

/// Run every failed item again. The same idempotency key again: nothing to record; without one a repeat is refused,
/// `NotFinished`.
#[derive(Debug, Clone)]
pub struct RequestRetry {
    /// Credits and attempts.
    pub terms: RoundTerms,
    /// Whether cookies are at hand, if the batch needs them.
    pub has_cookies: bool,
    /// Keyed hash of the idempotency key.
    pub idempotency: Option<String>,
    /// Keyed hash of the request.
    pub fingerprint: Option<String>,
    /// Now.
    pub at: Moment,
}

/// Stop the batch: pending items end, running ones finish. A repeat is refused, `AlreadyTerminal`.
#[derive(Debug, Clone)]
pub struct CancelBatch {
    /// Now.
    pub at: Moment,
}

/// Declare the batch itself broken. Already ended: nothing to record.
#[derive(Debug, Clone)]
pub struct FailBatch {
    /// Why.
    pub cause: BatchFailure,
    /// Now.
    pub at: Moment,
}
