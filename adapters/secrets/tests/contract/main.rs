//! What every place for cookies promises, held against the memory of the process and against the broker, and what
//! the broker gets to see.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod at_broker;
mod promises;
mod support;
