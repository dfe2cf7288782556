//! The one loop that appends: grouping, rivals, unknown outcomes, snapshots, the hash chain, and the bounds.
//! It runs on the real SQLite store behind a probe. Not here: what a store promises (`tests/contract`).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod chain;
mod commands;
mod eventstoredb;
mod grouping;
mod hammering;
mod outcomes;
mod probe;
mod rivals;
mod sizes;
mod snapshots;
