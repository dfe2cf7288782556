//! The statements, the same text for both engines: this file is compiled once for each (docs/adr/0012), whose types
//! are in the parent module. `only` is a word of PostgreSQL's own grammar, hence its quotes.

use super::{Connection, Engine, Pool, SNAPSHOT, WRITE};
use crate::{Change, MemoryError, Remembered};
use leafcutter_event_store::Position;
use leafcutter_sql::Document;
use sqlx::{Connection as _, QueryBuilder, Row as _};
use std::collections::BTreeMap;

/// Rows written by one statement; with three columns far below the placeholders of SQLite (32,766) and PostgreSQL
/// (65,535).
const ROWS_PER_STATEMENT: usize = 1_000;

pub(crate) async fn load(pool: &Pool) -> Result<(Vec<Remembered>, Position), MemoryError> {
    let mut snapshot = pool.begin_with(SNAPSHOT).await?;
    let position = checkpoint(&mut snapshot).await?;
    let rows = sqlx::query("SELECT kind, id, content FROM remembered ORDER BY kind, id")
        .fetch_all(&mut *snapshot)
        .await?;
    let mut remembered = Vec::with_capacity(rows.len());
    for row in &rows {
        let Document(content) = row.try_get("content")?;
        let content = content.into_owned();
        remembered.push(Remembered { kind: row.try_get("kind")?, id: row.try_get("id")?, content });
    }
    snapshot.commit().await?;
    Ok((remembered, position))
}

pub(crate) async fn save(
    pool: &Pool,
    changes: &[Change],
    from: Position,
    to: Position,
) -> Result<(), MemoryError> {
    let mut connection = pool.acquire().await?;
    let saved = save_in(&mut connection, changes, from, to).await;
    if saved.is_err() {
        // On a full disk SQLite ends the transaction by itself, of which the connection does not know.
        connection.close_on_drop();
    }
    saved
}

async fn save_in(
    connection: &mut Connection,
    changes: &[Change],
    from: Position,
    to: Position,
) -> Result<(), MemoryError> {
    let mut transaction = connection.begin_with(WRITE).await?;
    move_checkpoint(&mut transaction, from, to).await?;
    let last = last_of_each(changes);
    let (put, forgotten): (Vec<_>, Vec<_>) = last.into_iter().partition(|(_, content)| content.is_some());
    for some in put.chunks(ROWS_PER_STATEMENT) {
        write(&mut transaction, some).await?;
    }
    for some in forgotten.chunks(ROWS_PER_STATEMENT) {
        forget(&mut transaction, some).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// A row's kind and id with its new content, `None` when it is forgotten.
type RowChange<'a> = ((&'a str, &'a str), Option<&'a str>);

/// Of several changes to one row the last one, since one statement may not write a row twice.
fn last_of_each(changes: &[Change]) -> BTreeMap<(&str, &str), Option<&str>> {
    let pairs = changes.iter().map(|change| match change {
        Change::Put(row) => ((row.kind.as_str(), row.id.as_str()), Some(row.content.as_str())),
        Change::Forget { kind, id } => ((kind.as_str(), id.as_str()), None),
    });
    pairs.collect()
}

/// The row stays locked until the end, so two writers go one after the other. The first `save` of all makes it.
async fn move_checkpoint(
    connection: &mut Connection,
    from: Position,
    to: Position,
) -> Result<(), MemoryError> {
    sqlx::query(
        r#"INSERT INTO checkpoint ("only", position) VALUES (1, $1) ON CONFLICT ("only") DO NOTHING"#,
    )
    .bind(Position::START.to_string())
    .execute(&mut *connection)
    .await?;
    let moved = sqlx::query(r#"UPDATE checkpoint SET position = $1 WHERE "only" = 1 AND position = $2"#)
        .bind(to.to_string())
        .bind(from.to_string())
        .execute(&mut *connection)
        .await?;
    if moved.rows_affected() == 1 {
        return Ok(());
    }
    Err(MemoryError::CheckpointMoved { expected: from, found: checkpoint(connection).await? })
}

async fn checkpoint(connection: &mut Connection) -> Result<Position, MemoryError> {
    let position: Option<String> =
        sqlx::query_scalar("SELECT position FROM checkpoint").fetch_optional(connection).await?;
    match position {
        None => Ok(Position::START),
        Some(text) => text.parse().map_err(|_| MemoryError::Checkpoint(text)),
    }
}

async fn write(connection: &mut Connection, rows: &[RowChange<'_>]) -> Result<(), MemoryError> {
    let mut query = QueryBuilder::<Engine>::new("INSERT INTO remembered (kind, id, content) ");
    query.push_values(rows, |mut row, ((kind, id), content)| {
        row.push_bind(*kind).push_bind(*id).push_bind(content.map(|text| Document(text.into())));
    });
    query.push(" ON CONFLICT (kind, id) DO UPDATE SET content = excluded.content");
    query.build().execute(connection).await?;
    Ok(())
}

async fn forget(connection: &mut Connection, rows: &[RowChange<'_>]) -> Result<(), MemoryError> {
    let mut query = QueryBuilder::<Engine>::new("DELETE FROM remembered WHERE (kind, id) IN (");
    query.push_values(rows, |mut row, ((kind, id), _)| {
        row.push_bind(*kind).push_bind(*id);
    });
    query.push(")");
    query.build().execute(connection).await?;
    Ok(())
}
