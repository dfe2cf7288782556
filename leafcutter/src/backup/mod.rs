//! `leafcutter backup` and `leafcutter restore`: a copy of an embedded service that is taken while it runs, and its way
//! back. A backup holds what cannot be made again: the log, the objects, the keys. Read models and the reactions'
//! tables come from the log. Not here: servers, which have means of their own.

mod files;
mod manifest;
mod restore;
mod take;

pub(crate) use restore::{RestoreArgs, restore};
pub(crate) use take::{BackupArgs, backup};

/// The log, as it is called in a data directory and in a backup.
const LOG: &str = "events.db";
/// The folder of results and screenshots, in both.
const OBJECTS: &str = "objects";
/// Files that only their owner may read, in both. A service may lack them.
const SECRETS: [&str; 2] = ["service.key", "api-key"];
