//! The work desk as a worker sees it: claim an item, report how it ended. In one process the desk is called
//! directly; elsewhere the same questions travel over the broker.

use async_trait::async_trait;
use leafcutter_domain::{
    BatchId, ErrorCode, ItemIndex, Moment, ScrapeOptions, Usage, WorkerId,
    batch::{Extractor, StoredObject},
};
use std::fmt;
use uuid::Uuid;
use zeroize::Zeroizing;

/// A raw `Cookie` header. Never printed, never stored; its memory is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookies(Zeroizing<String>);

impl Cookies {
    /// Takes the header value.
    #[must_use]
    pub fn new(header: String) -> Self {
        Self(Zeroizing::new(header))
    }

    /// The header value, for the one place that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookies(hidden)")
    }
}

/// Proof that the holder may report an item; only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct LeaseToken(pub [u8; 32]);

impl fmt::Debug for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseToken(hidden)")
    }
}

/// A worker asks for an item.
#[derive(Debug, Clone, Copy)]
pub struct ClaimRequest {
    /// The batch.
    pub batch: BatchId,
    /// The item.
    pub item: ItemIndex,
    /// Made by the worker, the same when it asks again.
    pub claim: Uuid,
    /// The worker's incarnation.
    pub worker: WorkerId,
}

/// What the desk says to a claim.
#[derive(Debug, Clone)]
pub enum ClaimAnswer {
    /// The item is the worker's until the deadline.
    Granted(Box<Assignment>),
    /// Cancelled, finished, running elsewhere or unknown: forget it.
    Refused,
}

/// Everything a worker needs for one item.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The batch.
    pub batch: BatchId,
    /// The item.
    pub item: ItemIndex,
    /// Starts of this item so far, from 1.
    pub attempt: u32,
    /// The page.
    pub url: String,
    /// What is asked.
    pub options: ScrapeOptions,
    /// Cookies for the page's host.
    pub cookies: Option<Cookies>,
    /// Proof for the report.
    pub lease: LeaseToken,
    /// When the lease ends; a later report is refused.
    pub deadline: Moment,
    /// Prefix of the object keys that this attempt may write, without a trailing slash.
    pub object_prefix: String,
    /// Size of the result that is still taken.
    pub result_bytes_max: u64,
}

/// A page that gave a result; result and picture are stored already.
#[derive(Debug, Clone)]
pub struct ScrapedPage {
    /// The stored result.
    pub result: StoredObject,
    /// The stored picture.
    pub screenshot: Option<StoredObject>,
    /// Where the page led.
    pub final_url: String,
    /// The page's HTTP status.
    pub http_status: u16,
    /// Who extracted.
    pub extractor: Extractor,
}

/// A page that gave none.
#[derive(Debug, Clone)]
pub struct FailedPage {
    /// Why.
    pub code: ErrorCode,
    /// Why, for a reader; cut to a bound at the desk.
    pub message: String,
    /// Where the page led, when it answered.
    pub final_url: Option<String>,
    /// The page's HTTP status, when it answered.
    pub http_status: Option<u16>,
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// With a result.
    Completed(ScrapedPage),
    /// Without one.
    Failed(FailedPage),
    /// Not at all: the worker is stopping and gives the item back.
    PutBack,
}

/// A worker says how an item ended.
#[derive(Debug, Clone)]
pub struct Report {
    /// The batch.
    pub batch: BatchId,
    /// The item.
    pub item: ItemIndex,
    /// The proof from the assignment.
    pub lease: LeaseToken,
    /// How it ended.
    pub outcome: Outcome,
    /// What it used.
    pub usage: Usage,
}

/// What the desk says to a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportAnswer {
    /// Recorded, now or by an earlier report of the same attempt.
    Recorded,
    /// The lease has ended, or a named object is not there; nothing was recorded.
    Refused,
}

/// The desk could not answer; asking again is safe.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// A store or the connection to the desk is not there.
    #[error("the work desk cannot answer now: {0}; ask again")]
    Unavailable(String),
}

/// Where items are claimed and reported.
#[async_trait]
pub trait WorkDesk: Send + Sync {
    /// Starts an item for this worker. The same claim gets the same answer while its lease lives.
    ///
    /// # Errors
    /// The desk cannot answer now; the claim may or may not have been recorded.
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, DeskError>;

    /// Records how an item ended. A repeated report changes nothing.
    ///
    /// # Errors
    /// The desk cannot answer now; the report may or may not have been recorded.
    async fn report(&self, report: Report) -> Result<ReportAnswer, DeskError>;
}
