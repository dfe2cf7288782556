//! A month that turns while it is read.

use super::*;
use async_trait::async_trait;
use leafcutter_domain::{
    Moment,
    ledger::{ClosePeriod, Funds, LedgerCommand, OpenPeriod, PreviousPeriod},
};
use leafcutter_event_store::{
    Appended, Expected, NewEvent, Position, Snapshot, SqliteEventStore, Streams, Subscription,
};
use leafcutter_ledger_proof::Walk;
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));

fn month(text: &str) -> LedgerId {
    LedgerId { account: ACCOUNT, period: text.parse().unwrap() }
}

fn at() -> Moment {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

async fn ask(store: &Arc<SqliteEventStore>, id: LedgerId, command: impl Into<LedgerCommand>) -> String {
    let ledgers = Streams::<Ledger>::new(Arc::clone(store) as _);
    ledgers.transact(id, command).await.unwrap();
    ledgers.inspect(id, |folded| folded.head_hash().unwrap().to_owned()).await.unwrap()
}

fn open(id: LedgerId, previous: Option<PreviousPeriod>) -> OpenPeriod {
    let (period, carried) = (id.period, Funds::default());
    OpenPeriod { account: ACCOUNT, period, previous, allowance: 9, carried, at: at() }
}

/// A log in which October ends and November begins between the last look at one and the first at the other.
struct Turning {
    inner: Arc<SqliteEventStore>,
    turned: AtomicBool,
}

impl Turning {
    async fn turn(&self) {
        let (october, november) = (month("2026-10"), month("2026-11"));
        let hash = ask(&self.inner, october, ClosePeriod { next: november.period, at: at() }).await;
        let previous = Some(PreviousPeriod { period: october.period, hash });
        ask(&self.inner, november, open(november, previous)).await;
    }
}

#[async_trait]
impl EventStore for Turning {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> Result<Appended, StoreError> {
        self.inner.append(stream, expected, events).await
    }

    async fn read(&self, stream: &StreamName, from: u64, max: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let is_next = *stream == Ledger::stream(month("2026-11"));
        if is_next && !self.turned.swap(true, Ordering::SeqCst) {
            self.turn().await;
        }
        self.inner.read(stream, from, max).await
    }

    async fn last(&self, stream: &StreamName) -> Result<Option<StoredEvent>, StoreError> {
        self.inner.last(stream).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.inner.head().await
    }

    fn subscribe(&self, after: Position, category: Option<&'static str>) -> Box<dyn Subscription> {
        self.inner.subscribe(after, category)
    }

    async fn snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, StoreError> {
        self.inner.snapshot(stream).await
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), StoreError> {
        self.inner.save_snapshot(stream, snapshot).await
    }
}

#[tokio::test]
async fn a_month_that_turns_while_it_is_read_is_read_to_its_end_before_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let inner = Arc::new(SqliteEventStore::open(&folder.path().join("log.sqlite")).await.unwrap());
    ask(&inner, month("2026-10"), open(month("2026-10"), None)).await;
    let store = Arc::new(Turning { inner, turned: AtomicBool::new(false) });
    let streams = ["2026-09", "2026-10", "2026-11", "2026-12"].map(|text| Ledger::stream(month(text)));
    let mut log = LedgerLog::new(store, streams.to_vec());
    let (mut walk, mut names) = (Walk::default(), Vec::new());
    while let Some(page) = log.page().await.unwrap() {
        for stored in &page {
            names.push(stored.name.clone());
            walk.step(&entry(stored));
        }
    }
    assert_eq!(names, ["PeriodOpened", "PeriodClosed", "PeriodOpened"]);
    assert_eq!(walk.finish().fault, None);
}
