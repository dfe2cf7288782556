//! The services of one node, and what they all do first: look at who asks, and of whom. Not here: the log's rules.

mod append;
mod batch;
mod delete;
mod features;
mod read;
mod subscribe;

use crate::{node::Node, refusal};
use leafcutter_eventstoredb_protocol::{
    AllStreamPosition, StreamIdentifier, Uuid,
    gossip::gossip_server::GossipServer,
    server_features::server_features_server::ServerFeaturesServer,
    streams::{
        AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, DeleteReq, DeleteResp, ReadReq, ReadResp,
        streams_server::{Streams, StreamsServer},
    },
    uuid::Value,
};
use std::sync::Arc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap, service::Routes};

/// The largest message that a server takes.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Messages between a call and its connection.
const ANSWERS_WAITING_MAX: usize = 32;

#[derive(Clone)]
pub(crate) struct Service(Arc<Node>);

impl Service {
    pub(crate) fn routes(node: Arc<Node>) -> Routes {
        let service = Self(node);
        let streams = StreamsServer::new(service.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Routes::new(streams)
            .add_service(GossipServer::new(service.clone()))
            .add_service(ServerFeaturesServer::new(service))
    }

    /// Whether the call may be carried out here.
    fn admit(&self, metadata: &MetadataMap) -> Result<(), Status> {
        let given = metadata.get("authorization").and_then(|value| value.to_str().ok());
        match (&self.0.authorization, given) {
            (Some(_), None) => return Err(refusal::denied()),
            (Some(wanted), Some(given)) if wanted != given => {
                return Err(Status::unauthenticated("Authentication Failed"));
            }
            (None | Some(_), _) => {}
        }
        let wants_leader = metadata.get("requires-leader").is_some_and(|value| value == "true");
        match self.0.cluster.leader() {
            Some(leader) if wants_leader && leader != self.0.address => {
                Err(refusal::not_leader(&leader.ip().to_string(), leader.port()))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn name(stream: Option<StreamIdentifier>) -> Result<String, Status> {
    let name = stream.map(|stream| stream.stream_name).unwrap_or_default();
    match String::from_utf8(name) {
        Ok(name) if !name.is_empty() => Ok(name),
        Ok(_) | Err(_) => Err(Status::invalid_argument("the stream has no name")),
    }
}

fn identifier(stream: &str) -> StreamIdentifier {
    StreamIdentifier { stream_name: stream.as_bytes().to_vec() }
}

fn place((commit_position, prepare_position): (u64, u64)) -> AllStreamPosition {
    AllStreamPosition { commit_position, prepare_position }
}

fn id_text(id: Option<Uuid>) -> Result<String, Status> {
    let id = match id.and_then(|id| id.value) {
        Some(Value::String(text)) => uuid::Uuid::parse_str(&text).ok(),
        Some(Value::Structured(halves)) => {
            let (most, least) = (halves.most_significant_bits, halves.least_significant_bits);
            Some(uuid::Uuid::from_u64_pair(most.cast_unsigned(), least.cast_unsigned()))
        }
        None => None,
    };
    id.map(|id| id.to_string()).ok_or_else(|| Status::invalid_argument("an event has no id"))
}

#[tonic::async_trait]
impl Streams for Service {
    type ReadStream = ReceiverStream<Result<ReadResp, Status>>;
    type BatchAppendStream = ReceiverStream<Result<BatchAppendResp, Status>>;

    async fn read(&self, request: Request<ReadReq>) -> Result<Response<Self::ReadStream>, Status> {
        self.admit(request.metadata())?;
        let options = request.into_inner().options;
        let options = options.ok_or_else(|| Status::invalid_argument("a read needs options"))?;
        read::begin(&self.0, options).map(Response::new)
    }

    async fn append(&self, request: Request<Streaming<AppendReq>>) -> Result<Response<AppendResp>, Status> {
        self.admit(request.metadata())?;
        append::append(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn delete(&self, request: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        self.admit(request.metadata())?;
        delete::delete(&self.0.log, request.into_inner(), false).map(Response::new)
    }

    async fn tombstone(&self, request: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        self.admit(request.metadata())?;
        delete::delete(&self.0.log, request.into_inner(), true).map(Response::new)
    }

    async fn batch_append(
        &self,
        request: Request<Streaming<BatchAppendReq>>,
    ) -> Result<Response<Self::BatchAppendStream>, Status> {
        self.admit(request.metadata())?;
        Ok(Response::new(batch::begin(Arc::clone(&self.0.log), request.into_inner())))
    }
}
