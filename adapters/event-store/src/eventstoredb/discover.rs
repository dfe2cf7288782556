//! Finding the leader of a cluster: the nodes gossip about each other, and any of them can be asked.

use super::{
    connection_string::{HostPort, Settings},
    failure::Cause,
    link::dial,
};
use leafcutter_eventstoredb_protocol::{
    Empty,
    gossip::{ClusterInfo, gossip_client::GossipClient, member_info::State},
};
use tokio::time::timeout;

/// The nodes to try, the leader first, as the first node says that answers.
pub(super) async fn candidates(settings: &Settings) -> Result<Vec<HostPort>, Cause> {
    let mut failed = Cause::NoLeader;
    for host in &settings.hosts {
        match ask(settings, host).await {
            Ok(cluster) => return Ok(in_order(cluster)),
            Err(cause) => failed = cause,
        }
    }
    Err(failed)
}

async fn ask(settings: &Settings, host: &HostPort) -> Result<ClusterInfo, Cause> {
    let channel = dial(settings, host).await?;
    let mut client = GossipClient::new(channel);
    match timeout(settings.gossip_timeout, client.read(Empty {})).await {
        Ok(Ok(cluster)) => Ok(cluster.into_inner()),
        Ok(Err(status)) => Err(Cause::Status(status)),
        Err(_) => Err(Cause::Unanswered(settings.gossip_timeout)),
    }
}

fn in_order(cluster: ClusterInfo) -> Vec<HostPort> {
    let mut ranked: Vec<(u8, HostPort)> = Vec::new();
    for member in cluster.members.into_iter().filter(|member| member.is_alive) {
        let rank = match State::try_from(member.state) {
            Ok(State::Leader) => 0,
            Ok(State::Follower) => 1,
            Ok(State::ReadOnlyReplica) => 2,
            // These do not serve, or not yet.
            Ok(_) | Err(_) => continue,
        };
        let address = member.http_end_point.and_then(|place| {
            let port = u16::try_from(place.port).ok()?;
            (!place.address.is_empty()).then_some(HostPort { host: place.address, port })
        });
        ranked.extend(address.map(|address| (rank, address)));
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, address)| address).collect()
}
