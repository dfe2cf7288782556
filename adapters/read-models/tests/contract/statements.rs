//! The statement of an account: what is written comes back, and the filters find what they say.

use crate::support::{ACCOUNT, Place, applied, balance, entry, position, rows};
use leafcutter_domain::{AccountId, BatchId, ErrorCode, ItemIndex, Moment, ledger::RefundReason};
use leafcutter_event_store::StreamName;
use leafcutter_read_models::{
    Changes, EntryFilter, EntryKind, LedgerEntry, ReadModels, Reason, RecordedEntry,
};
use uuid::Uuid;

fn recorded(entry: LedgerEntry) -> RecordedEntry {
    let event = Uuid::from_u128(u128::from(entry.revision) + 100);
    RecordedEntry { account: ACCOUNT, position: position(entry.revision + 1), entry, event }
}

fn at(second: i64) -> Moment {
    Moment::from_millis(second * 1_000)
}

fn about(number: u128, items: &[ItemIndex], kind: EntryKind, entry: LedgerEntry) -> RecordedEntry {
    let batch = Some(BatchId(Uuid::from_u128(number)));
    recorded(LedgerEntry { batch, items: items.to_vec(), kind, ..entry })
}

/// Two months: revisions 0 to 5 of November in seconds 0 to 5, and 0 and 1 of December in seconds 4 and 9.
fn months() -> Vec<RecordedEntry> {
    vec![
        recorded(LedgerEntry { reason: Some(Reason::Allowance), ..entry("2026-11", 0, 0) }),
        about(1, &[0, 1, 14], EntryKind::Reserved, entry("2026-11", 1, 1)),
        about(2, &[4], EntryKind::Reserved, entry("2026-11", 2, 2)),
        about(1, &[14], EntryKind::Charged, entry("2026-11", 3, 3)),
        about(1, &[0, 1], EntryKind::Refunded, entry("2026-11", 4, 4)),
        recorded(LedgerEntry { kind: EntryKind::Closed, ..entry("2026-11", 5, 5) }),
        recorded(LedgerEntry { reason: Some(Reason::Allowance), ..entry("2026-12", 0, 4) }),
        recorded(LedgerEntry { kind: EntryKind::Granted, ..entry("2026-12", 1, 9) }),
    ]
}

/// The months, and one entry of somebody else.
fn changes() -> Changes {
    let mut entries = months();
    let other = AccountId(Uuid::from_u128(2));
    entries.push(RecordedEntry { account: other, ..recorded(entry("2026-11", 0, 3)) });
    let mut changes = Changes { entries, ..Changes::default() };
    for (stream, account, period, revision) in
        [("a", ACCOUNT, "2026-11", 5), ("b", ACCOUNT, "2026-12", 1), ("c", other, "2026-11", 0)]
    {
        let balance = balance(account, period, revision);
        changes.ledgers.insert(StreamName::new("ledger", stream), balance);
    }
    changes
}

/// The revisions that a filter finds, with their month's last digit in front, and the number of all.
async fn found(models: &ReadModels, filter: &EntryFilter, page: u64, limit: u32) -> (Vec<String>, u64) {
    let found = models.entries(ACCOUNT, filter, page, limit).await.unwrap();
    let name = |one: &RecordedEntry| format!("{}/{}", one.entry.period, one.entry.revision);
    (found.entries.iter().map(name).collect(), found.total)
}

pub(crate) async fn an_entry_comes_back_as_it_was_written(place: &Place) {
    let models = place.open().await;
    let mut full = about(7, &[3, 65_535], EntryKind::Charged, entry("2026-11", 0, 1));
    (full.entry.round, full.entry.attempt) = (Some(2), Some(u32::MAX));
    (full.entry.amount, full.entry.change) = (1_000_000_000_000, -1_000_000_000_000);
    full.entry.reason = Some(Reason::FailedWith(ErrorCode::Blocked));
    let refund = Some(Reason::Refund(RefundReason::Abandoned));
    let bare = recorded(LedgerEntry { reason: refund, reservation: None, ..entry("2026-11", 1, 2) });
    let mut changes = Changes { entries: vec![full.clone(), bare.clone()], ..Changes::default() };
    let mut sums = balance(ACCOUNT, "2026-11", 1);
    let stream = StreamName::new("ledger", "a");
    changes.ledgers.insert(stream.clone(), sums);
    applied(&models, &changes, 0, 1).await.unwrap();
    let page = models.entries(ACCOUNT, &EntryFilter::default(), 1, 10).await.unwrap();
    assert_eq!((page.entries, page.total), (vec![bare, full], 2));
    (sums.available, sums.closed, sums.revision) = (0, true, 2);
    let changes = Changes { ledgers: [(stream.clone(), sums)].into(), ..Changes::default() };
    applied(&models, &changes, 1, 2).await.unwrap();
    assert_eq!(models.ledgers(std::slice::from_ref(&stream)).await.unwrap()[&stream], sums);
    models.close().await;
}

pub(crate) async fn the_statement_is_newest_first_and_pages_hold_each_entry_once(place: &Place) {
    let models = place.open().await;
    applied(&models, &changes(), 0, 1).await.unwrap();
    let all = EntryFilter::default();
    let first = ["2026-12/1", "2026-12/0", "2026-11/5"].map(str::to_owned).to_vec();
    assert_eq!(found(&models, &all, 1, 3).await, (first, 8));
    let last = ["2026-11/1", "2026-11/0"].map(str::to_owned).to_vec();
    assert_eq!(found(&models, &all, 3, 3).await, (last, 8));
    assert_eq!(found(&models, &all, u64::MAX, 100).await, (vec![], 8));
    // A row of each entry and of each ledger.
    assert_eq!(rows(&models).await.len(), 9 + 3);
    models.close().await;
}

pub(crate) async fn the_statement_keeps_to_its_filters(place: &Place) {
    let models = place.open().await;
    applied(&models, &changes(), 0, 1).await.unwrap();
    let batch = Some(BatchId(Uuid::from_u128(1)));
    let all = EntryFilter::default;
    let cases = [
        (
            EntryFilter { from: Some(at(4)), ..all() },
            &["2026-12/1", "2026-12/0", "2026-11/5", "2026-11/4"][..],
        ),
        (EntryFilter { from: Some(at(2)), to: Some(at(4)), ..all() }, &["2026-11/3", "2026-11/2"]),
        (EntryFilter { batch, ..all() }, &["2026-11/4", "2026-11/3", "2026-11/1"]),
        // Item 1, and not 14, which begins with the same digit; item 4, and not 14, which ends with it.
        (EntryFilter { batch, item: Some(1), ..all() }, &["2026-11/4", "2026-11/1"]),
        (EntryFilter { batch, item: Some(4), ..all() }, &[]),
        (EntryFilter { batch, item: Some(14), ..all() }, &["2026-11/3", "2026-11/1"]),
        (
            EntryFilter { kinds: vec![EntryKind::Closed, EntryKind::Granted], ..all() },
            &["2026-12/1", "2026-11/5"],
        ),
        (EntryFilter { batch, kinds: vec![EntryKind::Granted], ..all() }, &[]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|&name| name.to_owned()).collect();
        let total = expected.len() as u64;
        assert_eq!(found(&models, &filter, 1, 10).await, (expected, total), "{filter:?}");
    }
    models.close().await;
}
