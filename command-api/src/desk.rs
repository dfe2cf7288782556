//! The work desk: decides claims and reports through the rules, and hands out what a worker needs. Prices are set
//! here, not by workers; a result is believed only when its object is in the store.

use crate::{Commands, service_key::lease_hash};
use async_trait::async_trait;
use leafcutter_dispatch::{
    Assignment, ClaimAnswer, ClaimRequest, Cookies, DeskError, FailedPage, Outcome, Report, ReportAnswer,
    ScrapedPage, WorkDesk,
};
use leafcutter_domain::{
    AccountId, BatchId, ErrorCode, ItemIndex, Moment, ScrapeOptions,
    batch::{
        BatchEvent, BatchRejection, BatchState, FailPending, ItemStatus, PutBackItem, ReportCompleted,
        ReportFailed, Running, StartItem, StoredObject,
    },
    limits::FINAL_URL_CHARS_MAX,
};
use leafcutter_event_store::TransactError;
use leafcutter_secrets::SecretName;

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

/// What the desk must know of an item before it decides.
struct Seen {
    account: AccountId,
    options: ScrapeOptions,
    url: String,
    price_list: u32,
    attempt: u32,
    running: Option<Running>,
    pending: bool,
    cookies: Option<SecretName>,
}

fn look(state: &BatchState, batch: BatchId, item: ItemIndex) -> Option<Seen> {
    let submission = state.submission.as_ref()?;
    let item = state.item(item)?;
    let running = match &item.status {
        ItemStatus::Running(running) => Some(running.clone()),
        ItemStatus::Pending | ItemStatus::Completed | ItemStatus::Failed | ItemStatus::Cancelled => None,
    };
    Some(Seen {
        account: submission.account,
        options: submission.options.clone(),
        url: item.url.clone(),
        price_list: submission.price_list,
        attempt: item.attempt,
        running,
        pending: item.status == ItemStatus::Pending,
        cookies: submission
            .has_cookies
            .then(|| SecretName { batch, request: submission.fingerprint.clone() }),
    })
}

fn unavailable<R: std::fmt::Debug + std::fmt::Display>(error: TransactError<R>) -> DeskError {
    DeskError::Unavailable(error.to_string())
}

impl Desk {
    async fn see(&self, batch: BatchId, item: ItemIndex) -> Result<Option<Seen>, DeskError> {
        self.0.batches.inspect(batch, |folded| look(&folded.state, batch, item)).await.map_err(unavailable)
    }

    /// The cookies of an item that needs them; ends the item when they are gone.
    async fn cookies(
        &self,
        request: &ClaimRequest,
        seen: &Seen,
    ) -> Result<Result<Option<Cookies>, ()>, DeskError> {
        let Some(name) = &seen.cookies else { return Ok(Ok(None)) };
        let found = self.0.secrets.find(name).await;
        if let Some(cookies) = found.map_err(|error| DeskError::Unavailable(error.to_string()))? {
            return Ok(Ok(Some(cookies)));
        }
        let gone = FailPending {
            item: request.item,
            code: ErrorCode::CookiesExpired,
            message: "The cookies of this batch were only in memory and are gone. Retry with cookies."
                .to_owned(),
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
        let seen = self.see(request.batch, request.item).await?;
        Ok(seen.and_then(|seen| {
            let running = seen.running.filter(|running| running.claim == request.claim)?;
            Some((seen.attempt, running.deadline))
        }))
    }

    async fn completed(
        &self,
        report: &Report,
        page: &ScrapedPage,
        seen: &Seen,
    ) -> Result<ReportAnswer, DeskError> {
        let prefix = object_prefix(seen.account, report.batch, report.item, seen.attempt);
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
            credits: self.0.prices_of(seen.price_list).completed(
                &seen.options,
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
        seen: &Seen,
    ) -> Result<ReportAnswer, DeskError> {
        let command = ReportFailed {
            item: report.item,
            lease_hash: lease_hash(&report.lease),
            code: page.code,
            message: page.message.clone(),
            final_url: page.final_url.as_deref().map(bounded),
            http_status: page.http_status,
            usage: report.usage,
            credits: self.0.prices_of(seen.price_list).failed(page.code),
            at: self.0.clock.now(),
        };
        self.record(report.batch, command).await
    }

    async fn put_back(&self, report: &Report, seen: &Seen) -> Result<ReportAnswer, DeskError> {
        let holds =
            seen.running.as_ref().is_some_and(|running| running.lease_hash == lease_hash(&report.lease));
        if !holds {
            return Ok(ReportAnswer::Refused);
        }
        let command = PutBackItem { item: report.item, attempt: seen.attempt, at: self.0.clock.now() };
        self.record(report.batch, command).await
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

/// Where an attempt may put its objects.
fn object_prefix(account: AccountId, batch: BatchId, item: ItemIndex, attempt: u32) -> String {
    format!("{account}/{batch}/{item}/{attempt}")
}

#[async_trait]
impl WorkDesk for Desk {
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, DeskError> {
        let Some(seen) = self.see(request.batch, request.item).await? else {
            return Ok(ClaimAnswer::Refused);
        };
        let repeated = seen.running.as_ref().is_some_and(|running| running.claim == request.claim);
        if !seen.pending && !repeated {
            return Ok(ClaimAnswer::Refused);
        }
        let Ok(cookies) = self.cookies(&request, &seen).await? else { return Ok(ClaimAnswer::Refused) };
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
            Err(TransactError::Rejected(BatchRejection::ItemNotPending)) => return Ok(ClaimAnswer::Refused),
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
            url: seen.url,
            options: seen.options,
            cookies,
            lease,
            deadline,
            object_prefix: object_prefix(seen.account, request.batch, request.item, attempt),
            result_bytes_max: self.0.settings.result_bytes_max,
        })))
    }

    async fn report(&self, report: Report) -> Result<ReportAnswer, DeskError> {
        let Some(seen) = self.see(report.batch, report.item).await? else { return Ok(ReportAnswer::Refused) };
        match &report.outcome {
            Outcome::Completed(page) => self.completed(&report, page, &seen).await,
            Outcome::Failed(page) => self.failed(&report, page, &seen).await,
            Outcome::PutBack => self.put_back(&report, &seen).await,
        }
    }
}
