//! Questions that the tables answer. Each answer is one moment's: more than one statement is one transaction.
//! Compiled once for each engine, whose types are in the parent module.

use super::{Connection, Engine, Pool, SNAPSHOT, ledger_read, rows};
use crate::{
    BatchFilter, BatchPage, BatchView, LedgerBalance, Quarantined, ReadModelError, UsageDay,
    text::{from_number, number, word},
};
use leafcutter_domain::{AccountId, BatchId};
use leafcutter_event_store::{Position, StreamName};
use leafcutter_sql::Time;
use sqlx::{Executor, QueryBuilder};
use std::collections::HashMap;

/// Keys asked for in one statement; far below the bound of placeholders of any database.
const KEYS_PER_STATEMENT: usize = 500;

pub(crate) async fn checkpoint<'c>(
    executor: impl Executor<'c, Database = Engine>,
) -> Result<Position, ReadModelError> {
    let text: String = sqlx::query_scalar("SELECT position FROM checkpoints WHERE name = 'read-models'")
        .fetch_one(executor)
        .await?;
    rows::position(&text)
}

pub(crate) async fn batches(
    pool: &Pool,
    batches: &[BatchId],
) -> Result<HashMap<BatchId, BatchView>, ReadModelError> {
    let mut views = HashMap::with_capacity(batches.len());
    let mut snapshot = pool.begin_with(SNAPSHOT).await?;
    for some in batches.chunks(KEYS_PER_STATEMENT) {
        read_some(&mut snapshot, some, &mut views).await?;
    }
    snapshot.commit().await?;
    Ok(views)
}

async fn read_some(
    connection: &mut Connection,
    batches: &[BatchId],
    views: &mut HashMap<BatchId, BatchView>,
) -> Result<(), ReadModelError> {
    let keys = || batches.iter().map(|batch| batch.0);
    let mut headers = among("SELECT * FROM batches WHERE batch", keys());
    for row in headers.build().fetch_all(&mut *connection).await? {
        let header = rows::header(&row)?;
        let items = Vec::with_capacity(usize::from(header.total));
        views.insert(header.batch, BatchView { header, items });
    }
    let mut items = among("SELECT * FROM items WHERE batch", keys());
    items.push(" ORDER BY batch, item");
    for row in items.build().fetch_all(&mut *connection).await? {
        let (batch, item) = rows::item(&row)?;
        if let Some(view) = views.get_mut(&batch) {
            view.items.push(item);
        }
    }
    Ok(())
}

/// `start`, restricted to these keys.
fn among<K>(start: &str, keys: impl Iterator<Item = K>) -> QueryBuilder<Engine>
where
    K: for<'q> sqlx::Encode<'q, Engine> + sqlx::Type<Engine>,
{
    let mut query = QueryBuilder::new(start);
    query.push(" IN (");
    let mut places = query.separated(", ");
    for key in keys {
        places.push_bind(key);
    }
    query.push(")");
    query
}

pub(crate) async fn list(
    pool: &Pool,
    account: AccountId,
    filter: &BatchFilter,
    page: u64,
    limit: u32,
) -> Result<BatchPage, ReadModelError> {
    let skipped = page.saturating_sub(1).saturating_mul(u64::from(limit));
    let mut snapshot = pool.begin_with(SNAPSHOT).await?;
    let total = total(&mut snapshot, account, filter).await?;
    let mut batches = Vec::new();
    // Beyond the end there is nothing to read, so a huge page number costs no walk through the index.
    if skipped < total {
        let mut query = QueryBuilder::new("SELECT * FROM batches");
        restrict(&mut query, account, filter)?;
        query.push(" ORDER BY created_at DESC, batch DESC LIMIT ").push_bind(i64::from(limit));
        query.push(" OFFSET ").push_bind(number(skipped));
        for row in query.build().fetch_all(&mut *snapshot).await? {
            batches.push(rows::header(&row)?);
        }
    }
    snapshot.commit().await?;
    Ok(BatchPage { batches, total })
}

/// Counted ahead where no time is asked for, else along the index.
async fn total(
    connection: &mut Connection,
    account: AccountId,
    filter: &BatchFilter,
) -> Result<u64, ReadModelError> {
    let mut query = if filter.created_after.is_none() && filter.created_before.is_none() {
        QueryBuilder::new("SELECT CAST(coalesce(sum(batches), 0) AS BIGINT) FROM batch_counts")
    } else {
        QueryBuilder::new("SELECT count(*) FROM batches")
    };
    restrict(&mut query, account, filter)?;
    from_number("total", query.build_query_scalar().fetch_one(connection).await?)
}

fn restrict(
    query: &mut QueryBuilder<Engine>,
    account: AccountId,
    filter: &BatchFilter,
) -> Result<(), ReadModelError> {
    query.push(" WHERE account = ").push_bind(account.0);
    if let Some(status) = &filter.status {
        query.push(" AND status = ").push_bind(word(status)?);
    }
    if let Some(after) = filter.created_after {
        query.push(" AND created_at > ").push_bind(Time(after.millis()));
    }
    if let Some(before) = filter.created_before {
        query.push(" AND created_at < ").push_bind(Time(before.millis()));
    }
    Ok(())
}

pub(crate) async fn usage(
    pool: &Pool,
    account: AccountId,
    from_day: &str,
) -> Result<Vec<UsageDay>, ReadModelError> {
    let found = sqlx::query("SELECT * FROM usage_days WHERE account = $1 AND day >= $2 ORDER BY day")
        .bind(account.0)
        .bind(from_day)
        .fetch_all(pool)
        .await?;
    found.iter().map(rows::usage_day).collect()
}

pub(crate) async fn quarantined(pool: &Pool) -> Result<Vec<Quarantined>, ReadModelError> {
    let found = sqlx::query("SELECT * FROM quarantine ORDER BY stream").fetch_all(pool).await?;
    found.iter().map(rows::quarantined).collect()
}

pub(crate) async fn ledgers(
    pool: &Pool,
    streams: &[StreamName],
) -> Result<HashMap<StreamName, LedgerBalance>, ReadModelError> {
    let mut balances = HashMap::with_capacity(streams.len());
    for some in streams.chunks(KEYS_PER_STATEMENT) {
        let mut query = among("SELECT * FROM ledgers WHERE stream", some.iter().map(StreamName::as_str));
        for row in query.build().fetch_all(pool).await? {
            balances.extend([ledger_read::ledger(&row)?]);
        }
    }
    Ok(balances)
}
