//! A month's ledger as a bank statement: one entry for each event, with what it changed and what was left after it,
//! and the pure running sums that make the entries. No clock, no SQL; which movements are allowed is the domain's.

mod balance;
mod entry;

#[cfg(test)]
mod tests;

pub use balance::{LedgerBalance, LedgerFault};
pub use entry::{EntryFilter, EntryKind, EntryPage, LedgerEntry, Reason, RecordedEntry};
