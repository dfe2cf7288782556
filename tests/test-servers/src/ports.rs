//! Ports of loopback for servers that end and come back. They lie below the range from which the system takes the
//! ports of outgoing connections: a port of that range can be taken while its server is down, and a client that dials
//! it again and again may even connect to itself.

use std::{
    collections::HashSet,
    fs,
    net::{Ipv4Addr, TcpListener},
    sync::{Mutex, PoisonError},
};

/// The first port that is given.
const PORT_MIN: u16 = 15_000;
/// Where the system's own range starts when it does not say.
const EPHEMERAL_PORT_MIN: u16 = 32_768;
/// How many ports are looked at before the search is given up.
const PORT_TRIES_MAX: u32 = 2_000;

/// A port of loopback that nobody listens on and that this process was not given before.
///
/// # Panics
/// When no port is free.
#[must_use]
pub fn free_port() -> u16 {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = given.get_or_insert_default();
    let ports = u32::from(ephemeral_start().saturating_sub(PORT_MIN).max(1));
    // Processes that search at the same time start at different places.
    let start = std::process::id().wrapping_mul(7_919) % ports;
    for step in 0..PORT_TRIES_MAX.min(ports) {
        let port = PORT_MIN.saturating_add(u16::try_from((start + step) % ports).unwrap_or(0));
        if !given.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            given.insert(port);
            return port;
        }
    }
    panic!("no port between {PORT_MIN} and {} is free on loopback", ephemeral_start())
}

fn ephemeral_start() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let start = range.split_whitespace().next().and_then(|start| start.parse().ok());
    // A system that leaves nothing below is taken as it is: then the ports are shared with outgoing connections.
    start.filter(|start| *start > PORT_MIN).unwrap_or(EPHEMERAL_PORT_MIN)
}
