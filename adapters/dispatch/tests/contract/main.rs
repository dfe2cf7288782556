//! What the ports of this crate promise, held against the adapter inside the process and against the broker, and what
//! the broker's adapter does when the broker fails. Servers are real ones, each on its own port and in its own folder.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod broker_loss;
mod desk;
mod desk_over_nats;
mod lease;
mod permissions;
mod queue;
mod queue_over_nats;
mod support;
