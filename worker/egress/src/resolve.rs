//! How names become addresses, behind a trait so that tests can decide the answers.
//!
//! **Not allowed here:** judging addresses. Whatever a resolver or the cache answers, `policy`
//! checks every address of it before one is dialled.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::Semaphore;

/// Look-ups that may run in the system's resolver at one time. Each holds a thread, so pages that
/// ask for slow names must not take all of them.
const LOOKUPS_MAX: usize = 64;
/// How long an answer of the system's resolver is used again, in milliseconds. Long enough for a
/// page's many connections, short enough not to outlive most records.
const CACHE_TTL_MS: u64 = 15_000;
/// Names that the cache holds.
const CACHE_NAMES_MAX: usize = 4_096;

/// Looks names up.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of `name`, in the order in which they should be tried.
    ///
    /// Names of the public internet come with a trailing dot, so that no local search list is
    /// applied to them; names that an operator allowed come as they were written.
    ///
    /// # Errors
    /// When the name has no address or the look-up failed.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system, with a short memory.
#[derive(Debug)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
    cache: Mutex<HashMap<String, (Instant, Vec<IpAddr>)>>,
}

impl SystemResolver {
    /// A resolver with an empty memory.
    #[must_use]
    pub fn new() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)), cache: Mutex::default() }
    }

    fn remembered(&self, name: &str, now: Instant) -> Option<Vec<IpAddr>> {
        let cache = self.cache();
        let (until, addresses) = cache.get(name)?;
        (*until > now).then(|| addresses.clone())
    }

    fn remember(&self, name: &str, addresses: &[IpAddr], now: Instant) {
        let mut cache = self.cache();
        if cache.len() >= CACHE_NAMES_MAX {
            cache.retain(|_, (until, _)| *until > now);
        }
        if cache.len() >= CACHE_NAMES_MAX {
            cache.clear();
        }
        cache.insert(name.to_owned(), (now + Duration::from_millis(CACHE_TTL_MS), addresses.to_vec()));
    }

    /// The map is whole between any two statements, so a poisoned lock is as good as another.
    fn cache(&self) -> MutexGuard<'_, HashMap<String, (Instant, Vec<IpAddr>)>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if let Some(addresses) = self.remembered(name, Instant::now()) {
            return Ok(addresses);
        }
        let permit = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
        let owned = name.to_owned();
        // The permit moves into the thread: a look-up whose caller gave up still holds its thread.
        let lookup = tokio::task::spawn_blocking(move || {
            let found = (owned.as_str(), 0).to_socket_addrs();
            drop(permit);
            found
        });
        let found = lookup.await.map_err(io::Error::other)??;
        let addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
        self.remember(name, &addresses, Instant::now());
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_names_is_bounded_and_ends() {
        let resolver = SystemResolver::new();
        let now = Instant::now();
        let address: IpAddr = "1.1.1.1".parse().unwrap();
        for number in 0..=CACHE_NAMES_MAX {
            resolver.remember(&format!("n{number}.example.com."), &[address], now);
        }
        assert!(resolver.cache().len() <= CACHE_NAMES_MAX);
        resolver.remember("a.example.com.", &[address], now);
        assert_eq!(resolver.remembered("a.example.com.", now), Some(vec![address]));
        let later = now + Duration::from_millis(CACHE_TTL_MS);
        assert_eq!(resolver.remembered("a.example.com.", later), None);
    }

    #[tokio::test]
    async fn the_system_resolver_answers_loopback_for_localhost() {
        let addresses = SystemResolver::new().resolve("localhost").await.unwrap();
        assert!(addresses.iter().all(IpAddr::is_loopback) && !addresses.is_empty());
    }
}
