//! The work desk: decides claims and reports through the rules, and hands out what a worker needs. Prices are set
//! here, not by workers; a result is believed only when its object is in the store.

mod seen;

use crate::{Commands, object_keys::attempt_prefix, service_key::lease_hash};
use async_trait::async_trait;
use leafcutter_dispatch::{
    Assignment, ClaimAnswer, ClaimRequest, Cookies, DeskError, FailedPage, Outcome, Report, ReportAnswer,
    ScrapedPage, WorkDesk,
};
use leafcutter_domain::{
    BatchId, ErrorCode, ItemIndex, Moment, PriceList,
    batch::{
        BatchEvent, FailPending, PutBackItem, ReportCompleted, ReportFailed, Running, StartItem, StoredObject,
    },
    limits::FINAL_URL_CHARS_MAX,
};
use leafcutter_event_store::TransactError;
use seen::{Asked, Attempt, attempt_of};
use std::sync::Arc;

/// The desk of the write side.
#[derive(Clone)]
pub struct Desk(Commands);

impl Desk {
    /// The desk that decides with these parts.
    #[must_use]
    pub fn new(commands: Commands) -> Self {
        Self(commands)
    }
}

fn unavailable<R: std::fmt::Debug + std::fmt::Display>(error: TransactError<R>) -> DeskError {
    DeskError::Unavailable(error.to_string())
}

impl Desk {
    /// What the submit said; no look at the log where it is remembered here.
    async fn asked(&self, batch: BatchId, item: ItemIndex) -> Result<Option<Asked>, DeskError> {
        let asked = self.0.batches.recall(batch, |folded| Asked::of(&folded.state, batch, item));
        asked.await.map_err(unavailable)
    }

    /// What an item costs that fails so.
    async fn price_of_failure(&self, asked: &Asked, code: ErrorCode) -> Result<u64, DeskError> {
        Ok(self.prices(asked).await?.failed(code))
    }

    async fn prices(&self, asked: &Asked) -> Result<Arc<PriceList>, DeskError> {
        let prices = self.0.prices.of_version(asked.price_list).await;
        prices.map_err(|error| DeskError::Unavailable(error.to_string()))
    }

    /// The cookies of an item that needs them; ends the item when they are gone.
    async fn cookies(
        &self,
        request: &ClaimRequest,
        asked: &Asked,
    ) -> Result<Result<Option<Cookies>, ()>, DeskError> {
        let Some(name) = &asked.cookies else { return Ok(Ok(None)) };
        let found = self.0.secrets.find(name).await;
        if let Some(cookies) = found.map_err(|error| DeskError::Unavailable(error.to_string()))? {
            return Ok(Ok(Some(cookies)));
        }
        let gone = FailPending {
            item: request.item,
            code: ErrorCode::CookiesExpired,
            message: "The cookies of this batch were only in memory and are gone. Retry with cookies."
                .to_owned(),
            credits: self.price_of_failure(asked, ErrorCode::CookiesExpired).await?,
            at: self.0.clock.now(),
        };
        self.0.batches.transact(request.batch, gone).await.map_err(unavailable)?;
        Ok(Err(()))
    }

    /// Attempt and deadline of a claim that was taken: as recorded now, or, of a repeated one, by the first.
    async fn started(
        &self,
        request: &ClaimRequest,
        recorded: &[BatchEvent],
    ) -> Result<Option<(u32, Moment)>, DeskError> {
        if let Some(BatchEvent::ItemStarted(started)) = recorded.first() {
            return Ok(Some((started.attempt, started.deadline)));
        }
        let fits = |running: &Running| running.claim == request.claim;
        let begun =
            self.0.batches.recall(request.batch, |folded| attempt_of(&folded.state, request.item, fits));
        begun.await.map_err(unavailable)
    }

    async fn completed(
        &self,
        report: &Report,
        page: &ScrapedPage,
        asked: &Asked,
    ) -> Result<ReportAnswer, DeskError> {
        let attempt = self.attempt(report).await?.last();
        let prefix = attempt_prefix(asked.account, report.batch, report.item, attempt);
        let objects = std::iter::once(&page.result).chain(&page.screenshot);
        for object in objects {
            if !object.key.starts_with(&prefix) || !self.is_there(object).await? {
                tracing::warn!(key = object.key, "a report names an object that is not there; it is refused");
                return Ok(ReportAnswer::Refused);
            }
        }
        let command = ReportCompleted {
            item: report.item,
            lease_hash: lease_hash(&report.lease),
            result: page.result.clone(),
            screenshot: page.screenshot.clone(),
            final_url: bounded(&page.final_url),
            http_status: page.http_status,
            extractor: page.extractor,
            usage: report.usage,
            credits: self.prices(asked).await?.completed(
                &asked.options,
                page.screenshot.is_some(),
                &report.usage,
            ),
            at: self.0.clock.now(),
        };
        self.record(report.batch, command).await
    }

    async fn is_there(&self, object: &StoredObject) -> Result<bool, DeskError> {
        self.0.objects.holds(object).await.map_err(|error| DeskError::Unavailable(error.to_string()))
    }

    async fn failed(
        &self,
        report: &Report,
        page: &FailedPage,
        asked: &Asked,
    ) -> Result<ReportAnswer, DeskError> {
        let command = ReportFailed {
            item: report.item,
            lease_hash: lease_hash(&report.lease),
            code: page.code,
            message: page.message.clone(),
            final_url: page.final_url.as_deref().map(bounded),
            http_status: page.http_status,
            usage: report.usage,
            credits: self.price_of_failure(asked, page.code).await?,
            at: self.0.clock.now(),
        };
        self.record(report.batch, command).await
    }

    async fn put_back(&self, report: &Report, asked: &Asked) -> Result<ReportAnswer, DeskError> {
        let Attempt::Running(attempt) = self.attempt(report).await? else { return Ok(ReportAnswer::Refused) };
        let credits = self.price_of_failure(asked, ErrorCode::WorkerLost).await?;
        let command = PutBackItem { item: report.item, attempt, credits, at: self.0.clock.now() };
        self.record(report.batch, command).await
    }

    /// The attempt that a report is about. One look at the log is enough: that of the command that follows.
    async fn attempt(&self, report: &Report) -> Result<Attempt, DeskError> {
        let (batch, item, lease_hash) = (report.batch, report.item, lease_hash(&report.lease));
        let fits = |running: &Running| running.lease_hash == lease_hash;
        let running = self.0.batches.recall(batch, |folded| attempt_of(&folded.state, item, fits));
        if let Some((attempt, _)) = running.await.map_err(unavailable)? {
            return Ok(Attempt::Running(attempt));
        }
        let last = self.0.batches.inspect(batch, |folded| folded.state.item(item).map(|item| item.attempt));
        Ok(Attempt::Other(last.await.map_err(unavailable)?.unwrap_or_default()))
    }

    async fn record(
        &self,
        batch: BatchId,
        command: impl Into<leafcutter_domain::batch::BatchCommand>,
    ) -> Result<ReportAnswer, DeskError> {
        let recorded = self.0.batches.transact(batch, command).await;
        leafcutter_crash_points::reach("report");
        match recorded {
            Ok(_) => Ok(ReportAnswer::Recorded),
            Err(TransactError::Rejected(_)) => Ok(ReportAnswer::Refused),
            Err(error) => Err(unavailable(error)),
        }
    }
}

/// A page may lead to an address of any length; an event keeps its beginning.
fn bounded(final_url: &str) -> String {
    final_url.chars().take(FINAL_URL_CHARS_MAX).collect()
}

#[async_trait]
impl WorkDesk for Desk {
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, DeskError> {
        let Some(asked) = self.asked(request.batch, request.item).await? else {
            return Ok(ClaimAnswer::Refused);
        };
        let Ok(cookies) = self.cookies(&request, &asked).await? else { return Ok(ClaimAnswer::Refused) };
        let lease = self.0.service_key.lease(request.batch, request.item, request.claim);
        let now = self.0.clock.now();
        let start = StartItem {
            item: request.item,
            worker: request.worker,
            claim: request.claim,
            lease_hash: lease_hash(&lease),
            deadline: now.plus_millis(self.0.settings.lease_ms),
            at: now,
        };
        let committed = match self.0.batches.transact(request.batch, start).await {
            Ok(committed) => committed,
            Err(TransactError::Rejected(rejection)) => {
                tracing::debug!(%rejection, "a claim was refused");
                return Ok(ClaimAnswer::Refused);
            }
            Err(error) => return Err(unavailable(error)),
        };
        leafcutter_crash_points::reach("start");
        let Some((attempt, deadline)) = self.started(&request, &committed.events).await? else {
            return Ok(ClaimAnswer::Refused);
        };
        Ok(ClaimAnswer::Granted(Box::new(Assignment {
            batch: request.batch,
            item: request.item,
            attempt,
            url: asked.url,
            options: asked.options,
            cookies,
            lease,
            deadline,
            object_prefix: attempt_prefix(asked.account, request.batch, request.item, attempt),
            result_bytes_max: self.0.settings.result_bytes_max,
        })))
    }

    async fn report(&self, report: Report) -> Result<ReportAnswer, DeskError> {
        let Some(asked) = self.asked(report.batch, report.item).await? else {
            return Ok(ReportAnswer::Refused);
        };
        match &report.outcome {
            Outcome::Completed(page) => self.completed(&report, page, &asked).await,
            Outcome::Failed(page) => self.failed(&report, page, &asked).await,
            Outcome::PutBack => self.put_back(&report, &asked).await,
        }
    }
}
