//! Chains that are right, chains that someone has touched, and heads that tell one from the other.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod audits;
mod document;
mod heads;
mod links;
mod support;
mod walks;
