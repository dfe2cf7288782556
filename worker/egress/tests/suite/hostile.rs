//! Hostile targets, as one table: every spelling and name of a place that is not public, by plain request, by tunnel
//! and by way of an upstream proxy. A canary at both addresses of loopback and the upstream proxy must hear nothing.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use leafcutter_egress::{Limits, Policy, Proxy, Resolve};

use crate::stand_ins::{Manner, Speaks, Upstream, pools};
use crate::support::{Reply, Target, ask, refusal};

const PRIVATE: &str = "PRIVATE_ADDRESS";
const NO_NAME: &str = "DNS_FAILURE";

/// A host as a request may name it, and the code of its refusal. No code: hyper itself takes no such request.
const HOSTS: &[(&str, &str)] = &[
    // Loopback in numbers.
    ("127.0.0.1", PRIVATE),
    ("127.0.0.1.", PRIVATE),
    ("127.1", PRIVATE),
    ("127.0.1", PRIVATE),
    ("127.255.255.254", PRIVATE),
    ("2130706433", PRIVATE),
    ("0x7f000001", PRIVATE),
    ("0x7F.0.0.1", PRIVATE),
    ("0x7f.1", PRIVATE),
    ("0177.0.0.1", PRIVATE),
    ("0177.1", PRIVATE),
    ("017700000001", PRIVATE),
    ("0177.0x0.0.1", PRIVATE),
    ("00000177.1", PRIVATE),
    ("%31%32%37.0.0.1", PRIVATE),
    ("127%2e0%2e0%2e1", PRIVATE),
    // Unspecified, which a dialler takes for loopback.
    ("0", PRIVATE),
    ("0.0.0.0", PRIVATE),
    ("0x0", PRIVATE),
    ("0.1.2.3", PRIVATE),
    ("[::]", PRIVATE),
    ("[0::0]", PRIVATE),
    // Loopback and IPv4 in IPv6.
    ("[::1]", PRIVATE),
    ("[0:0:0:0:0:0:0:1]", PRIVATE),
    ("[0000::0001]", PRIVATE),
    ("[::ffff:127.0.0.1]", PRIVATE),
    ("[::ffff:7f00:1]", PRIVATE),
    ("[::FFFF:7F00:0001]", PRIVATE),
    ("[0:0:0:0:0:ffff:127.0.0.1]", PRIVATE),
    ("[::ffff:0:127.0.0.1]", PRIVATE),
    ("[::127.0.0.1]", PRIVATE),
    ("[::7f00:1]", PRIVATE),
    ("[64:ff9b::127.0.0.1]", PRIVATE),
    ("[64:ff9b:1::7f00:1]", PRIVATE),
    ("[2002:7f00:1::]", PRIVATE),
    ("[2002:c0a8:101::1]", PRIVATE),
    ("[2001:0:7f00:1::]", PRIVATE),
    ("[2606:4700::5efe:7f00:1]", PRIVATE),
    // Scopes are no part of a URL's host.
    ("[fe80::1%25eth0]", NO_NAME),
    ("[::1%25lo]", NO_NAME),
    // Link-local, private, shared, multicast, metadata.
    ("[fe80::1]", PRIVATE),
    ("[fec0::1]", PRIVATE),
    ("[fc00::1]", PRIVATE),
    ("[fd00:ec2::254]", PRIVATE),
    ("[ff02::1]", PRIVATE),
    ("[100::1]", PRIVATE),
    ("[2001:db8::1]", PRIVATE),
    ("10.0.0.1", PRIVATE),
    ("10.1", PRIVATE),
    ("0xa000001", PRIVATE),
    ("172.16.0.1", PRIVATE),
    ("172.31.255.255", PRIVATE),
    ("192.168.0.1", PRIVATE),
    ("192.168.257", PRIVATE),
    ("100.64.0.1", PRIVATE),
    ("100.127.255.254", PRIVATE),
    ("169.254.169.254", PRIVATE),
    ("2852039166", PRIVATE),
    ("0xa9.0xfe.0xa9.0xfe", PRIVATE),
    ("0251.0376.0251.0376", PRIVATE),
    ("100.100.100.200", PRIVATE),
    ("168.63.129.16", PRIVATE),
    ("192.0.0.192", PRIVATE),
    ("198.18.0.1", PRIVATE),
    ("224.0.0.1", PRIVATE),
    ("239.255.255.250", PRIVATE),
    ("240.0.0.1", PRIVATE),
    ("255.255.255.255", PRIVATE),
    // Reserved names.
    ("localhost", PRIVATE),
    ("LocalHost", PRIVATE),
    ("localhost.", PRIVATE),
    ("a.localhost", PRIVATE),
    ("%6c%6fcalhost", PRIVATE),
    ("localhost.localdomain", PRIVATE),
    ("ip6-localhost", PRIVATE),
    ("metadata", PRIVATE),
    ("metadata.google.internal", PRIVATE),
    ("metadata.google.internal.", PRIVATE),
    ("instance-data.ec2.internal", PRIVATE),
    ("kubernetes.default.svc.cluster.local", PRIVATE),
    ("host.docker.internal", PRIVATE),
    ("router.home.arpa", PRIVATE),
    ("1.0.0.127.in-addr.arpa", PRIVATE),
    // Public names that resolve to it.
    ("loopback.example.com", PRIVATE),
    ("loopback.example.com.", PRIVATE),
    ("LOOPBACK.example.com", PRIVATE),
    ("loopback6.example.com", PRIVATE),
    ("mapped.example.com", PRIVATE),
    ("nat64.example.com", PRIVATE),
    ("sixtofour.example.com", PRIVATE),
    ("unspecified.example.com", PRIVATE),
    ("metadata.example.com", PRIVATE),
    ("many.example.com", PRIVATE),
    ("xn--loopback.example.com", NO_NAME),
    // What is no host at all.
    ("256.0.0.1", NO_NAME),
    ("127.0.0.1.5", NO_NAME),
    ("0x100000000", NO_NAME),
    ("127.0.0.0x100", NO_NAME),
];

struct Names;

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let addresses: &[&str] = match name {
            "loopback.example.com." => &["127.0.0.1"],
            "loopback6.example.com." => &["::1"],
            "mapped.example.com." => &["::ffff:127.0.0.1"],
            "nat64.example.com." => &["64:ff9b::7f00:1"],
            "sixtofour.example.com." => &["2002:7f00:1::"],
            "unspecified.example.com." => &["0.0.0.0", "::"],
            "metadata.example.com." => &["169.254.169.254", "fd00:ec2::254"],
            "many.example.com." => &["10.0.0.1", "127.0.0.1", "::1", "192.168.1.1"],
            _ => return Err(io::Error::other("no such name")),
        };
        Ok(addresses.iter().map(|text| text.parse().unwrap()).collect())
    }
}

#[tokio::test]
async fn no_spelling_and_no_name_of_a_private_place_is_reached_by_any_way() {
    let canary = Target::canary().await;
    let port = canary.address.port();
    let second =
        Target::start_at(&format!("[::1]:{port}"), |_| Reply::Close("HTTP/1.1 200 OK\r\n\r\n")).await;
    let upstream = Upstream::start(Speaks::Http, Manner::Works).await;
    let pools = pools(&[("global", format!("\"{}\"", upstream.url()))]);
    let policy = Policy::with_resolver(vec![], Arc::new(Names));
    for route in [None, Some("global")] {
        let proxy = Proxy::start(policy.clone(), Limits::default()).await.unwrap();
        if let Some(place) = route {
            proxy.begin_item_through(pools.route(place.parse().unwrap(), "item"));
        }
        for (host, code) in HOSTS {
            for request in [
                format!("GET http://{host}:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n"),
                format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: x\r\n\r\n"),
            ] {
                let answer = ask(&proxy, &request).await;
                let (status, said) = refusal(&answer);
                // What hyper does not even take for a request ends before the guard sees it.
                assert!(said == *code || (status, said) == ("400", ""), "{request:?}: {answer}");
            }
        }
        proxy.shutdown().await;
    }
    assert_eq!([canary.connections(), second.connections(), upstream.connections()], [0, 0, 0]);
}

/// Answers with a public address that stands for the site, and every second time with loopback.
struct Turning(std::sync::atomic::AtomicUsize);

#[async_trait]
impl Resolve for Turning {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let turn = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let address = if turn.is_multiple_of(2) { "127.0.0.2" } else { "127.0.0.1" };
        Ok(vec![address.parse().unwrap()])
    }
}

#[tokio::test]
async fn a_name_that_turns_with_every_look_up_never_reaches_the_other_address() {
    let site =
        Target::start_at("127.0.0.2:0", |_| Reply::Close("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
            .await;
    let port = site.address.port();
    let canary =
        Target::start_at(&format!("127.0.0.1:{port}"), |_| Reply::Close("HTTP/1.1 200 OK\r\n\r\n")).await;
    let upstream = Upstream::start(Speaks::Socks5, Manner::Works).await;
    let pools = pools(&[("de", format!("\"{}\"", upstream.url()))]);
    for place in [None, Some("de")] {
        let policy =
            Policy::with_resolver(vec![crate::support::allowed(site.address)], Arc::new(Turning(0.into())));
        let proxy = Proxy::start(policy, Limits::default()).await.unwrap();
        if let Some(place) = place {
            proxy.begin_item_through(pools.route(place.parse().unwrap(), "item"));
        }
        for turn in 0..20 {
            let request = match turn % 4 {
                0 | 1 => format!("GET http://turning.example.com:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n"),
                _ => format!("CONNECT turning.example.com:{port} HTTP/1.1\r\nHost: x\r\n\r\n"),
            };
            let expected = if turn % 2 == 0 { ("200", "") } else { ("403", PRIVATE) };
            assert_eq!(refusal(&ask(&proxy, &request).await), expected, "turn {turn}");
        }
        proxy.shutdown().await;
    }
    assert_eq!((canary.connections(), upstream.targets().len()), (0, 10));
}
