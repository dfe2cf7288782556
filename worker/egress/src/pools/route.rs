//! The way out of one attempt at an item: one proxy for all of its connections.
//!
//! The proxy is chosen when the first connection is wanted. As long as none was made, one that does not work is
//! replaced by the next; after that a site has seen the address, and the item stays with it.
//!
//! **Not allowed here:** going without a proxy. A place without one is a failure.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use leafcutter_domain::ProxyPlace;

use super::ProxyPools;
use super::chain::{Duplex, Fault};
use crate::item::Item;
use crate::refusal::{Refusal, Step};

/// Proxies that an attempt tries before it gives up.
const PROXIES_TRIED_MAX: usize = 3;

/// A proxy of one place for one attempt at an item; see [`ProxyPools::route`].
pub struct Route {
    pools: ProxyPools,
    place: ProxyPlace,
    item: String,
    choice: Mutex<Choice>,
}

#[derive(Default)]
struct Choice {
    member: Option<usize>,
    /// A connection was made through it.
    settled: bool,
    tried: Vec<usize>,
}

impl Route {
    pub(super) fn new(pools: ProxyPools, place: ProxyPlace, item: String) -> Self {
        Self { pools, place, item, choice: Mutex::default() }
    }

    /// Connects to the first of these addresses that the proxy reaches. They are those of one host, checked before.
    pub(crate) async fn dial(
        &self,
        item: &Item,
        host: &str,
        mut addresses: Vec<SocketAddr>,
    ) -> Result<Box<dyn Duplex>, Refusal> {
        // Many proxies have no IPv6, and say so only when they are asked for it.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let mut failure = Refusal::Connect { host: host.to_owned() };
        for address in addresses {
            match self.connect(item, address).await {
                Ok(stream) => return Ok(stream),
                Err(Fault::Target) => {}
                Err(Fault::Silent(after)) => {
                    failure = Refusal::Timeout { host: host.to_owned(), step: Step::Connect, after };
                }
                Err(Fault::Broken(_)) => {
                    return Err(Refusal::Upstream { host: host.to_owned(), place: self.place });
                }
            }
        }
        Err(failure)
    }

    async fn connect(&self, item: &Item, address: SocketAddr) -> Result<Box<dyn Duplex>, Fault> {
        loop {
            let Some(member) = self.member() else { return Err(Fault::Broken("there is none left")) };
            let upstream = self.pools.upstream(member);
            let failure = match upstream.connect(item, address).await {
                Ok(stream) => {
                    self.pools.worked(member);
                    self.choice().settle(member);
                    return Ok(stream);
                }
                Err(failure) => failure,
            };
            match failure {
                Fault::Target => {
                    self.pools.worked(member);
                    return Err(failure);
                }
                Fault::Silent(_) => {
                    self.pools.silent(member, Instant::now());
                    return Err(failure);
                }
                Fault::Broken(reason) => {
                    tracing::debug!(place = %self.place, proxy = %upstream, reason, "an upstream proxy failed");
                    self.pools.failed(member, Instant::now());
                    if !self.choice().give_up(member) {
                        return Err(failure);
                    }
                }
            }
        }
    }

    /// The proxy of this attempt, chosen now if it was not before.
    fn member(&self) -> Option<usize> {
        let mut choice = self.choice();
        if choice.member.is_none() && choice.tried.len() < PROXIES_TRIED_MAX {
            choice.member = self.pools.choose(self.place, &self.item, &choice.tried, Instant::now());
        }
        choice.member
    }

    fn choice(&self) -> MutexGuard<'_, Choice> {
        self.choice.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Choice {
    fn settle(&mut self, member: usize) {
        self.settled |= self.member == Some(member);
    }

    /// Leaves a proxy that does not work. False when the item has to stay with it. Of several connections that found
    /// it broken at once, the first one leaves it and the others follow.
    fn give_up(&mut self, member: usize) -> bool {
        if self.member == Some(member) {
            if self.settled {
                return false;
            }
            self.member = None;
            self.tried.push(member);
        }
        true
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("place", &self.place).finish_non_exhaustive()
    }
}
