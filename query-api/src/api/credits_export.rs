//! `GET /api/credits/export`: the account's ledger as the log holds it, for whoever wants to keep or recompute it.

use crate::{
    QueryState, download,
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
use leafcutter_event_store::{StoreError, StoredEvent};
use leafcutter_read_models::LedgerBalance;
use leafcutter_wire::{ApiError, Caller, ErrorBody, ValidationBody, WaitBody};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
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
    let export = Export { log, format, from, to, books: None, begun: false };
    Ok((headers, Body::from_stream(stream::try_unfold(export, Export::next))).into_response())
}

/// An answer under way.
struct Export {
    log: LedgerLog,
    format: ExportFormat,
    from: Option<Moment>,
    to: Option<Moment>,
    /// The sums of the month; none while they cannot be told.
    books: Option<LedgerBalance>,
    begun: bool,
}

impl Export {
    /// The next part of the answer.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        let mut text = Vec::new();
        if !self.begun && self.format == ExportFormat::Csv {
            download::write_csv(&mut text, &CSV_COLUMNS);
        }
        self.begun = true;
        while text.is_empty() {
            let page = self.log.page().await.inspect_err(|error| {
                tracing::error!(%error, "an export of credits breaks off");
            })?;
            let Some(page) = page else { return Ok(None) };
            for stored in &page {
                self.write(stored, &mut text);
            }
        }
        Ok(Some((text.into(), self)))
    }

    fn write(&mut self, stored: &StoredEvent, text: &mut Vec<u8>) {
        let line = ExportLine::new(stored, &mut self.books);
        let at: Option<Moment> = line.occurred_at().parse().ok();
        let is_early = matches!((at, self.from), (Some(at), Some(from)) if at < from);
        let is_late = matches!((at, self.to), (Some(at), Some(to)) if at >= to);
        if is_early || is_late {
            return;
        }
        match self.format {
            ExportFormat::Jsonl => download::write_json(text, &line),
            ExportFormat::Csv => download::write_csv(text, &line.cells()),
        }
    }
}
