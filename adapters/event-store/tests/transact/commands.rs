//! Made-up ids and commands of the three aggregates. Not here: stores.

use leafcutter_domain::{
    AccountId, BatchId, ErrorCode, ItemIndex, KeyId, Moment, Period, ReservationId, ScrapeOptions, Usage,
    WorkerId,
    account::{ChangeAllowance, IssueKey, OpenAccount, RevokeKey},
    batch::{Channel, ReportFailed, RoundTerms, StartItem, SubmitBatch},
    ledger::{Funds, Ledger, LedgerRejection, LedgerState, OpenPeriod, Reserve},
};
use leafcutter_event_store::{Committed, LedgerId, Streams, TransactError};
use std::sync::Arc;
use tokio::task::JoinSet;
use uuid::Uuid;

pub(crate) const ACCOUNT: AccountId = AccountId(Uuid::from_u128(0xA));
pub(crate) const BATCH: BatchId = BatchId(Uuid::from_u128(0xB));

/// Noon of some day, so many milliseconds later.
pub(crate) fn at(millis: i64) -> Moment {
    "2026-11-22T12:00:00Z".parse::<Moment>().unwrap().plus_millis(millis)
}

pub(crate) fn period() -> Period {
    Period::of(at(0))
}

pub(crate) fn ledger() -> LedgerId {
    LedgerId { account: ACCOUNT, period: period() }
}

pub(crate) fn open_period(allowance: u64) -> OpenPeriod {
    let carried = Funds::default();
    OpenPeriod { account: ACCOUNT, period: period(), previous: None, allowance, carried, at: at(0) }
}

/// Sets `credits` aside for the batch of this number.
pub(crate) fn reserve(number: u128, credits: u64) -> Reserve {
    let batch = BatchId(Uuid::from_u128(number));
    Reserve {
        reservation: ReservationId::of(batch, 1),
        batch,
        round: 1,
        items: vec![0],
        per_item: credits,
        open_max: usize::MAX,
        at: at(1),
    }
}

pub(crate) type Answer = Result<
    Committed<leafcutter_domain::ledger::LedgerEvent>,
    TransactError<leafcutter_domain::ledger::LedgerRejection>,
>;

/// Times that a caller tries when a rival was faster every time, as the error says.
const TRIES: usize = 20;

/// Reserves one credit for each number, all at once.
pub(crate) async fn reserve_all(
    streams: &Arc<Streams<Ledger>>,
    numbers: std::ops::Range<u128>,
) -> Vec<Answer> {
    let mut tasks = JoinSet::new();
    for number in numbers {
        let streams = Arc::clone(streams);
        tasks.spawn(async move {
            let mut answer = streams.transact(ledger(), reserve(number, 1)).await;
            for _ in 1..TRIES {
                if !matches!(answer, Err(TransactError::Contention)) {
                    break;
                }
                answer = streams.transact(ledger(), reserve(number, 1)).await;
            }
            answer
        });
    }
    tasks.join_all().await
}

/// How many were carried out; all others must have been refused for want of credits.
pub(crate) fn carried_out(answers: &[Answer]) -> usize {
    let refused = |answer: &&Answer| {
        matches!(answer, Err(TransactError::Rejected(LedgerRejection::InsufficientCredits { .. })))
    };
    let carried_out = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(carried_out + answers.iter().filter(refused).count(), answers.len(), "{answers:?}");
    carried_out
}

pub(crate) async fn state(streams: &Streams<Ledger>) -> LedgerState {
    streams.inspect(ledger(), |folded| folded.state.clone()).await.unwrap()
}

pub(crate) fn open_account(monthly_credits: u64) -> OpenAccount {
    OpenAccount { account: ACCOUNT, name: "Atta".to_owned(), monthly_credits, at: at(0) }
}

pub(crate) fn issue_key(key: u128, at: Moment) -> IssueKey {
    IssueKey { key: KeyId(Uuid::from_u128(key)), hash: "ab".repeat(32), at }
}

pub(crate) fn revoke_key(key: u128) -> RevokeKey {
    RevokeKey { key: KeyId(Uuid::from_u128(key)), at: at(9) }
}

pub(crate) fn change_allowance(monthly_credits: u64) -> ChangeAllowance {
    ChangeAllowance { monthly_credits, at: at(5) }
}

pub(crate) fn submit(urls: Vec<String>) -> SubmitBatch {
    SubmitBatch {
        batch: BATCH,
        account: ACCOUNT,
        urls,
        options: ScrapeOptions::default(),
        has_cookies: false,
        channel: Channel::Api,
        metadata: None,
        price_list: 1,
        terms: RoundTerms {
            round: 1,
            reservation: ReservationId::of(BATCH, 1),
            period: period(),
            per_item: 2,
            max_attempts: 1,
            retry_any_failure: false,
        },
        fingerprint: None,
        at: at(0),
    }
}

pub(crate) fn start(item: ItemIndex) -> StartItem {
    StartItem {
        item,
        worker: WorkerId(Uuid::from_u128(0xC)),
        claim: Uuid::from_u128(u128::from(item)),
        lease_hash: format!("lease {item}"),
        deadline: at(60_000),
        at: at(1),
    }
}

/// A report that makes an event of a little more than `bytes`.
pub(crate) fn report(item: ItemIndex, bytes: usize) -> ReportFailed {
    ReportFailed {
        item,
        lease_hash: format!("lease {item}"),
        code: ErrorCode::HttpStatus,
        message: "The page answered 500.".to_owned(),
        final_url: Some("u".repeat(bytes)),
        http_status: Some(500),
        usage: Usage::default(),
        credits: 0,
        at: at(2),
    }
}
