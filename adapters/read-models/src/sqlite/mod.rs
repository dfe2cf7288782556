//! The SQL of the read models, for SQLite. Statements keep to what PostgreSQL takes too where that costs nothing.
//! No rule is here: rows go out as they came in.

mod open;
pub(crate) mod read;
mod rows;
pub(crate) mod write;

pub(crate) use open::{Connections, connect};
