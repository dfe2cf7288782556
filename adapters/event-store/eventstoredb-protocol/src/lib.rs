//! The wire protocol of EventStoreDB as generated code, for the adapter and for the stand-in server of the tests.
//! It is made from `protos/*.proto`, our own files, which hold no more than is used here. Not here: behaviour.

#![allow(
    missing_docs,
    clippy::all,
    clippy::too_many_lines,
    reason = "the modules are generated from protos/"
)]

tonic::include_proto!("event_store.client");

pub mod streams {
    tonic::include_proto!("event_store.client.streams");
}

pub mod gossip {
    tonic::include_proto!("event_store.client.gossip");
}

pub mod server_features {
    tonic::include_proto!("event_store.client.server_features");
}
