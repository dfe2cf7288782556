//! Who is in the cluster, who leads it, and what the gossip says.

use leafcutter_eventstoredb_protocol::{
    Uuid,
    gossip::{ClusterInfo, EndPoint, MemberInfo, member_info::State},
    uuid::Value,
};
use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

/// The members' addresses and the leader's place among them.
#[derive(Default)]
pub(crate) struct Cluster(Mutex<(Vec<SocketAddr>, usize)>);

impl Cluster {
    pub(crate) fn join(&self, address: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.push(address);
    }

    pub(crate) fn leader(&self) -> Option<SocketAddr> {
        let members = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        members.0.get(members.1).copied()
    }

    pub(crate) fn elect(&self, leader: SocketAddr) {
        let mut members = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = members.0.iter().position(|member| *member == leader) {
            members.1 = place;
        }
    }

    /// A node that has just died is still said to be alive, as in a real cluster for some seconds.
    pub(crate) fn info(&self) -> ClusterInfo {
        let members = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let member = |(place, address): (usize, &SocketAddr)| MemberInfo {
            instance_id: Some(Uuid {
                value: Some(Value::String(uuid::Uuid::from_u128(place as u128).to_string())),
            }),
            time_stamp: crate::log::now_ticks(),
            state: if place == members.1 { State::Leader } else { State::Follower } as i32,
            is_alive: true,
            http_end_point: Some(EndPoint { address: address.ip().to_string(), port: address.port().into() }),
        };
        ClusterInfo { members: members.0.iter().enumerate().map(member).collect() }
    }
}
