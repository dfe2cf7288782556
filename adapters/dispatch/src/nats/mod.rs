//! The broker NATS with JetStream behind the ports of this crate: a work queue for offers, questions and answers for
//! the desk, a short-lived key for the lease, and buckets in memory for whoever else needs one. All of it can be lost
//! and comes back; the log is the truth. Written for nats-server 2.9 and newer. Not here: what work is.

mod bucket;
mod connection;
mod delivery;
mod desk_client;
mod desk_form;
mod desk_server;
mod lease;
mod offers;
mod settings;
mod source;
mod streams;

pub use bucket::{Bucket, BucketBounds, BucketEntry, BucketError, BucketSize, Expect};
pub use connection::{Nats, NatsState};
pub use desk_client::NatsDesk;
pub use desk_server::{DeskServer, serve_desk};
pub use lease::NatsLease;
pub use offers::NatsDispatch;
pub use settings::{NatsLogin, NatsServers, NatsSettings, NatsSettingsError, QueueSettings};
pub use source::NatsWorkSource;
