//! The read models: what a client sees, as tables built from the log. The fold of a batch is pure and is used twice,
//! by the projector that writes rows and by the query side that adds what no row holds yet. All SQL of the read side
//! is in this crate. Not here: reading the log (`projector`), HTTP (`query-api`), rules (`domain`).

#![allow(
    clippy::duplicate_mod,
    reason = "the files in `sql` are compiled once for each engine, see docs/adr/0012"
)]

mod batch;
mod changes;
mod dump;
mod error;
mod ledger;
mod models;
mod postgres;
mod sqlite;
mod statement;
mod text;
mod turn;
mod versions;

pub use batch::{BatchHeader, BatchView, Counts, Gap, ItemError, ItemView, Status, fold};
pub use changes::{BatchChange, Changes, Quarantined, Usage, UsageDay};
pub use dump::{Snapshot, TableRow};
pub use error::ReadModelError;
pub use ledger::{
    EntryFilter, EntryKind, EntryPage, LedgerBalance, LedgerEntry, LedgerFault, Reason, RecordedEntry,
};
pub use models::{BatchFilter, BatchPage, ReadModels};
pub use turn::Turn;
pub use versions::{Exclusive, LiveModels, Version, VersionState, Versions};
