//! A server that speaks the protocol of EventStoreDB, for tests only: appends, reads, deletes, subscriptions, gossip
//! and features, on a log of its own, with faults to order. Not here: persistent subscriptions, projections, links,
//! access lists, scavenging, durability beyond a killed process. The adapter under test is not here either.

mod cluster;
mod faults;
mod filter;
mod journal;
mod log;
mod node;
mod refusal;
mod service;
mod stream;
mod tls;

pub use faults::{End, Fault};
pub use node::{Options, StandIn};
pub use tls::loopback_certificate;
