//! The shape of a batch as clients see it. How events change it is next door in `fold.rs`.

use leafcutter_domain::{
    AccountId, BatchId, ErrorCode, ItemIndex, Moment, OutputFormat,
    batch::{BatchFailure, Channel, Extractor},
};
use serde::{Deserialize, Serialize};

/// Where a batch or an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing has started.
    Pending,
    /// Started and not ended.
    Running,
    /// Ended; for a batch also when items of it failed.
    Completed,
    /// An item without a result; a batch that itself broke.
    Failed,
    /// Stopped by the client.
    Cancelled,
}

impl Status {
    /// Whether nothing more happens by itself.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// How many items stand where. The sum is the batch's total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Waiting.
    pub pending: u16,
    /// In a worker's hands.
    pub running: u16,
    /// Ended with a result.
    pub completed: u16,
    /// Ended without one.
    pub failed: u16,
    /// Ended by a cancel.
    pub cancelled: u16,
}

impl Counts {
    pub(super) fn of(&mut self, status: Status) -> &mut u16 {
        match status {
            Status::Pending => &mut self.pending,
            Status::Running => &mut self.running,
            Status::Completed => &mut self.completed,
            Status::Failed => &mut self.failed,
            Status::Cancelled => &mut self.cancelled,
        }
    }
}

/// A batch without its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchHeader {
    /// The batch.
    pub batch: BatchId,
    /// Its owner.
    pub account: AccountId,
    /// Where it stands.
    pub status: Status,
    /// Form of its results.
    pub output: OutputFormat,
    /// Where it came from.
    pub channel: Channel,
    /// Number of items.
    pub total: u16,
    /// How many of them stand where.
    pub counts: Counts,
    /// The caller's own object.
    pub metadata: Option<serde_json::Value>,
    /// Why the batch itself broke.
    pub failure: Option<BatchFailure>,
    /// When it was submitted.
    pub created_at: Moment,
    /// When it ended; for a cancelled batch when it was cancelled.
    pub finished_at: Option<Moment>,
    /// Revision of the last event in it.
    pub revision: u64,
}

/// Why an item has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemError {
    /// The stable code.
    pub code: ErrorCode,
    /// For a reader.
    pub message: String,
    /// Whether another attempt may end otherwise.
    pub retryable: bool,
}

/// One page of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemView {
    /// Position in the batch.
    pub index: ItemIndex,
    /// The page, as the client wrote it.
    pub url: String,
    /// Where it stands.
    pub status: Status,
    /// Starts so far, over all rounds.
    pub attempts: u32,
    /// Why it failed; only while it stands failed.
    pub error: Option<ItemError>,
    /// Who made the result.
    pub extractor: Option<Extractor>,
    /// Where the page led.
    pub final_url: Option<String>,
    /// The page's HTTP status.
    pub http_status: Option<u16>,
    /// What it cost; 0 unless completed.
    pub credits: u64,
    /// When the attempt that runs or ended last started.
    pub started_at: Option<Moment>,
    /// When it ended.
    pub finished_at: Option<Moment>,
    /// Object key of the result, whose form is the batch's `output`.
    pub result_key: Option<String>,
    /// Object key of the picture.
    pub screenshot_key: Option<String>,
    /// When both were erased.
    pub erased_at: Option<Moment>,
}

impl ItemView {
    /// A page that waits for its first attempt.
    pub(super) fn pending(index: ItemIndex, url: String) -> Self {
        Self {
            index,
            url,
            status: Status::Pending,
            attempts: 0,
            error: None,
            extractor: None,
            final_url: None,
            http_status: None,
            credits: 0,
            started_at: None,
            finished_at: None,
            result_key: None,
            screenshot_key: None,
            erased_at: None,
        }
    }
}

/// A batch with its items, in submit order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchView {
    /// The batch as a whole.
    pub header: BatchHeader,
    /// Its pages.
    pub items: Vec<ItemView>,
}
