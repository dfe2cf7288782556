//! Events of batches and ledgers, made by the real commands.

use crate::support::{OWNER, World, now};
use bytes::Bytes;
use leafcutter_domain::{
    BatchId, ErrorCode, ItemIndex, Moment, OutputFormat, Period, ProxyPlace, ReservationId, ScrapeOptions,
    Usage, WorkerId,
    batch::{
        AbandonRound, BatchCommand, CancelBatch, Channel, EraseReason, EraseResults, Extractor, PutBackItem,
        ReportCompleted, ReportFailed, RequestRetry, RoundTerms, StartItem, SubmitBatch,
    },
    ledger::LedgerCommand,
};
use leafcutter_event_store::LedgerId;
use uuid::Uuid;

pub(crate) fn id(number: u128) -> BatchId {
    BatchId(Uuid::from_u128(number))
}

fn terms(batch: BatchId, round: u32) -> RoundTerms {
    let (reservation, period) = (ReservationId::of(batch, round), Period::of(now()));
    RoundTerms { round, reservation, period, per_item: 2, max_attempts: 1, retry_any_failure: false }
}

fn lease(item: ItemIndex, at: Moment) -> String {
    format!("{item}/{at}")
}

impl World {
    /// A batch of the owner, submitted `number` seconds after noon.
    pub(crate) async fn submit(&self, number: u32, urls: u16, output: OutputFormat) -> BatchId {
        let batch = id(u128::from(number));
        let submit = SubmitBatch {
            batch,
            account: OWNER,
            urls: (0..urls).map(|url| format!("https://example.com/{url}")).collect(),
            options: ScrapeOptions { output, proxy: Some(ProxyPlace::Eu), ..ScrapeOptions::default() },
            has_cookies: false,
            channel: Channel::Api,
            metadata: Some(serde_json::json!({"mine": number})),
            price_list: 1,
            terms: terms(batch, 1),
            fingerprint: None,
            at: now().plus_millis(i64::from(number) * 1_000),
        };
        self.batches.transact(batch, submit).await.unwrap();
        batch
    }

    async fn command(&self, batch: BatchId, command: impl Into<BatchCommand>) {
        self.batches.transact(batch, command).await.unwrap();
    }

    pub(crate) async fn start(&self, batch: BatchId, item: ItemIndex) {
        let (at, lease_hash) = (now(), lease(item, now()));
        let (worker, claim) = (WorkerId(Uuid::nil()), Uuid::from_u128(u128::from(item)));
        let deadline = at.plus_millis(60_000);
        self.command(batch, StartItem { item, worker, claim, lease_hash, deadline, at }).await;
    }

    /// Completes a started item with a stored result, and a picture if asked.
    pub(crate) async fn complete(
        &self,
        batch: BatchId,
        item: ItemIndex,
        result: &str,
        picture: Option<&[u8]>,
    ) {
        let result =
            self.objects.put(&format!("{batch}/{item}"), Bytes::from(result.to_owned())).await.unwrap();
        let screenshot = match picture {
            Some(picture) => Some(
                self.objects
                    .put(&format!("{batch}/{item}.png"), Bytes::copy_from_slice(picture))
                    .await
                    .unwrap(),
            ),
            None => None,
        };
        let completed = ReportCompleted {
            item,
            lease_hash: lease(item, now()),
            result,
            screenshot,
            final_url: "https://example.com/end".to_owned(),
            http_status: 200,
            extractor: Extractor::Rules,
            usage: Usage { duration_ms: 300, ..Usage::default() },
            credits: 2,
            at: now(),
        };
        self.command(batch, completed).await;
    }

    pub(crate) async fn fail(&self, batch: BatchId, item: ItemIndex) {
        let failed = ReportFailed {
            item,
            lease_hash: lease(item, now()),
            code: ErrorCode::HttpStatus,
            message: "The page answered 500.".to_owned(),
            final_url: Some("https://example.com/end".to_owned()),
            http_status: Some(500),
            usage: Usage { duration_ms: 100, ..Usage::default() },
            credits: 0,
            at: now(),
        };
        self.command(batch, failed).await;
    }

    pub(crate) async fn retry(&self, batch: BatchId, round: u32) {
        let (terms, at) = (terms(batch, round), now());
        let (has_cookies, idempotency, fingerprint) = (false, None, None);
        self.command(batch, RequestRetry { terms, has_cookies, idempotency, fingerprint, at }).await;
    }

    pub(crate) async fn cancel(&self, batch: BatchId) {
        self.command(batch, CancelBatch { at: now() }).await;
    }

    /// A running item goes back to the queue, a second after its start.
    pub(crate) async fn put_back(&self, batch: BatchId, item: ItemIndex, attempt: u32) {
        self.command(batch, PutBackItem { item, attempt, credits: 0, at: now().plus_millis(2_000) }).await;
    }

    /// The operator erases its results.
    pub(crate) async fn erase(&self, batch: BatchId) {
        self.command(batch, EraseResults { reason: EraseReason::Operator, until: None, at: now() }).await;
    }

    /// Forbids a round that never began.
    pub(crate) async fn abandon(&self, batch: BatchId, round: u32) {
        self.command(batch, AbandonRound { round, at: now() }).await;
    }

    /// A command to the owner's ledger of a month.
    pub(crate) async fn ledger(&self, month: &str, command: impl Into<LedgerCommand>) {
        let id = LedgerId { account: OWNER, period: month.parse().unwrap() };
        self.ledgers.transact(id, command).await.unwrap();
    }
}
