//! The connection string, as EventStoreDB's own clients read it. What it holds of a password stays in one header
//! that no Debug shows. Not here: connecting.

use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use std::{fmt, path::PathBuf, str::FromStr, time::Duration};
use tonic::{
    metadata::{Ascii, MetadataValue},
    transport::Certificate,
};

/// The port when the connection string names none.
const PORT: u16 = 2113;
/// How long one call may take, unless `defaultDeadline` says otherwise.
const CALL_DEADLINE_MS: u64 = 10_000;
/// Between two rounds of connecting, unless `discoveryInterval` says otherwise.
const DISCOVERY_INTERVAL_MS: u64 = 100;
/// Rounds of connecting in one call, unless `maxDiscoverAttempts` says otherwise.
const DISCOVER_ATTEMPTS_MAX: u32 = 10;
/// How long the question who leads may take, unless `gossipTimeout` says otherwise.
const GOSSIP_TIMEOUT_MS: u64 = 5_000;
/// Between two signs of life, and how long one may take to be answered, unless `keepAlive…` says otherwise.
const KEEP_ALIVE_MS: u64 = 10_000;
/// What the server shows as the client's name, unless `connectionName` says otherwise.
const CONNECTION_NAME: &str = "leafcutter";

/// Why a connection string cannot be used. No variant holds a part of it that may be secret.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionStringError {
    /// It does not begin with a known scheme.
    #[error("begin the connection string with esdb://, esdb+discover:// or their kurrentdb twins")]
    Scheme,
    /// A host is missing or its port is no number.
    #[error("name hosts as HOST or HOST:PORT, with commas between several")]
    Host,
    /// User name or password cannot be read.
    #[error("name user and password as USER:PASSWORD@, with every special character percent-encoded")]
    Credentials,
    /// An option is not known here.
    #[error("remove `{0}` from the connection string: there is no such option")]
    UnknownOption(String),
    /// An option's value is not what it should be.
    #[error("give `{option}` {wanted} in the connection string")]
    Value {
        /// The option.
        option: &'static str,
        /// What it takes.
        wanted: &'static str,
    },
    /// TLS without looking at the certificate.
    #[error(
        "remove `tlsVerifyCert=false`: name the authority of a private certificate with `tlsCaFile` instead"
    )]
    Unverified,
    /// The authority's file cannot be read.
    #[error("make {} readable: `tlsCaFile` names it", path.display())]
    AuthorityFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Where a node listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPort {
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for HostPort {
    type Err = ConnectionStringError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(PORT), str::parse).map_err(|_| ConnectionStringError::Host)?;
        if host.is_empty() || host.contains(['/', '@', ' ', '[', ']', '#']) {
            return Err(ConnectionStringError::Host);
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

/// What a connection string says.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// At least one.
    pub(super) hosts: Vec<HostPort>,
    /// Whether the hosts are asked who leads.
    pub(super) discover: bool,
    /// Marked as sensitive, so that its Debug form hides it.
    pub(super) authorization: Option<MetadataValue<Ascii>>,
    pub(super) connection_name: MetadataValue<Ascii>,
    pub(super) tls: bool,
    /// The only authority that is trusted; without one, those of the system are.
    pub(super) authority: Option<Certificate>,
    pub(super) discovery_interval: Duration,
    pub(super) discover_attempts_max: u32,
    pub(super) gossip_timeout: Duration,
    pub(super) keep_alive_interval: Option<Duration>,
    pub(super) keep_alive_timeout: Duration,
    pub(super) deadline: Duration,
}

impl FromStr for Settings {
    type Err = ConnectionStringError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(ConnectionStringError::Scheme)?;
        let discover = match scheme.to_ascii_lowercase().as_str() {
            "esdb" | "kurrentdb" | "kdb" => false,
            "esdb+discover" | "kurrentdb+discover" | "kdb+discover" => true,
            _ => return Err(ConnectionStringError::Scheme),
        };
        let (authority, options) = rest.split_once('?').unwrap_or((rest, ""));
        // What follows a `?` in a password would otherwise be taken, and shown, as an option.
        if options.contains('@') || authority.contains('#') {
            return Err(ConnectionStringError::Credentials);
        }
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        let hosts: Vec<HostPort> =
            hosts.trim_end_matches('/').split(',').map(str::parse).collect::<Result<_, _>>()?;
        let mut settings = Self {
            discover: discover || hosts.len() > 1,
            hosts,
            authorization: user.map(authorization).transpose()?,
            ..Self::default()
        };
        settings.read_options(options)?;
        Ok(settings)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            discover: false,
            authorization: None,
            connection_name: MetadataValue::from_static(CONNECTION_NAME),
            tls: true,
            authority: None,
            discovery_interval: Duration::from_millis(DISCOVERY_INTERVAL_MS),
            discover_attempts_max: DISCOVER_ATTEMPTS_MAX,
            gossip_timeout: Duration::from_millis(GOSSIP_TIMEOUT_MS),
            keep_alive_interval: Some(Duration::from_millis(KEEP_ALIVE_MS)),
            keep_alive_timeout: Duration::from_millis(KEEP_ALIVE_MS),
            deadline: Duration::from_millis(CALL_DEADLINE_MS),
        }
    }
}

impl Settings {
    fn read_options(&mut self, options: &str) -> Result<(), ConnectionStringError> {
        let mut verified = true;
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            match name.to_ascii_lowercase().as_str() {
                "tls" => self.tls = yes_or_no("tls", value)?,
                "tlsverifycert" => verified = yes_or_no("tlsVerifyCert", value)?,
                "tlscafile" => self.authority = Some(read_authority(value)?),
                "connectionname" => self.connection_name = header("connectionName", &decoded(value)?)?,
                "discoveryinterval" => self.discovery_interval = millis("discoveryInterval", value)?,
                "maxdiscoverattempts" => self.discover_attempts_max = attempts(value)?,
                "gossiptimeout" => self.gossip_timeout = positive_millis("gossipTimeout", value)?,
                "keepaliveinterval" => self.keep_alive_interval = keep_alive("keepAliveInterval", value)?,
                "keepalivetimeout" => {
                    let never = Duration::from_millis(CALL_DEADLINE_MS);
                    self.keep_alive_timeout = keep_alive("keepAliveTimeout", value)?.unwrap_or(never);
                }
                "defaultdeadline" => self.deadline = positive_millis("defaultDeadline", value)?,
                "nodepreference" => check_preference(value)?,
                // These say what is done here in any case.
                "throwonappendfailure" => drop(yes_or_no("throwOnAppendFailure", value)?),
                _ => return Err(ConnectionStringError::UnknownOption(name.to_owned())),
            }
        }
        if self.tls && !verified { Err(ConnectionStringError::Unverified) } else { Ok(()) }
    }
}

fn decoded(text: &str) -> Result<String, ConnectionStringError> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| ConnectionStringError::Credentials)?;
    Ok(decoded.into_owned())
}

fn authorization(user: &str) -> Result<MetadataValue<Ascii>, ConnectionStringError> {
    let (user, password) = user.split_once(':').ok_or(ConnectionStringError::Credentials)?;
    let (user, password) = (decoded(user)?, decoded(password)?);
    if user.is_empty() || user.contains(':') {
        return Err(ConnectionStringError::Credentials);
    }
    let header = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut header: MetadataValue<Ascii> = header.parse().map_err(|_| ConnectionStringError::Credentials)?;
    header.set_sensitive(true);
    Ok(header)
}

fn header(option: &'static str, value: &str) -> Result<MetadataValue<Ascii>, ConnectionStringError> {
    value.parse().map_err(|_| ConnectionStringError::Value { option, wanted: "visible ASCII characters" })
}

fn yes_or_no(option: &'static str, value: &str) -> Result<bool, ConnectionStringError> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ConnectionStringError::Value { option, wanted: "true or false" }),
    }
}

fn millis(option: &'static str, value: &str) -> Result<Duration, ConnectionStringError> {
    let millis: u32 = value
        .parse()
        .map_err(|_| ConnectionStringError::Value { option, wanted: "a whole number of milliseconds" })?;
    Ok(Duration::from_millis(millis.into()))
}

fn positive_millis(option: &'static str, value: &str) -> Result<Duration, ConnectionStringError> {
    let wanted = "a whole number of milliseconds above 0";
    millis(option, value)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or(ConnectionStringError::Value { option, wanted })
}

/// -1 switches it off.
fn keep_alive(option: &'static str, value: &str) -> Result<Option<Duration>, ConnectionStringError> {
    if value == "-1" { Ok(None) } else { positive_millis(option, value).map(Some) }
}

fn attempts(value: &str) -> Result<u32, ConnectionStringError> {
    let wanted = ConnectionStringError::Value { option: "maxDiscoverAttempts", wanted: "a number above 0" };
    value.parse().ok().filter(|attempts| *attempts > 0).ok_or(wanted)
}

/// Only the leader reads what it has just written, so every preference leads to it.
fn check_preference(value: &str) -> Result<(), ConnectionStringError> {
    match value.to_ascii_lowercase().as_str() {
        "leader" => Ok(()),
        "follower" | "random" | "readonlyreplica" => {
            tracing::warn!("the leader is asked, whatever nodePreference says: others may be behind it");
            Ok(())
        }
        _ => {
            let wanted = "leader, follower, random or readOnlyReplica";
            Err(ConnectionStringError::Value { option: "nodePreference", wanted })
        }
    }
}

fn read_authority(value: &str) -> Result<Certificate, ConnectionStringError> {
    let path = PathBuf::from(decoded(value)?);
    let pem = std::fs::read(&path);
    pem.map(Certificate::from_pem).map_err(|source| ConnectionStringError::AuthorityFile { path, source })
}

#[cfg(test)]
mod tests;
