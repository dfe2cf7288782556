//! The stored form, pinned: what was written once must be read for ever, and today's version writes exactly that.
//! `LEAFCUTTER_WRITE_GOLDEN=1` adds the files of new events to `golden/`; it never changes one that is there.
//! Not here: stores.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod account;
mod batch;
mod golden;
mod history;
mod ledger;
mod metadata;
mod price_lists;
mod quarantine;
mod words;
