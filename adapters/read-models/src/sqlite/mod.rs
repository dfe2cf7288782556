//! The read models in a SQLite file. The statements are in `../sql`, compiled here against SQLite's types.

#[path = "../sql/dump.rs"]
pub(crate) mod dump;
mod fields;
#[path = "../sql/insert.rs"]
mod insert;
#[path = "../sql/ledger_read.rs"]
pub(crate) mod ledger_read;
#[path = "../sql/ledger_write.rs"]
mod ledger_write;
mod lock;
mod open;
#[path = "../sql/read.rs"]
pub(crate) mod read;
#[path = "../sql/rows.rs"]
mod rows;
#[path = "../sql/versions.rs"]
pub(crate) mod versions;
#[path = "../sql/write.rs"]
pub(crate) mod write;

use fields::{Fields, copy_in};
pub(crate) use lock::{TURN_SUFFIX, beside, lock, take_turn};
pub(crate) use open::{Connections, connect, registry};
use sqlx::{Sqlite as Engine, SqliteConnection as Connection, SqlitePool as Pool, sqlite::SqliteRow as Row};

/// Begins a transaction in which every statement sees the same moment.
const SNAPSHOT: &str = "BEGIN";
/// Begins a snapshot that may take long.
const LONG_SNAPSHOT: &str = SNAPSHOT;
/// Begins a transaction that writes. The lock is taken at once, so that it cannot be missed at the first write.
const WRITE: &str = "BEGIN IMMEDIATE";
