//! Given events, when a command, then events or a refusal: what the tests of a batch share.

use super::*;
use crate::{
    AccountId, BatchId, ErrorCode, ItemIndex, Period, ReservationId, ScrapeOptions, Usage, WorkerId,
    testing::{Given, at, given},
};
use uuid::Uuid;

mod endings;
mod erasing;
mod items;
mod retry;
mod submit;

const BATCH: BatchId = BatchId(Uuid::from_u128(2));
const WORKER: WorkerId = WorkerId(Uuid::from_u128(3));
/// Credits that the tests' rounds set aside for an item.
const PER_ITEM: u64 = 3;

fn terms(round: u32) -> RoundTerms {
    RoundTerms {
        round,
        reservation: ReservationId::of(BATCH, round),
        period: Period::of(at(0)),
        per_item: PER_ITEM,
        max_attempts: 1,
        retry_any_failure: false,
    }
}

/// A submit of so many pages.
fn submit(pages: u16) -> SubmitBatch {
    SubmitBatch {
        batch: BATCH,
        account: AccountId(Uuid::from_u128(1)),
        urls: (0..pages).map(|page| format!("https://shop.example/{page}")).collect(),
        options: ScrapeOptions::default(),
        has_cookies: false,
        channel: Channel::Api,
        metadata: None,
        price_list: 1,
        terms: terms(1),
        fingerprint: Some("body".into()),
        at: at(0),
    }
}

fn submitted(pages: u16) -> Given<Batch> {
    given::<Batch>([]).after(submit(pages))
}

/// A batch whose items get so many attempts.
fn submitted_with_attempts(max_attempts: u8, retry_any_failure: bool) -> Given<Batch> {
    let terms = RoundTerms { max_attempts, retry_any_failure, ..terms(1) };
    given::<Batch>([]).after(SubmitBatch { terms, ..submit(2) })
}

/// The claim of an item; the lease lasts from second 10 to second 70.
fn start(item: ItemIndex) -> StartItem {
    StartItem {
        item,
        worker: WORKER,
        claim: Uuid::from_u128(u128::from(item)),
        lease_hash: lease(item),
        deadline: at(70),
        at: at(10),
    }
}

/// The lease of every claim by [`start`] of this item.
fn lease(item: ItemIndex) -> String {
    format!("lease of {item}")
}

fn complete(item: ItemIndex) -> ReportCompleted {
    ReportCompleted {
        item,
        lease_hash: lease(item),
        result: StoredObject { key: "a/b/c".into(), hash: "ab".into(), bytes: 7 },
        screenshot: None,
        final_url: "https://shop.example/".into(),
        http_status: 200,
        extractor: Extractor::Rules,
        usage: Usage::default(),
        credits: 2,
        at: at(20),
    }
}

fn fail(item: ItemIndex, code: ErrorCode) -> ReportFailed {
    ReportFailed {
        item,
        lease_hash: lease(item),
        code,
        message: "It did not work.".into(),
        final_url: None,
        http_status: None,
        usage: Usage::default(),
        credits: 0,
        at: at(20),
    }
}

fn put_back(item: ItemIndex, attempt: u32) -> PutBackItem {
    PutBackItem { item, attempt, credits: 0, at: at(30) }
}

/// The watchdog, after the deadline.
fn expire(item: ItemIndex, attempt: u32) -> ExpireLease {
    ExpireLease { item, attempt, credits: 0, at: at(71) }
}

fn cookies_gone(item: ItemIndex) -> FailPending {
    FailPending { item, code: ErrorCode::CookiesExpired, message: "Gone.".into(), credits: 0, at: at(5) }
}

fn retry(round: u32) -> RequestRetry {
    RequestRetry {
        terms: terms(round),
        has_cookies: false,
        idempotency: None,
        fingerprint: None,
        at: at(100),
    }
}

fn cancel() -> CancelBatch {
    CancelBatch { at: at(40) }
}

fn broken() -> FailBatch {
    FailBatch { cause: BatchFailure::ReservationMissing, at: at(50) }
}

/// A batch of two pages that has completed: page 0 with a result, page 1 failed.
fn half_failed() -> Given<Batch> {
    let given = submitted(2).after(start(0)).after(start(1)).after(complete(0));
    given.after(fail(1, ErrorCode::TooLarge))
}

/// The name of each event.
fn names(events: &[BatchEvent]) -> Vec<&'static str> {
    events.iter().map(crate::DomainEvent::name).collect()
}

fn status(given: &Given<Batch>, item: ItemIndex) -> &ItemStatus {
    &given.state.item(item).unwrap().status
}
