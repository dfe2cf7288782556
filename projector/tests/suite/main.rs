//! The projector on a real log and real tables in a temporary folder.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod following;
mod histories;
mod poison;
mod support;
