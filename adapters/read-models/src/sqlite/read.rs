//! Questions that the tables answer. Each answer is one moment's: more than one statement is one transaction.

use super::rows;
use crate::{
    BatchFilter, BatchPage, BatchView, LedgerCursor, Quarantined, ReadModelError, UsageDay,
    text::{from_number, number, word},
};
use leafcutter_domain::{AccountId, BatchId};
use leafcutter_event_store::{Position, StreamName};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};
use std::collections::HashMap;

/// Batches asked for in one statement; far below the bound of placeholders of any database.
const BATCHES_PER_STATEMENT: usize = 500;

pub(crate) async fn checkpoint(pool: &SqlitePool) -> Result<Position, ReadModelError> {
    let text: String = sqlx::query_scalar("SELECT position FROM checkpoints WHERE name = 'read-models'")
        .fetch_one(pool)
        .await?;
    rows::position(&text)
}

pub(crate) async fn batches(
    pool: &SqlitePool,
    batches: &[BatchId],
) -> Result<HashMap<BatchId, BatchView>, ReadModelError> {
    let mut views = HashMap::with_capacity(batches.len());
    let mut snapshot = pool.begin().await?;
    for some in batches.chunks(BATCHES_PER_STATEMENT) {
        read_some(&mut snapshot, some, &mut views).await?;
    }
    snapshot.commit().await?;
    Ok(views)
}

async fn read_some(
    connection: &mut SqliteConnection,
    batches: &[BatchId],
    views: &mut HashMap<BatchId, BatchView>,
) -> Result<(), ReadModelError> {
    let mut headers = among("SELECT * FROM batches WHERE batch IN (", batches, ")");
    for row in headers.build().fetch_all(&mut *connection).await? {
        let header = rows::header(&row)?;
        let items = Vec::with_capacity(usize::from(header.total));
        views.insert(header.batch, BatchView { header, items });
    }
    let mut items = among("SELECT * FROM items WHERE batch IN (", batches, ") ORDER BY batch, item");
    for row in items.build().fetch_all(&mut *connection).await? {
        let (batch, item) = rows::item(&row)?;
        if let Some(view) = views.get_mut(&batch) {
            view.items.push(item);
        }
    }
    Ok(())
}

fn among(start: &str, batches: &[BatchId], end: &str) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(start);
    let mut places = query.separated(", ");
    for batch in batches {
        places.push_bind(batch.0);
    }
    query.push(end);
    query
}

pub(crate) async fn list(
    pool: &SqlitePool,
    account: AccountId,
    filter: &BatchFilter,
    page: u64,
    limit: u32,
) -> Result<BatchPage, ReadModelError> {
    let skipped = page.saturating_sub(1).saturating_mul(u64::from(limit));
    let mut snapshot = pool.begin().await?;
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
    connection: &mut SqliteConnection,
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
    query: &mut QueryBuilder<Sqlite>,
    account: AccountId,
    filter: &BatchFilter,
) -> Result<(), ReadModelError> {
    query.push(" WHERE account = ").push_bind(account.0);
    if let Some(status) = &filter.status {
        query.push(" AND status = ").push_bind(word(status)?);
    }
    if let Some(after) = filter.created_after {
        query.push(" AND created_at > ").push_bind(after.millis());
    }
    if let Some(before) = filter.created_before {
        query.push(" AND created_at < ").push_bind(before.millis());
    }
    Ok(())
}

pub(crate) async fn usage(
    pool: &SqlitePool,
    account: AccountId,
    from_day: &str,
) -> Result<Vec<UsageDay>, ReadModelError> {
    let found = sqlx::query("SELECT * FROM usage_days WHERE account = ? AND day >= ? ORDER BY day")
        .bind(account.0)
        .bind(from_day)
        .fetch_all(pool)
        .await?;
    found.iter().map(rows::usage_day).collect()
}

pub(crate) async fn quarantined(pool: &SqlitePool) -> Result<Vec<Quarantined>, ReadModelError> {
    let found = sqlx::query("SELECT * FROM quarantine ORDER BY stream").fetch_all(pool).await?;
    found.iter().map(rows::quarantined).collect()
}

pub(crate) async fn ledger(
    pool: &SqlitePool,
    stream: &StreamName,
) -> Result<Option<LedgerCursor>, ReadModelError> {
    let found = sqlx::query("SELECT * FROM ledgers WHERE stream = ?").bind(stream.as_str());
    found.fetch_optional(pool).await?.as_ref().map(rows::ledger).transpose()
}
