//! The read side through its router, on a real log and real tables. Every answer is held against the OpenAPI
//! document that the code makes.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod account;
mod batches;
mod document;
mod exports;
mod heads;
mod history;
mod lists;
mod past;
mod random_months;
mod screenshots;
mod sessions;
mod statement;
mod support;
mod tampering;
mod trails;
mod verify;
