//! The reactions' tables in a schema of a PostgreSQL database.

#[path = "sql.rs"]
mod sql;

use crate::MemoryError;
use leafcutter_sql::Server;
pub(crate) use sql::{load, save};
use sqlx::{PgConnection as Connection, PgPool as Pool, Postgres as Engine};

/// Where the tables are. The read models, in the same database, have another.
const SCHEMA: &str = "leafcutter_reactions";
/// Connections of one process; the reactions write one after the other.
const CONNECTIONS_MAX: u32 = 2;
/// Begins a transaction in which every statement sees the same moment.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Begins a transaction that writes. Its first statements lock the checkpoint's row.
const WRITE: &str = "BEGIN";

/// Reaches the server and brings the schema to this version's form.
pub(crate) async fn connect(url: &str) -> Result<Pool, MemoryError> {
    let server = Server::new(url, SCHEMA)?;
    server.migrate(sqlx::migrate!("migrations/postgres")).await?;
    Ok(server.pool(CONNECTIONS_MAX))
}
