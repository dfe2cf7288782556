//! What this server says of itself: its features, its version and its cluster.

use super::Service;
use leafcutter_eventstoredb_protocol::{
    Empty,
    gossip::{ClusterInfo, gossip_server::Gossip},
    server_features::{SupportedMethod, SupportedMethods, server_features_server::ServerFeatures},
};
use tonic::{Request, Response, Status};

/// The version whose behaviour is imitated.
const VERSION: &str = "25.1.4";
const STREAMS: &str = "event_store.client.streams.streams";
const METHODS: [(&str, &[&str]); 5] = [
    ("read", &["position", "events"]),
    ("append", &[]),
    ("batchappend", &["deadline_duration"]),
    ("delete", &[]),
    ("tombstone", &[]),
];

#[tonic::async_trait]
impl ServerFeatures for Service {
    async fn get_supported_methods(&self, _: Request<Empty>) -> Result<Response<SupportedMethods>, Status> {
        let method = |(name, features): &(&str, &[&str])| SupportedMethod {
            method_name: (*name).to_owned(),
            service_name: STREAMS.to_owned(),
            features: features.iter().map(|feature| (*feature).to_owned()).collect(),
        };
        let methods = METHODS.iter().map(method).collect();
        Ok(Response::new(SupportedMethods { methods, event_store_server_version: VERSION.to_owned() }))
    }
}

#[tonic::async_trait]
impl Gossip for Service {
    async fn read(&self, _: Request<Empty>) -> Result<Response<ClusterInfo>, Status> {
        Ok(Response::new(self.0.cluster.info()))
    }
}
