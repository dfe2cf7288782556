//! What may be reached: the one place where names, addresses, ports and the operator's
//! exceptions are put together.
//!
//! **Not allowed here:** connections. `upstream` dials exactly what [`Policy::resolve`] answers.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use url::{Host, Url};

use crate::address::{is_public_address, is_reserved_name};
use crate::allow::AllowedTarget;
use crate::refusal::{Refusal, Step};
use crate::resolve::{Resolve, SystemResolver};

/// How long one look-up may take, in milliseconds.
const DNS_TIMEOUT_MS: u64 = 5_000;
/// Ports below this one are refused, but for the two of the web.
const FREE_PORTS_FROM: u16 = 1_024;

/// Ports from 1024 on that are refused, because a well-known service that is not a web site, or
/// an unprotected administration interface, listens there. 80, 443 and every other port from
/// 1024 on (8080 and 8443 among them) are open. Sorted, for the search.
pub const REFUSED_PORTS: &[u16] = &[
    1080,  // SOCKS
    1433,  // SQL Server
    1521,  // Oracle
    1719,  // H.323
    1720,  // H.323
    1723,  // PPTP
    1883,  // MQTT
    2049,  // NFS
    2113,  // EventStoreDB
    2181,  // ZooKeeper
    2375,  // Docker
    2376,  // Docker
    2379,  // etcd
    2380,  // etcd
    3306,  // MySQL
    3389,  // RDP
    3659,  // Apple SASL
    4045,  // NFS locks
    4190,  // Sieve
    4222,  // NATS
    5060,  // SIP
    5061,  // SIP
    5432,  // PostgreSQL
    5672,  // AMQP
    5900,  // VNC
    5984,  // CouchDB
    5985,  // WinRM
    5986,  // WinRM
    6000,  // X11
    6379,  // Redis
    6443,  // Kubernetes
    6566,  // SANE
    6665,  // IRC
    6666,  // IRC
    6667,  // IRC
    6668,  // IRC
    6669,  // IRC
    6697,  // IRC
    8500,  // Consul
    9042,  // Cassandra
    9092,  // Kafka
    9200,  // Elasticsearch
    9300,  // Elasticsearch
    10080, // Amanda
    10250, // Kubelet
    11211, // memcached
    27017, // MongoDB
];

/// Where a request goes: a host in its one normal form, and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    host: Host<String>,
    port: u16,
}

impl Target {
    /// Reads a host as browsers do: decimal, octal, hexadecimal and short IPv4, IPv6 in brackets,
    /// percent-encoded and international names all become what they mean.
    pub(crate) fn parse(host: &str, port: u16) -> Result<Self, Refusal> {
        match Host::parse(host) {
            Ok(host) => Ok(Self::of(host, port)),
            Err(_) => Err(Refusal::Dns { host: host.to_owned() }),
        }
    }

    fn of(host: Host<String>, port: u16) -> Self {
        let host = match host {
            Host::Domain(name) => Host::Domain(name.trim_end_matches('.').to_owned()),
            address => address,
        };
        Self { host, port }
    }

    /// The host without brackets, as refusals name it.
    pub(crate) fn host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }

    /// The value of the `Host` header for a plain HTTP request.
    pub(crate) fn host_header(&self) -> String {
        match self.port {
            80 => self.host.to_string(),
            port => format!("{}:{port}", self.host),
        }
    }
}

/// The rules: the public internet plus the operator's allowed targets. Cheap to clone.
#[derive(Clone)]
pub struct Policy {
    rules: Arc<Rules>,
}

struct Rules {
    allow: Vec<AllowedTarget>,
    resolver: Arc<dyn Resolve>,
}

impl Policy {
    /// The public internet and these targets, with the system's resolver.
    #[must_use]
    pub fn new(allow: Vec<AllowedTarget>) -> Self {
        Self::with_resolver(allow, Arc::new(SystemResolver::new()))
    }

    /// The same rules with another resolver.
    #[must_use]
    pub fn with_resolver(allow: Vec<AllowedTarget>, resolver: Arc<dyn Resolve>) -> Self {
        Self { rules: Arc::new(Rules { allow, resolver }) }
    }

    /// Checks a URL as far as it goes without a look-up: scheme, user info, the forms of
    /// addresses, reserved names and the port. For submits; the proxy checks every request again.
    ///
    /// # Errors
    /// The first rule that the URL breaks.
    pub fn check_url(&self, url: &Url) -> Result<(), Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme { scheme: url.scheme().to_owned() });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        match (url.host(), url.port_or_known_default()) {
            (Some(host), Some(port)) => self.check(&Target::of(host.to_owned(), port)),
            _ => Err(Refusal::Dns { host: String::new() }),
        }
    }

    /// Resolves a host and checks every address that it has. What comes back may be dialled, in
    /// this order; look-ups of names are bounded in time.
    ///
    /// # Errors
    /// The rule that the host or port breaks; [`Refusal::PrivateAddress`] when no address is left
    /// after the check; [`Refusal::Dns`] or [`Refusal::Timeout`] when there was none to check.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Refusal> {
        self.resolve_target(&Target::parse(host, port)?).await
    }

    pub(crate) async fn resolve_target(&self, target: &Target) -> Result<Vec<SocketAddr>, Refusal> {
        self.check(target)?;
        let port = target.port;
        let name = match &target.host {
            Host::Ipv4(address) => return Ok(vec![SocketAddr::from((*address, port))]),
            Host::Ipv6(address) => return Ok(vec![SocketAddr::from((*address, port))]),
            Host::Domain(name) => name,
        };
        let named = self.opens_name(name, port);
        // A trailing dot keeps the machine's own search list away from names of the internet.
        let asked = if named { name.clone() } else { format!("{name}.") };
        let limit = Duration::from_millis(DNS_TIMEOUT_MS);
        let host = name.clone();
        let found = match timeout(limit, self.rules.resolver.resolve(&asked)).await {
            Err(_) => return Err(Refusal::Timeout { host, step: Step::Resolve, after: limit }),
            Ok(Err(_)) => return Err(Refusal::Dns { host }),
            Ok(Ok(found)) if found.is_empty() => return Err(Refusal::Dns { host }),
            Ok(Ok(found)) => found,
        };
        let passing = found.into_iter().filter(|address| named || self.passes_address(*address, port));
        let addresses: Vec<_> = passing.map(|address| SocketAddr::new(address, port)).collect();
        if addresses.is_empty() { Err(Refusal::PrivateAddress { host }) } else { Ok(addresses) }
    }

    /// Everything that can be said about a target without a look-up.
    pub(crate) fn check(&self, target: &Target) -> Result<(), Refusal> {
        let (host, port) = (&target.host, target.port);
        let address: IpAddr = match host {
            Host::Domain(name) if self.opens_name(name, port) => return Ok(()),
            Host::Domain(name) if name.is_empty() => return Err(Refusal::Dns { host: name.clone() }),
            Host::Domain(name) if is_reserved_name(name) => {
                return Err(Refusal::ReservedName { host: name.clone() });
            }
            Host::Domain(_) => return check_port(port),
            Host::Ipv4(address) => (*address).into(),
            Host::Ipv6(address) => (*address).into(),
        };
        if self.opens_address(address, port) {
            Ok(())
        } else if is_public_address(address) {
            check_port(port)
        } else {
            Err(Refusal::PrivateAddress { host: target.host() })
        }
    }

    fn passes_address(&self, address: IpAddr, port: u16) -> bool {
        is_public_address(address) || self.opens_address(address, port)
    }

    fn opens_name(&self, name: &str, port: u16) -> bool {
        self.rules.allow.iter().any(|target| target.opens_name(name, port))
    }

    fn opens_address(&self, address: IpAddr, port: u16) -> bool {
        self.rules.allow.iter().any(|target| target.opens_address(address, port))
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("allow", &self.rules.allow).finish_non_exhaustive()
    }
}

fn check_port(port: u16) -> Result<(), Refusal> {
    let open = match port {
        80 | 443 => true,
        port => port >= FREE_PORTS_FROM && REFUSED_PORTS.binary_search(&port).is_err(),
    };
    if open { Ok(()) } else { Err(Refusal::Port { port }) }
}
