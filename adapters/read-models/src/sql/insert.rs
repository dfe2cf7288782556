//! Writing many rows of one table. Compiled once for each engine, whose types are in the parent module.

use super::{Connection, Engine, Fields, copy_in};
use crate::ReadModelError;
use sqlx::QueryBuilder;

/// Rows written by one statement; with 18 columns far below the placeholders of SQLite (32,766) and PostgreSQL (65,535).
const ROWS_PER_STATEMENT: usize = 500;

/// The table and its columns, in the order in which values are put.
pub(super) type Columns = &'static str;

/// Writes rows of which some may be there; `on_conflict` says what becomes of those.
pub(super) async fn upsert<R>(
    connection: &mut Connection,
    columns: Columns,
    on_conflict: &'static str,
    rows: &[R],
    put: impl Fn(&mut Fields<'_>, &R),
) -> Result<(), ReadModelError> {
    for some in rows.chunks(ROWS_PER_STATEMENT) {
        let mut query = QueryBuilder::<Engine>::new("INSERT INTO ");
        query.push(columns).push(" ");
        query.push_values(some, |row, values| put(&mut Fields::of_statement(row), values));
        query.push(on_conflict);
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Writes rows none of which is there, the fastest way that the engine has.
pub(super) async fn insert<R>(
    connection: &mut Connection,
    columns: Columns,
    rows: &[R],
    put: impl Fn(&mut Fields<'_>, &R),
) -> Result<(), ReadModelError> {
    if copy_in(connection, columns, rows, &put).await? {
        return Ok(());
    }
    upsert(connection, columns, "", rows, put).await
}
