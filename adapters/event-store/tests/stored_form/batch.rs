//! Samples of the batch's events: with every field, and (`.min`) without the optional ones. Not here: comparing.

use crate::{
    account::{ACCOUNT, at},
    golden::{Sample, every},
};
use leafcutter_domain::{
    BatchId, ErrorCode, Isolation, OutputFormat, Period, ProxyPlace, ReservationId, ScrapeMode,
    ScrapeOptions, Screenshot, Usage, WorkerId,
    batch::{
        BatchCancelled, BatchCompleted, BatchEvent, BatchFailed, BatchFailure, BatchSubmitted, Channel,
        EraseReason, Extractor, ItemCompleted, ItemFailed, ItemQueued, ItemRequeued, ItemStarted,
        RequeueCause, ResultsErased, RetryRequested, RoundTerms, StoredObject, SubmissionAbandoned,
    },
};
use serde_json::json;
use uuid::Uuid;

every!(BatchEvent:
    BatchSubmitted, ItemQueued, ItemStarted, ItemCompleted, ItemFailed, ItemRequeued, RetryRequested,
    BatchCancelled, BatchCompleted, BatchFailed, SubmissionAbandoned, ResultsErased);

const BATCH: BatchId = BatchId(Uuid::from_u128(0x0197_5bb3_7c00_7000_8000_0000_0000_0004));
const WORKER: WorkerId = WorkerId(Uuid::from_u128(0x0197_5bb3_7c00_7000_8000_0000_0000_0005));
const CLAIM: Uuid = Uuid::from_u128(0x0197_5bb3_7c00_7000_8000_0000_0000_0006);
const RESERVATION: ReservationId = ReservationId(Uuid::from_u128(0x0197_5bb3_7c00_7000_8000_0000_0000_0007));
const USAGE: Usage = Usage {
    duration_ms: 1_234,
    received_bytes: 5_678,
    requests: 9,
    model_input_tokens: 0,
    model_output_tokens: 0,
    captchas: 0,
};

fn terms(round: u32) -> RoundTerms {
    let period = Period::of(at());
    RoundTerms {
        round,
        reservation: RESERVATION,
        period,
        per_item: 3,
        max_attempts: 2,
        retry_any_failure: true,
    }
}

fn object(kind: &str) -> StoredObject {
    StoredObject { key: format!("account/batch/item/1-{kind}"), hash: "cd".repeat(32), bytes: 4_096 }
}

pub(crate) fn samples() -> Vec<Sample<BatchEvent>> {
    let mut samples = submitted();
    samples.extend(running());
    samples.extend(completed());
    samples.extend(failed());
    samples.extend(whole());
    samples
}

fn submitted() -> Vec<Sample<BatchEvent>> {
    let submitted = BatchSubmitted {
        batch: BATCH,
        account: ACCOUNT,
        total: 50,
        options: ScrapeOptions {
            output: OutputFormat::Json,
            prompt: Some("The price, as a number 🐜".to_owned()),
            schema: Some(json!({"type": "object"})),
            extract_content_only: true,
            screenshot: Screenshot::FullPage,
            mode: ScrapeMode::Fast,
            isolation: Isolation::Item,
            ..ScrapeOptions::default()
        },
        has_cookies: true,
        channel: Channel::Playground,
        metadata: Some(json!({"order": [1, 2.5, null]})),
        price_list: 1,
        terms: terms(1),
        fingerprint: Some("ef".repeat(32)),
        at: at(),
    };
    let plain = BatchSubmitted {
        options: ScrapeOptions::default(),
        has_cookies: false,
        channel: Channel::Api,
        metadata: None,
        terms: RoundTerms { retry_any_failure: false, ..terms(1) },
        fingerprint: None,
        ..submitted.clone()
    };
    let tuned = BatchSubmitted {
        options: ScrapeOptions {
            proxy: Some("de".parse().unwrap()),
            respect_robots: true,
            concurrency: Some(50),
            ..ScrapeOptions::default()
        },
        ..plain.clone()
    };
    let anywhere = ScrapeOptions { proxy: Some(ProxyPlace::Global), ..ScrapeOptions::default() };
    let anywhere = BatchSubmitted { options: anywhere, ..plain.clone() };
    let url = "https://example.com/ä?q=\"1\"#x".to_owned();
    vec![
        ("BatchSubmitted", submitted.into()),
        ("BatchSubmitted.min", plain.into()),
        ("BatchSubmitted.proxy", tuned.into()),
        ("BatchSubmitted.proxyAnywhere", anywhere.into()),
        ("ItemQueued", ItemQueued { item: 49, url, at: at() }.into()),
    ]
}

fn running() -> Vec<Sample<BatchEvent>> {
    let started = ItemStarted {
        item: 1,
        round: 1,
        attempt: 1,
        worker: WORKER,
        claim: CLAIM,
        lease_hash: "01".repeat(32),
        deadline: at().plus_millis(90_000),
        at: at(),
    };
    let requeued = |cause| ItemRequeued { item: 1, round: 1, attempt: 1, cause, at: at() }.into();
    vec![
        ("ItemStarted", started.into()),
        ("ItemRequeued", requeued(RequeueCause::AttemptFailed(ErrorCode::NavigationTimeout))),
        ("ItemRequeued.putBack", requeued(RequeueCause::PutBack)),
        ("ItemRequeued.workerLost", requeued(RequeueCause::WorkerLost)),
    ]
}

fn completed() -> Vec<Sample<BatchEvent>> {
    let completed = ItemCompleted {
        item: 1,
        round: 1,
        attempt: 2,
        result: object("result"),
        screenshot: Some(object("screenshot")),
        final_url: "https://example.com/".to_owned(),
        http_status: 200,
        extractor: Extractor::Rules,
        usage: USAGE,
        credits: 3,
        at: at(),
    };
    let plain = ItemCompleted { screenshot: None, extractor: Extractor::None, ..completed.clone() };
    let usage = Usage { model_input_tokens: 6_543, model_output_tokens: 210, captchas: 1, ..USAGE };
    let by_model = ItemCompleted { extractor: Extractor::Model, usage, credits: 15, ..completed.clone() };
    vec![
        ("ItemCompleted", completed.into()),
        ("ItemCompleted.min", plain.into()),
        ("ItemCompleted.model", by_model.into()),
    ]
}

fn failed() -> Vec<Sample<BatchEvent>> {
    let failed = ItemFailed {
        item: 1,
        round: 1,
        attempt: 2,
        code: ErrorCode::HttpStatus,
        message: "The page answered 500.".to_owned(),
        retryable: true,
        final_url: Some("https://example.com/".to_owned()),
        http_status: Some(500),
        usage: USAGE,
        credits: 0,
        at: at(),
    };
    let plain = ItemFailed { final_url: None, http_status: None, usage: Usage::default(), ..failed.clone() };
    vec![("ItemFailed", failed.into()), ("ItemFailed.min", plain.into())]
}

fn whole() -> Vec<Sample<BatchEvent>> {
    let retried = RetryRequested {
        items: vec![1, 49],
        terms: terms(2),
        has_cookies: true,
        idempotency: Some("23".repeat(32)),
        fingerprint: Some("45".repeat(32)),
        at: at(),
    };
    let retried_plain = RetryRequested { idempotency: None, fingerprint: None, ..retried.clone() };
    vec![
        ("RetryRequested", retried.into()),
        ("RetryRequested.min", retried_plain.into()),
        ("BatchCancelled", BatchCancelled { items: vec![0, 48], at: at() }.into()),
        ("BatchCompleted", BatchCompleted { at: at() }.into()),
        ("BatchFailed", BatchFailed { cause: BatchFailure::ReservationMissing, at: at() }.into()),
        ("ResultsErased", ResultsErased { reason: EraseReason::Operator, at: at() }.into()),
        ("SubmissionAbandoned", SubmissionAbandoned { round: 1, at: at() }.into()),
    ]
}
