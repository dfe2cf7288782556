//! Every row of every table, as text, as of one moment. Compiled once for each engine, whose types are in the parent
//! module.

use super::{LONG_SNAPSHOT, Pool, Row, ledger_read, read, rows};
use crate::{
    Quarantined, ReadModelError, RecordedEntry, TableRow,
    dump::{Dump, RowSender},
    models::in_time,
};
use futures::TryStreamExt;

/// Makes a row its key and its text.
type ToText = fn(&Row) -> Result<(String, String), ReadModelError>;

/// Tables whose rows tell the same whatever the engine and wherever the log keeps its events, each in the order of its
/// keys.
const TABLES: [(&str, &str, ToText); 7] = [
    ("batches", "SELECT * FROM batches ORDER BY batch", |row| {
        let header = rows::header(row)?;
        Ok((header.batch.to_string(), format!("{header:?}")))
    }),
    ("items", "SELECT * FROM items ORDER BY batch, item", |row| {
        let (batch, item) = rows::item(row)?;
        Ok((format!("{batch}/{:05}", item.index), format!("{item:?}")))
    }),
    (
        "batch_counts",
        "SELECT * FROM batch_counts WHERE batches <> 0 ORDER BY account, status",
        rows::batch_count,
    ),
    ("usage_days", "SELECT * FROM usage_days ORDER BY account, day", rows::account_day),
    ("ledgers", "SELECT * FROM ledgers ORDER BY stream", |row| {
        let (stream, balance) = ledger_read::ledger(row)?;
        Ok((stream.to_string(), format!("{balance:?}")))
    }),
    ("ledger_entries", "SELECT * FROM ledger_entries ORDER BY account, period, revision", |row| {
        let RecordedEntry { account, entry, event, position: _ } = ledger_read::entry(row)?;
        let key = format!("{account}/{}/{:020}", entry.period, entry.revision);
        Ok((key, format!("{event} {entry:?}")))
    }),
    ("quarantine", "SELECT * FROM quarantine ORDER BY stream", |row| {
        let Quarantined { stream, revision, reason, position: _ } = rows::quarantined(row)?;
        Ok((stream.to_string(), format!("{revision} {reason}")))
    }),
];

/// Hands over how far the log was applied, then the rows, until nobody takes them.
pub(crate) async fn dump(pool: &Pool, dump: Dump) -> Result<(), ReadModelError> {
    let mut snapshot = pool.begin_with(LONG_SNAPSHOT).await?;
    let checkpoint = in_time(read::checkpoint(&mut *snapshot)).await?;
    let Dump { begun, rows } = dump;
    if begun.send(checkpoint).is_err() {
        return Ok(());
    }
    for (place, (table, question, text)) in TABLES.into_iter().enumerate() {
        let mut found = sqlx::query(question).fetch(&mut *snapshot);
        while let Some(row) = in_time(async { Ok(found.try_next().await?) }).await? {
            let (key, text) = text(&row)?;
            if !send(&rows, TableRow { place, table, key, text }).await {
                return Ok(());
            }
        }
    }
    snapshot.commit().await?;
    Ok(())
}

async fn send(rows: &RowSender, row: TableRow) -> bool {
    rows.send(Ok(row)).await.is_ok()
}
