//! The read models in a schema of a PostgreSQL database. The statements are in `../sql`, compiled here against
//! PostgreSQL's types.

mod copy;
#[path = "../sql/dump.rs"]
pub(crate) mod dump;
#[path = "../sql/insert.rs"]
mod insert;
#[path = "../sql/ledger_read.rs"]
pub(crate) mod ledger_read;
#[path = "../sql/ledger_write.rs"]
mod ledger_write;
mod open;
#[path = "../sql/read.rs"]
pub(crate) mod read;
#[path = "../sql/rows.rs"]
mod rows;
#[path = "../sql/versions.rs"]
pub(crate) mod versions;
#[path = "../sql/write.rs"]
pub(crate) mod write;

use copy::{Fields, copy_in};
pub(crate) use open::{Connections, connect, drop_tables, lock_versions, registry, take_turn};
use sqlx::{PgConnection as Connection, PgPool as Pool, Postgres as Engine, postgres::PgRow as Row};

/// Begins a transaction in which every statement sees the same moment.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Begins a snapshot that may take long.
const LONG_SNAPSHOT: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0";
/// Begins a transaction that writes. Its first statement locks the checkpoint's row.
const WRITE: &str = "BEGIN";
