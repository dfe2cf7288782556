//! What can be wrong with a chain, and where.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What happened to the ledger, as far as the chain tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// An entry is not what was written.
    Changed,
    /// Entries, or whole months, are gone.
    Removed,
    /// An entry or a month was put in later.
    Inserted,
    /// Entries stand in another order.
    Reordered,
    /// An entry is none that this version knows.
    Unreadable,
    /// The sums of the month do not add up.
    Unbalanced,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Inserted => "inserted",
            Self::Reordered => "reordered",
            Self::Unreadable => "unreadable",
            Self::Unbalanced => "unbalanced",
        })
    }
}

/// The first place at which a ledger is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The stream.
    pub stream: String,
    /// Revision of the entry: the one that is wrong, or the first that is missing.
    pub revision: u64,
    /// What happened.
    pub kind: FaultKind,
    /// The same in a sentence.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: event {} of {}: {}", self.kind, self.revision, self.stream, self.what)
    }
}
