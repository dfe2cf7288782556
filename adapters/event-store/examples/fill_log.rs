//! Fills a SQLite log with batches of 50 completed pages and their ledger entries, for measuring replays and submits:
//! `cargo run --release -p leafcutter-event-store --example fill_log -- PATH/events.db ACCOUNT BATCHES`. Not for a log
//! that anyone needs; no service may run on it meanwhile.

#![allow(clippy::print_stdout, reason = "it speaks to whoever measures")]

use leafcutter_domain::{
    AccountId, BatchId, Decider, DomainEvent, ItemIndex, Moment, Period, ReservationId, ScrapeOptions, Usage,
    WorkerId,
    batch::{
        Batch, BatchCommand, Channel, Extractor, ReportCompleted, RoundTerms, StartItem, StoredObject,
        SubmitBatch,
    },
    ledger::{Funds, Ledger, OpenPeriod, Reserve, Settle, Settlement, SettlementEntry},
};
use leafcutter_event_store::{
    Aggregate, EventStore, Expected, LedgerId, Metadata, NewEvent, SqliteEventStore, Streams, event_id,
};
use std::{
    error::Error,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use uuid::Uuid;

const ITEMS: ItemIndex = 50;
const PRICE: u64 = 2;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("arguments: PATH ACCOUNT BATCHES");
    let (path, account, batches) = (next()?, AccountId(next()?.parse::<Uuid>()?), next()?.parse::<u32>()?);
    let log = Arc::new(SqliteEventStore::open(path.as_ref()).await?);
    let now = Moment::from_millis(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?);
    let ledgers = Streams::<Ledger>::new(log.clone());
    let ledger = LedgerId { account, period: Period::of(now) };
    let allowance = u64::from(batches) * u64::from(ITEMS) * PRICE + 1_000_000;
    let (period, carried) = (ledger.period, Funds::default());
    let open = OpenPeriod { account, period, previous: None, allowance, carried, at: now };
    ledgers.transact(ledger, open).await?;
    for _ in 0..batches {
        let batch = BatchId(Uuid::now_v7());
        let reservation = ReservationId::of(batch, 1);
        let reserve = Reserve {
            reservation,
            batch,
            round: 1,
            items: (0..ITEMS).collect(),
            per_item: PRICE,
            open_max: usize::MAX,
            at: now,
        };
        ledgers.transact(ledger, reserve).await?;
        append(log.as_ref(), batch, account, period, now).await?;
        let settlement = Settlement::Charge { attempt: 1, amount: PRICE, failure: None };
        let entries = (0..ITEMS).map(|item| SettlementEntry { item, settlement }).collect();
        ledgers.transact(ledger, Settle { reservation, entries, at: now }).await?;
    }
    println!("the log ends at position {}", log.head().await?);
    log.close().await;
    Ok(())
}

/// The whole life of a batch in one append.
async fn append(
    log: &dyn EventStore,
    batch: BatchId,
    account: AccountId,
    period: Period,
    at: Moment,
) -> Result<(), Box<dyn Error>> {
    let stream = Batch::stream(batch);
    let (mut state, mut new) = (Batch::initial(), Vec::new());
    for command in life(batch, account, period, at) {
        let events = Batch::decide(&state, &command).map_err(|rejection| rejection.to_string())?;
        for event in events {
            let (data, revision) = (event.encode(), new.len() as u64);
            let metadata = Metadata { version: 2, occurred_at: at, prev: None, hash: None };
            let id = event_id(&stream, revision, event.name(), &data);
            let metadata = serde_json::to_vec(&metadata)?;
            new.push(NewEvent { id, name: event.name(), data, metadata });
            state = Batch::evolve(state, &event);
        }
    }
    log.append(&stream, Expected::NoStream, new).await?;
    Ok(())
}

fn life(batch: BatchId, account: AccountId, period: Period, at: Moment) -> Vec<BatchCommand> {
    let reservation = ReservationId::of(batch, 1);
    let terms = RoundTerms {
        round: 1,
        reservation,
        period,
        per_item: PRICE,
        max_attempts: 1,
        retry_any_failure: false,
    };
    let submit = SubmitBatch {
        batch,
        account,
        urls: (0..ITEMS).map(|item| format!("https://example.com/products/{item}")).collect(),
        options: ScrapeOptions::default(),
        has_cookies: false,
        channel: Channel::Api,
        metadata: None,
        price_list: 2,
        terms,
        fingerprint: None,
        at,
    };
    let mut life = vec![submit.into()];
    for item in 0..ITEMS {
        let lease_hash = format!("{item:064}");
        let start = StartItem {
            item,
            worker: WorkerId(Uuid::nil()),
            claim: Uuid::from_u128(item.into()),
            lease_hash: lease_hash.clone(),
            deadline: at.plus_millis(60_000),
            at,
        };
        let key = format!("{account}/{batch}/{item}/1-{}", "0".repeat(64));
        let report = ReportCompleted {
            item,
            lease_hash,
            result: StoredObject { key, hash: "0".repeat(64), bytes: 1_000 },
            screenshot: None,
            final_url: format!("https://example.com/products/{item}"),
            http_status: 200,
            extractor: Extractor::None,
            usage: Usage { duration_ms: 900, received_bytes: 100_000, requests: 12, ..Usage::default() },
            credits: PRICE,
            at,
        };
        life.extend([start.into(), report.into()]);
    }
    life
}
