//! The egress as its users see it: a real proxy on loopback, real sockets, targets that record
//! what reached them. Only loopback is used; the policy of each test allows exactly its targets.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod forwarding;
mod hostile;
mod lifecycle;
mod limits;
mod proxy_file;
mod resolving;
mod stand_ins;
mod support;
mod tunnels;
mod upstreams;
mod urls;
