//! The model against a local server that speaks the chat protocol, with faults to order.
//!
//! **Not allowed here:** a real endpoint, sleeping.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod asking;
mod faults;
mod hostile;
mod server;
mod tokens;
