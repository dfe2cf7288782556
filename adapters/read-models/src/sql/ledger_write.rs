//! What a run of events changes in the ledgers' tables. Compiled once for each engine, whose types are in the parent
//! module.

use super::{
    Connection, Fields,
    insert::{Columns, insert, upsert},
};
use crate::{
    Changes, LedgerBalance, ReadModelError, RecordedEntry,
    text::{items_text, number, word},
};
use leafcutter_sql::Time;

pub(super) async fn ledgers(connection: &mut Connection, changes: &Changes) -> Result<(), ReadModelError> {
    sums(connection, changes).await?;
    entries(connection, &changes.entries).await
}

const LEDGERS: Columns =
    "ledgers (stream, account, period, revision, entries, at, allowance, granted, available, held,
    spent, expired, carried_out, closed)";

async fn sums(connection: &mut Connection, changes: &Changes) -> Result<(), ReadModelError> {
    let ledgers: Vec<_> = changes.ledgers.iter().collect();
    let on_conflict =
        " ON CONFLICT (stream) DO UPDATE SET revision = excluded.revision, entries = excluded.entries, at = excluded.at,
         granted = excluded.granted, available = excluded.available, held = excluded.held, spent = excluded.spent,
         expired = excluded.expired, carried_out = excluded.carried_out, closed = excluded.closed";
    upsert(connection, LEDGERS, on_conflict, &ledgers, |row, (stream, ledger)| {
        row.push_bind(stream.as_str()).push_bind(ledger.account.0).push_bind(ledger.period.to_string());
        row.push_bind(number(ledger.revision)).push_bind(number(ledger.entries));
        row.push_bind(Time(ledger.at.millis()));
        let LedgerBalance { allowance, granted, available, held, spent, expired, carried_out, .. } = ledger;
        for sum in [allowance, granted, available, held, spent, expired, carried_out] {
            row.push_bind(number(*sum));
        }
        row.push_bind(ledger.closed);
    })
    .await
}

const ENTRIES: Columns =
    "ledger_entries (account, period, revision, event, position, kind, at, amount, change, balance,
    held, spent, batch, round, reservation, items, attempt, reason)";

async fn entries(connection: &mut Connection, entries: &[RecordedEntry]) -> Result<(), ReadModelError> {
    let mut rows = Vec::with_capacity(entries.len());
    for recorded in entries {
        rows.push((recorded, word(&recorded.entry.kind)?));
    }
    insert(connection, ENTRIES, &rows, |row: &mut Fields<'_>, (recorded, kind)| {
        let RecordedEntry { account, entry, event, position } = recorded;
        row.push_bind(account.0).push_bind(entry.period.to_string()).push_bind(number(entry.revision));
        row.push_bind(event).push_bind(position.to_string()).push_bind(kind);
        row.push_bind(Time(entry.at.millis())).push_bind(number(entry.amount)).push_bind(entry.change);
        row.push_bind(number(entry.balance)).push_bind(number(entry.held)).push_bind(number(entry.spent));
        row.push_bind(entry.batch.map(|batch| batch.0)).push_bind(entry.round.map(i64::from));
        row.push_bind(entry.reservation.map(|reservation| reservation.0));
        row.push_bind(items_text(&entry.items)).push_bind(entry.attempt.map(i64::from));
        row.push_bind(entry.reason.map(|reason| reason.as_str()));
    })
    .await
}
