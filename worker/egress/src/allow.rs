//! Targets that an operator opens although the rules would refuse them.
//!
//! **Not allowed here:** look-ups, and the rules themselves (`policy` has those).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use thiserror::Error;
use url::Host;

/// One target that passes whatever the rules say: a name, an address or a network, and a port.
///
/// As text: `shop.internal:8080`, `127.0.0.1:9000`, `[::1]:9000`, `10.1.0.0/16:8080`,
/// `[fd00::/8]:443`, each with `*` for any port; a network may leave the port out.
/// An allowed name passes whatever it resolves to. An allowed address passes under any name that
/// is not itself reserved, so `localhost` has to be allowed by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedTarget {
    scope: Scope,
    /// `None` is any port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Scope {
    Name(String),
    Address(IpAddr),
    Network(IpNet),
}

/// A text that names no target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{text:?} is no allowed target ({reason}); write HOST:PORT, ADDRESS:PORT, [IPV6]:PORT or NETWORK/BITS:PORT, with * for any port"
)]
pub struct AllowedTargetError {
    text: String,
    reason: &'static str,
}

impl AllowedTarget {
    /// Whether this opens `name` at `port`. The name is lower-case, without trailing dot.
    pub(crate) fn opens_name(&self, name: &str, port: u16) -> bool {
        self.opens_port(port) && matches!(&self.scope, Scope::Name(allowed) if allowed == name)
    }

    /// Whether this opens `address` at `port`.
    pub(crate) fn opens_address(&self, address: IpAddr, port: u16) -> bool {
        self.opens_port(port)
            && match &self.scope {
                Scope::Name(_) => false,
                Scope::Address(allowed) => *allowed == address,
                Scope::Network(network) => network.contains(&address),
            }
    }

    fn opens_port(&self, port: u16) -> bool {
        self.port.is_none_or(|allowed| allowed == port)
    }
}

impl FromStr for AllowedTarget {
    type Err = AllowedTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let failed = |reason| AllowedTargetError { text: text.to_owned(), reason };
        let (host, port) = split_port(text.trim()).map_err(failed)?;
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if inner.contains('/') {
            let network: IpNet = inner.parse().map_err(|_| failed("not a network"))?;
            return Ok(Self { scope: Scope::Network(network.trunc()), port: port.flatten() });
        }
        let port = port.ok_or_else(|| failed("its port is missing"))?;
        let scope = match Host::parse(host).map_err(|_| failed("not a host"))? {
            Host::Domain(name) => Scope::Name(name.trim_end_matches('.').to_owned()),
            Host::Ipv4(address) => Scope::Address(address.into()),
            Host::Ipv6(address) => Scope::Address(address.into()),
        };
        Ok(Self { scope, port })
    }
}

/// Splits `host[:port]`: no port at all is `None`, any port is `Some(None)`.
fn split_port(text: &str) -> Result<(&str, Option<Option<u16>>), &'static str> {
    let (host, port) = match text.rfind(':') {
        Some(colon) if !text[colon..].contains(']') => (&text[..colon], Some(&text[colon + 1..])),
        _ => (text, None),
    };
    if host.contains(':') && !host.starts_with('[') {
        return Err("IPv6 needs brackets");
    }
    match port {
        None => Ok((host, None)),
        Some("*") => Ok((host, Some(None))),
        Some(digits) => match digits.parse() {
            Ok(port) if port > 0 => Ok((host, Some(Some(port)))),
            _ => Err("its port is not a number from 1 to 65535"),
        },
    }
}

impl fmt::Display for AllowedTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Scope::Name(name) => f.write_str(name)?,
            Scope::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            Scope::Address(address) => write!(f, "{address}")?,
            Scope::Network(network @ IpNet::V6(_)) => write!(f, "[{network}]")?,
            Scope::Network(network) => write!(f, "{network}")?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => f.write_str(":*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_shown_in_one_form() {
        for (text, shown) in [
            ("Shop.Internal:8080", "shop.internal:8080"),
            ("shop.internal.:80", "shop.internal:80"),
            ("localhost:*", "localhost:*"),
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("[::1]:9000", "[::1]:9000"),
            ("10.1.2.3/16:8080", "10.1.0.0/16:8080"),
            ("10.0.0.0/8", "10.0.0.0/8:*"),
            ("[fd00::1/8]:443", "[fd00::/8]:443"),
            ("[fd00::/8]", "[fd00::/8]:*"),
            ("b\u{fc}cher.de:80", "xn--bcher-kva.de:80"),
        ] {
            let target: AllowedTarget = text.parse().unwrap();
            assert_eq!(target.to_string(), shown);
            assert_eq!(shown.parse::<AllowedTarget>().unwrap(), target);
        }
    }

    #[test]
    fn texts_that_name_no_target_are_refused() {
        for text in [
            "",
            ":80",
            "host",
            "127.0.0.1",
            "host:0",
            "host:99999",
            "host:http",
            "::1:80",
            "10.0.0.0/33:80",
            "a b:80",
        ] {
            assert!(text.parse::<AllowedTarget>().is_err(), "{text:?} should be refused");
        }
    }

    #[test]
    fn a_target_opens_only_its_own_host_and_port() {
        let network: AllowedTarget = "10.1.0.0/16:8080".parse().unwrap();
        assert!(network.opens_address("10.1.200.3".parse().unwrap(), 8080));
        assert!(!network.opens_address("10.1.200.3".parse().unwrap(), 8081));
        assert!(!network.opens_address("10.2.0.1".parse().unwrap(), 8080));
        assert!(!network.opens_address("::ffff:10.1.0.1".parse().unwrap(), 8080));
        let name: AllowedTarget = "shop.internal:*".parse().unwrap();
        assert!(name.opens_name("shop.internal", 1));
        assert!(!name.opens_name("x.shop.internal", 1));
    }
}
