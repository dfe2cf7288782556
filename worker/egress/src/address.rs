//! What counts as the public internet: tables of addresses and names, nothing else.
//!
//! **Not allowed here:** configuration, look-ups, I/O. Exceptions that an operator makes live in
//! `allow`, and `policy` combines the two. Anything not known to be public is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 blocks that are not the public internet, as (network, prefix length): the IANA
/// special-purpose registry, multicast, the reserved top, and one address that is public by its
/// number and a cloud's own metadata service by its use.
const REFUSED_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),        // this network, unspecified
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // carrier-grade NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // Azure's wire server
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local, metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 3),      // multicast, reserved, broadcast
];

/// Global unicast is all that IANA hands out, so everything outside of it is refused: loopback,
/// unspecified, mapped and compatible IPv4, NAT64 (64:ff9b::/96 and 64:ff9b:1::/48), unique local
/// (cloud metadata too), link-local, site-local, multicast.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Blocks inside global unicast that are not the public internet.
const REFUSED_V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, Teredo, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4 carries an IPv4 address
    (Ipv6Addr::new(0x3ffe, 0, 0, 0, 0, 0, 0, 0), 16), // 6bone, returned
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Last labels that no public web site has: reserved by RFC 6761, 6762, 7686, 8375 and ICANN, or
/// commonly used inside companies.
const RESERVED_SUFFIXES: &[&str] = &[
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "in-addr.arpa",
    "ip6.arpa",
    "test",
    "example",
    "invalid",
    "onion",
    "alt",
];

/// Names of cloud metadata services that do not end in a reserved suffix.
const METADATA_NAMES: &[&str] =
    &["metadata.goog", "metadata.tencentyun.com", "metadata.platformequinix.com", "metadata.packet.net"];

/// Whether an address belongs to the public internet.
///
/// Refuses private, loopback, link-local, carrier-grade NAT, multicast, unspecified, reserved,
/// documentation and metadata addresses, and every IPv6 form that carries an IPv4 address
/// (mapped, compatible, 6to4, Teredo, NAT64, ISATAP), whatever that IPv4 address is.
#[must_use]
pub fn is_public_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !REFUSED_V4.iter().any(|block| v4_in(address, *block)),
        IpAddr::V6(address) => {
            v6_in(address, GLOBAL_V6)
                && !REFUSED_V6.iter().any(|block| v6_in(address, *block))
                && !is_isatap(address)
        }
    }
}

/// Whether a name is reserved for local use and so never looked up.
///
/// True for `localhost`, `*.local`, `*.internal` and their like, for the names of metadata
/// services, and for every name of one label, which only an internal search list would resolve.
/// The name is expected lower-case; trailing dots do not matter.
#[must_use]
pub fn is_reserved_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    !name.contains('.')
        || RESERVED_SUFFIXES.iter().any(|suffix| is_under(name, suffix))
        || METADATA_NAMES.iter().any(|metadata| is_under(name, metadata))
}

/// Whether `name` is `parent` or a name below it.
fn is_under(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn v4_in(address: Ipv4Addr, (network, prefix): (Ipv4Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (32 - prefix) == 0
}

fn v6_in(address: Ipv6Addr, (network, prefix): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (128 - prefix) == 0
}

/// ISATAP hides an IPv4 address behind the interface id `[02]00:5efe`, under any prefix.
fn is_isatap(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    matches!(segments[4], 0 | 0x0200) && segments[5] == 0x5efe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_public_internet_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001:80b::200e",
            "2001:4860:4860::8888",
            "2001:200::1",
        ] {
            assert!(is_public_address(text.parse().unwrap()), "{text} should be public");
        }
    }

    #[test]
    fn special_addresses_are_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.23",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "::8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "3ffe::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2606:4700::5efe:7f00:1",
            "2606:4700::200:5efe:a00:1",
        ] {
            assert!(!is_public_address(text.parse().unwrap()), "{text} should be refused");
        }
    }

    #[test]
    fn reserved_names_are_recognised_by_whole_labels() {
        for name in [
            "localhost",
            "localhost.",
            "a.localhost",
            "printer.local",
            "metadata.google.internal",
            "metadata",
            "instance-data",
            "intranet",
            "router.lan",
            "x.home.arpa",
            "metadata.goog",
            "db.svc.cluster.local",
            "host.docker.internal",
            "1.0.0.127.in-addr.arpa",
            "a.test",
        ] {
            assert!(is_reserved_name(name), "{name} should be reserved");
        }
        for name in ["example.com", "notlocalhost.com", "mylocal.de", "local.de", "internal.io", "goog.com"] {
            assert!(!is_reserved_name(name), "{name} should not be reserved");
        }
    }
}
