//! Every reason why the egress does not carry something.
//!
//! **Not allowed here:** HTTP statuses (those are `forward`'s) and item error codes with their
//! prices (those are the worker's and the domain's).

use std::time::Duration;

use leafcutter_domain::ProxyPlace;
use thiserror::Error;

/// Why a request was refused, could not be carried, or was cut.
///
/// Hosts are given as they were checked: lower-case, without brackets, user info or path, so a
/// refusal holds no secret and may be logged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Only web pages are fetched.
    #[error("the scheme {scheme:?} is not fetched; use an http or https URL")]
    Scheme {
        /// The scheme that was asked for.
        scheme: String,
    },
    /// User info in a URL mostly disguises its real host.
    #[error("a URL with a user name or password is not fetched; remove the part before the @")]
    UserInfo,
    /// The host is, or resolves only to, addresses outside the public internet.
    #[error("{host} is not on the public internet; an operator can allow it with LEAFCUTTER_ALLOW_TARGETS")]
    PrivateAddress {
        /// The name or address that was refused.
        host: String,
    },
    /// The name is reserved for local use.
    #[error(
        "the name {host} is reserved for local use; an operator can allow it with LEAFCUTTER_ALLOW_TARGETS"
    )]
    ReservedName {
        /// The name that was refused.
        host: String,
    },
    /// The port belongs to a service that is not the web.
    #[error("port {port} is not fetched; use 80, 443 or a port from 1024 on that no well-known service has")]
    Port {
        /// The port that was refused.
        port: u16,
    },
    /// The name has no address, or is no name.
    #[error("the name {host} could not be resolved; check its spelling or try again later")]
    Dns {
        /// The name that was looked up.
        host: String,
    },
    /// No address could be reached, or the connection ended without an answer.
    #[error("{host} could not be connected to, or closed without an answer; try again later")]
    Connect {
        /// The host that was dialled.
        host: String,
    },
    /// No upstream proxy of the place that was asked for works, or there is none.
    #[error(
        "no proxy for {place} could be used to reach {host}; try again later, or ask the operator whether its proxies work"
    )]
    Upstream {
        /// The host that was to be reached.
        host: String,
        /// Where the proxy was to stand.
        place: ProxyPlace,
    },
    /// A step took longer than its bound.
    #[error("{host} took longer than {} ms to {step}; try again later", .after.as_millis())]
    Timeout {
        /// The host that was waited for.
        host: String,
        /// What was waited for.
        step: Step,
        /// How long it was waited for.
        after: Duration,
    },
    /// More bytes than a response or an item may have.
    #[error("{host} sent more than the {limit_bytes} bytes that one {part} may move")]
    TooLarge {
        /// The host whose data went over the limit.
        host: String,
        /// `response` or `item`.
        part: &'static str,
        /// The limit, in bytes.
        limit_bytes: u64,
    },
}

/// What a [`Refusal::Timeout`] waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The answer of the resolver.
    Resolve,
    /// A TCP connection.
    Connect,
    /// The head of the response.
    Answer,
    /// The next piece of a response's body.
    Continue,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Answer => "answer",
            Self::Continue => "continue its answer",
        })
    }
}

impl Refusal {
    /// The stable code that the proxy puts into its refusal header.
    ///
    /// `PRIVATE_ADDRESS`, `DNS_FAILURE`, `CONNECT_FAILED` and `TOO_LARGE` are item error codes
    /// as they stand; a time-out is `CONNECT_FAILED` up to the connection and
    /// `NAVIGATION_TIMEOUT` after it. The rest can only come from what a page asks for, as a
    /// submit with such a URL is refused.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Scheme { .. } => "SCHEME_REFUSED",
            Self::UserInfo => "USERINFO_REFUSED",
            Self::PrivateAddress { .. } | Self::ReservedName { .. } => "PRIVATE_ADDRESS",
            Self::Port { .. } => "PORT_REFUSED",
            Self::Dns { .. } | Self::Timeout { step: Step::Resolve, .. } => "DNS_FAILURE",
            Self::Connect { .. } | Self::Upstream { .. } | Self::Timeout { step: Step::Connect, .. } => {
                "CONNECT_FAILED"
            }
            Self::Timeout { step: Step::Answer | Step::Continue, .. } => "NAVIGATION_TIMEOUT",
            Self::TooLarge { .. } => "TOO_LARGE",
        }
    }
}
