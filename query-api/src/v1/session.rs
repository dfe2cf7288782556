//! `GET /v1/batch-sessions/{batch_id}`: where a batch and each of its sessions stand.

use super::words::{self, StatusWord};
use crate::{QueryState, params::BatchPath};
use axum::{Json, extract::State};
use leafcutter_domain::{BatchId, Moment, batch::BatchFailure, item_uuid};
use leafcutter_read_models::{BatchView, Counts, ItemView, Status};
use leafcutter_wire::{ApiError, Caller, V1ErrorBody};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A batch of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionBatchAnswer {
    data: SessionBatch,
}

/// A batch of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionBatch {
    batch_id: Uuid,
    status: StatusWord,
    total_requests: u16,
    completed_requests: u16,
    failed_requests: u16,
    processing_requests: u16,
    pending_requests: u16,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    actual_completion_time: Option<Moment>,
    /// Why the batch itself broke.
    #[schema(required)]
    error: Option<&'static str>,
    progress: Progress,
    /// In submit order.
    sessions: Vec<Session>,
}

/// How far a batch is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Progress {
    /// Ended sessions of all.
    #[schema(minimum = 0, maximum = 100)]
    percentage: f64,
    #[schema(inline)]
    current_phase: SessionPhase,
}

/// `queued` until a session starts, `provisioning` until one ends, `configuring` until the batch ends, then `ready`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SessionPhase {
    Queued,
    Provisioning,
    Configuring,
    Ready,
}

/// One page of a scrape batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Position in the batch, from 0.
    item_index: u16,
    session_id: Uuid,
    status: StatusWord,
    #[schema(schema_with = words::null)]
    cdp_url: (),
    #[schema(schema_with = words::null)]
    live_view_url: (),
    /// Why it failed.
    #[schema(required)]
    error: Option<String>,
    /// Starts beyond the first.
    retry_count: u32,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    started_at: Option<Moment>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    completed_at: Option<Moment>,
    metadata: SessionMetadata,
}

/// What else is known of the page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionMetadata {
    url: String,
    #[schema(required)]
    final_url: Option<String>,
    #[schema(required)]
    http_status: Option<u16>,
    #[schema(required)]
    error_code: Option<&'static str>,
}

/// Get a batch of sessions
///
/// Answers for scrape batches: an item is a session.
#[utoipa::path(
    get, path = "/v1/batch-sessions/{batch_id}", tag = "Batch sessions", operation_id = "getBatchSession",
    params(("batch_id" = Uuid, Path, description = "The batch")),
    responses(
        (status = 200, description = "The batch", body = SessionBatchAnswer),
        (status = 401, description = "No API key, or an invalid one", body = V1ErrorBody),
        (status = 404, description = "No such batch", body = V1ErrorBody),
        (status = 429, description = "Too many requests", body = V1ErrorBody),
        (status = 503, description = "The service is busy", body = V1ErrorBody),
    ),
)]
pub(crate) async fn session(
    State(state): State<QueryState>,
    caller: Caller,
    BatchPath(batch): BatchPath,
) -> Result<Json<SessionBatchAnswer>, ApiError> {
    let BatchView { header, items } = state.batch(caller.account, batch).await?;
    let counts = header.counts;
    let data = SessionBatch {
        batch_id: batch.0,
        status: header.status.into(),
        total_requests: header.total,
        completed_requests: counts.completed,
        failed_requests: counts.failed,
        processing_requests: counts.running,
        pending_requests: counts.pending,
        created_at: header.created_at,
        actual_completion_time: header.finished_at,
        error: header.failure.map(|failure| match failure {
            BatchFailure::ReservationMissing => "No credits are set aside for this batch, so it was not run.",
        }),
        progress: progress(header.status, counts, header.total),
        sessions: items.into_iter().map(|item| one(batch, item)).collect(),
    };
    Ok(Json(SessionBatchAnswer { data }))
}

fn progress(status: Status, counts: Counts, total: u16) -> Progress {
    let ended = counts.completed + counts.failed + counts.cancelled;
    let percentage = if total == 0 { 100.0 } else { f64::from(ended) * 100.0 / f64::from(total) };
    let current_phase = match status {
        Status::Pending => SessionPhase::Queued,
        Status::Running if ended == 0 => SessionPhase::Provisioning,
        Status::Running => SessionPhase::Configuring,
        Status::Completed | Status::Failed | Status::Cancelled => SessionPhase::Ready,
    };
    Progress { percentage, current_phase }
}

fn one(batch: BatchId, item: ItemView) -> Session {
    let metadata = SessionMetadata {
        url: item.url,
        final_url: item.final_url,
        http_status: item.http_status,
        error_code: item.error.as_ref().map(|error| error.code.as_str()),
    };
    Session {
        item_index: item.index,
        session_id: item_uuid(batch, item.index),
        status: item.status.into(),
        cdp_url: (),
        live_view_url: (),
        error: item.error.map(|error| error.message),
        retry_count: item.attempts.saturating_sub(1),
        started_at: item.started_at,
        completed_at: item.finished_at,
        metadata,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_goes_through_its_phases_as_its_sessions_end() {
        let at = |status, completed| {
            let progress = progress(status, Counts { completed, ..Counts::default() }, 4);
            (progress.current_phase, progress.percentage)
        };
        assert_eq!(at(Status::Pending, 0), (SessionPhase::Queued, 0.0));
        assert_eq!(at(Status::Running, 0), (SessionPhase::Provisioning, 0.0));
        assert_eq!(at(Status::Running, 3), (SessionPhase::Configuring, 75.0));
        assert_eq!(at(Status::Completed, 4), (SessionPhase::Ready, 100.0));
    }
}
