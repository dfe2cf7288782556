//! The server's answers, as far as the client commands read them, and the line that is printed for an item.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// A batch that was taken.
#[derive(Debug, Deserialize)]
pub(super) struct Queued {
    #[serde(rename = "batchId")]
    pub(super) batch_id: Uuid,
    #[serde(default)]
    pub(super) schema_warnings: Vec<String>,
}

/// A batch that was cancelled.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cancelled {
    pub(super) cancelled_items: usize,
    pub(super) credits_refunded: u64,
}

/// A retry that was taken.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Retried {
    pub(super) retried_count: usize,
}

/// Where a batch or an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A batch and its items.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Batch {
    pub(super) status: State,
    pub(super) created_at: String,
    pub(super) finished_at: Option<String>,
    pub(super) items: Vec<Item>,
}

impl Batch {
    /// Whether nothing of it runs any more. Running items of a cancelled batch finish first.
    pub(super) fn has_ended(&self) -> bool {
        match self.status {
            State::Completed | State::Failed => true,
            State::Cancelled => !self.items.iter().any(|item| item.status == State::Running),
            State::Pending | State::Running => false,
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let of = |state| self.items.iter().filter(|item| item.status == state).count();
        Counts {
            completed: of(State::Completed),
            failed: of(State::Failed),
            cancelled: of(State::Cancelled),
            credits: self.items.iter().map(|item| item.credits_used).sum(),
        }
    }

    /// Whether every page was delivered.
    pub(super) fn is_complete(&self) -> bool {
        self.status == State::Completed && self.counts().completed == self.items.len()
    }
}

/// A page of a batch. Written out it is the line that `scrape` prints, its fields in this order.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    pub(super) url: String,
    pub(super) status: State,
    /// As the server wrote it, so that no number or order of fields changes on the way.
    #[serde(default)]
    pub(super) result: Option<Box<RawValue>>,
    pub(super) error: Option<String>,
    pub(super) error_code: Option<String>,
    pub(super) credits_used: u64,
    pub(super) final_url: Option<String>,
    pub(super) http_status: Option<u16>,
    pub(super) screenshot_url: Option<String>,
}

impl Item {
    /// The item as one line of JSON.
    pub(super) fn line(&self) -> String {
        let line = serde_json::to_string(self).expect("text, numbers and JSON become JSON");
        // Line breaks in JSON are only ever between tokens.
        line.replace(['\n', '\r'], " ")
    }
}

/// How many items have ended, and how, and what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) completed: usize,
    pub(super) failed: usize,
    pub(super) cancelled: usize,
    pub(super) credits: u64,
}

impl Counts {
    pub(super) fn ended(self) -> usize {
        self.completed + self.failed + self.cancelled
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            completed: self.completed + other.completed,
            failed: self.failed + other.failed,
            cancelled: self.cancelled + other.cancelled,
            credits: self.credits + other.credits,
        }
    }
}

/// A page of the list of batches.
#[derive(Debug, Deserialize)]
pub(super) struct List {
    pub(super) jobs: Vec<Job>,
    pub(super) pagination: Pagination,
}

/// A batch in the list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Job {
    pub(super) uuid: Uuid,
    pub(super) status: State,
    pub(super) total_urls: usize,
    pub(super) completed_count: usize,
    pub(super) failed_count: usize,
    pub(super) output_format: String,
    pub(super) created_at: String,
    pub(super) finished_at: Option<String>,
}

/// Where in the list a page is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pagination {
    pub(super) page: u64,
    pub(super) total: u64,
    pub(super) total_pages: u64,
}

/// The balance of a month, in credits.
#[derive(Debug, Deserialize)]
pub(super) struct Credits {
    pub(super) period: String,
    pub(super) allowance: u64,
    pub(super) granted: u64,
    pub(super) held: u64,
    pub(super) spent: u64,
    pub(super) available: u64,
}

/// Why the server said no.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorAnswer {
    pub(super) message: String,
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) errors: Vec<String>,
}
