//! The statement of an account, and how rows of ledgers become values. Compiled once for each engine, whose types are
//! in the parent module.

use super::{Connection, Engine, Pool, Row, SNAPSHOT, rows};
use crate::{
    EntryFilter, EntryPage, LedgerBalance, LedgerEntry, ReadModelError, Reason, RecordedEntry,
    text::{damaged, from_number, items_from_text, number, word},
};
use leafcutter_domain::{AccountId, BatchId, Moment, Period, ReservationId};
use leafcutter_event_store::StreamName;
use leafcutter_sql::Time;
use sqlx::{QueryBuilder, Row as _};

pub(crate) async fn entries(
    pool: &Pool,
    account: AccountId,
    filter: &EntryFilter,
    page: u64,
    limit: u32,
) -> Result<EntryPage, ReadModelError> {
    let skipped = page.saturating_sub(1).saturating_mul(u64::from(limit));
    let mut snapshot = pool.begin_with(SNAPSHOT).await?;
    let total = total(&mut snapshot, account, filter).await?;
    let mut entries = Vec::new();
    // Beyond the end there is nothing to read, so a huge page number costs no walk through the index.
    if skipped < total {
        let mut query = QueryBuilder::new("SELECT * FROM ledger_entries");
        restrict(&mut query, account, filter)?;
        query.push(" ORDER BY period DESC, revision DESC LIMIT ").push_bind(i64::from(limit));
        query.push(" OFFSET ").push_bind(number(skipped));
        for row in query.build().fetch_all(&mut *snapshot).await? {
            entries.push(entry(&row)?);
        }
    }
    snapshot.commit().await?;
    Ok(EntryPage { entries, total })
}

/// A month's entries from one on, in their order.
pub(crate) async fn statement(
    pool: &Pool,
    account: AccountId,
    period: Period,
    from: u64,
    limit: u32,
) -> Result<Vec<RecordedEntry>, ReadModelError> {
    let mut query = QueryBuilder::<Engine>::new("SELECT * FROM ledger_entries WHERE account = ");
    query.push_bind(account.0).push(" AND period = ").push_bind(period.to_string());
    query.push(" AND revision >= ").push_bind(number(from));
    query.push(" ORDER BY revision LIMIT ").push_bind(i64::from(limit));
    query.build().fetch_all(pool).await?.iter().map(entry).collect()
}

/// The sums of the months say how many entries there are, so that all of them need no count row by row.
async fn total(
    connection: &mut Connection,
    account: AccountId,
    filter: &EntryFilter,
) -> Result<u64, ReadModelError> {
    let mut query = if filter.is_all() {
        QueryBuilder::new("SELECT CAST(coalesce(sum(entries), 0) AS BIGINT) FROM ledgers")
    } else {
        QueryBuilder::new("SELECT count(*) FROM ledger_entries")
    };
    restrict(&mut query, account, filter)?;
    from_number("total", query.build_query_scalar().fetch_one(connection).await?)
}

fn restrict(
    query: &mut QueryBuilder<Engine>,
    account: AccountId,
    filter: &EntryFilter,
) -> Result<(), ReadModelError> {
    query.push(" WHERE account = ").push_bind(account.0);
    if let Some(from) = filter.from {
        query.push(" AND at >= ").push_bind(Time(from.millis()));
    }
    if let Some(to) = filter.to {
        query.push(" AND at < ").push_bind(Time(to.millis()));
    }
    if let Some(batch) = filter.batch {
        query.push(" AND batch = ").push_bind(batch.0);
    }
    if let Some(item) = filter.item {
        query.push(" AND items LIKE ").push_bind(format!("%,{item},%"));
    }
    if !filter.kinds.is_empty() {
        query.push(" AND kind IN (");
        let mut places = query.separated(", ");
        for kind in &filter.kinds {
            places.push_bind(word(kind)?);
        }
        query.push(")");
    }
    Ok(())
}

/// A ledger's sums, by its stream.
pub(super) fn ledger(row: &Row) -> Result<(StreamName, LedgerBalance), ReadModelError> {
    let balance = LedgerBalance {
        account: AccountId(row.try_get("account")?),
        period: period(row)?,
        revision: rows::number(row, "revision")?,
        entries: rows::number(row, "entries")?,
        at: moment(row)?,
        allowance: rows::number(row, "allowance")?,
        granted: rows::number(row, "granted")?,
        available: rows::number(row, "available")?,
        held: rows::number(row, "held")?,
        spent: rows::number(row, "spent")?,
        expired: rows::number(row, "expired")?,
        carried_out: rows::number(row, "carried_out")?,
        closed: row.try_get("closed")?,
    };
    Ok((row.try_get::<String, _>("stream")?.into(), balance))
}

pub(super) fn entry(row: &Row) -> Result<RecordedEntry, ReadModelError> {
    let reason: Option<&str> = row.try_get("reason")?;
    let reason = reason.map(|word| Reason::of_word(word).ok_or_else(|| damaged("reason", word)));
    let entry = LedgerEntry {
        period: period(row)?,
        revision: rows::number(row, "revision")?,
        kind: rows::word(row, "kind")?,
        at: moment(row)?,
        amount: rows::number(row, "amount")?,
        change: row.try_get("change")?,
        balance: rows::number(row, "balance")?,
        held: rows::number(row, "held")?,
        spent: rows::number(row, "spent")?,
        batch: row.try_get::<Option<_>, _>("batch")?.map(BatchId),
        round: rows::number_if_any(row, "round")?,
        reservation: row.try_get::<Option<_>, _>("reservation")?.map(ReservationId),
        items: items_from_text(row.try_get("items")?)?,
        attempt: rows::number_if_any(row, "attempt")?,
        reason: reason.transpose()?,
    };
    Ok(RecordedEntry {
        account: AccountId(row.try_get("account")?),
        entry,
        event: row.try_get("event")?,
        position: rows::position(row.try_get("position")?)?,
    })
}

fn period(row: &Row) -> Result<Period, ReadModelError> {
    let text: &str = row.try_get("period")?;
    text.parse().map_err(|_| damaged("period", text))
}

fn moment(row: &Row) -> Result<Moment, ReadModelError> {
    Ok(Moment::from_millis(row.try_get::<Time, _>("at")?.0))
}
