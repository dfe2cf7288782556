//! `GET /api/credits/export`: the account's ledger as the log holds it, for whoever wants to keep or recompute it.

use crate::{
    QueryState,
    causes::Causes,
    download,
    export_line::{CSV_COLUMNS, ExportLine},
    ledger_log::LedgerLog,
    params::{Faults, Params},
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures::stream;
use leafcutter_domain::Moment;
use leafcutter_event_store::StoredEvent;
use leafcutter_read_models::LedgerBalance;
use leafcutter_wire::{ApiError, Caller, ErrorBody, ValidationBody, WaitBody};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportParams {
    /// JSON lines with the stored data (default), or CSV without it.
    #[param(inline, value_type = Option<ExportFormat>)]
    format: Option<ExportFormat>,
    /// Entries of this time or later; the chain goes on from the first one's `prev`.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Entries of before this time.
    #[param(format = DateTime)]
    to: Option<String>,
    /// Whether each entry says which events of its batch made the credits move. Every batch is read for that.
    #[param(inline)]
    causes: Option<bool>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ExportFormat {
    #[default]
    Jsonl,
    Csv,
}

/// Export the ledger
///
/// Every entry of the account's ledgers from the log, the oldest month first, each month in the order of its chain.
/// `docs/ledger.md` describes the columns and how the chain is recomputed from them. An answer that breaks off before its
/// end is cut off: there is no last line that says so, but the connection.
#[utoipa::path(
    get, path = "/api/credits/export", tag = "Account", operation_id = "exportCredits",
    params(ExportParams),
    responses(
        (status = 200, description = "The entries", content((String = "application/jsonl"), (String = "text/csv"))),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key", body = ErrorBody),
        (status = 422, description = "`VALIDATION_FAILED`", body = ValidationBody),
        (status = 429, description = "Too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`", body = WaitBody),
    ),
)]
pub(crate) async fn export(
    State(state): State<QueryState>,
    caller: Caller,
    Params(params): Params<ExportParams>,
) -> Result<Response, ApiError> {
    let mut faults = Faults::default();
    let from: Option<Moment> = faults.parsed("from", params.from.as_deref());
    let to: Option<Moment> = faults.parsed("to", params.to.as_deref());
    faults.check()?;
    let format = params.format.unwrap_or_default();
    let log = LedgerLog::new(Arc::clone(&state.store), state.ledger_streams(caller.account).await?);
    let headers = match format {
        ExportFormat::Jsonl => download::headers("application/jsonl", "credits.jsonl"),
        ExportFormat::Csv => download::headers("text/csv", "credits.csv"),
    };
    let explained = params.causes.unwrap_or_default().then_some(state);
    let export = Export { log, format, from, to, explained, books: None, begun: false };
    Ok((headers, Body::from_stream(stream::try_unfold(export, Export::next))).into_response())
}

/// An answer under way.
struct Export {
    log: LedgerLog,
    format: ExportFormat,
    from: Option<Moment>,
    to: Option<Moment>,
    /// What causes are read by, where they are asked for.
    explained: Option<QueryState>,
    /// The sums of the month; none while they cannot be told.
    books: Option<LedgerBalance>,
    begun: bool,
}

impl Export {
    /// The next part of the answer.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, ApiError> {
        let mut text = Vec::new();
        if !self.begun && self.format == ExportFormat::Csv {
            download::write_csv(&mut text, &CSV_COLUMNS);
        }
        self.begun = true;
        while text.is_empty() {
            let broken = |error: &ApiError| tracing::error!(%error, "an export of credits breaks off");
            let page = self.log.page().await.map_err(|error| ApiError::from(&error)).inspect_err(broken)?;
            let Some(page) = page else { return Ok(None) };
            let lines = self.lines(&page).await.inspect_err(broken)?;
            for line in lines {
                match self.format {
                    ExportFormat::Jsonl => download::write_json(&mut text, &line),
                    ExportFormat::Csv => download::write_csv(&mut text, &line.cells()),
                }
            }
        }
        Ok(Some((text.into(), self)))
    }

    /// What is asked for of some events.
    async fn lines(&mut self, page: &[StoredEvent]) -> Result<Vec<ExportLine>, ApiError> {
        let all = page.iter().map(|stored| ExportLine::new(stored, &mut self.books));
        let mut lines: Vec<ExportLine> = all.collect();
        lines.retain(|line| self.is_asked_for(line));
        if let Some(state) = &self.explained {
            let causes = Causes::of(state, lines.iter().filter_map(ExportLine::entry)).await?;
            lines.iter_mut().for_each(|line| line.explain(&causes));
        }
        Ok(lines)
    }

    fn is_asked_for(&self, line: &ExportLine) -> bool {
        let at: Option<Moment> = line.occurred_at().parse().ok();
        let is_early = matches!((at, self.from), (Some(at), Some(from)) if at < from);
        let is_late = matches!((at, self.to), (Some(at), Some(to)) if at >= to);
        !is_early && !is_late
    }
}
