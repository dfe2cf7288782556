//! Upstream proxies: everything goes through them, they are told checked addresses only, and one that fails is
//! replaced or said to have failed.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use leafcutter_egress::{Limits, Policy, Proxy, ProxyPools, Refusal, Resolve};

use crate::stand_ins::{Manner, PASSWORD, Speaks, USER, Upstream, pools};
use crate::support::{Client, Reply, Target, allowed, ask, get, refusal};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// Every name is at the target's address.
struct AllAt(IpAddr);

#[async_trait]
impl Resolve for AllAt {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![self.0])
    }
}

/// A proxy that begins an item through `pools` and may reach only this target, under any name.
async fn through(pools: &ProxyPools, place: &str, target: &Target) -> Proxy {
    let resolver = Arc::new(AllAt(target.address.ip()));
    let policy = Policy::with_resolver(vec![allowed(target.address)], resolver);
    let proxy = Proxy::start(policy, Limits::default()).await.unwrap();
    proxy.begin_item_through(pools.route(place.parse().unwrap(), "item"));
    proxy
}

fn quoted(upstream: &Upstream) -> String {
    format!("\"{}\"", upstream.url())
}

/// The proxy with its login and authority, as an entry of the file.
fn with_login(upstream: &Upstream) -> String {
    let authority =
        upstream.authority.as_ref().map(|file| format!(",\"ca_file\":\"{}\"", file.path().display()));
    format!(
        "{{\"url\":\"{}\",\"username\":\"{USER}\",\"password\":\"{PASSWORD}\"{}}}",
        upstream.url(),
        authority.unwrap_or_default()
    )
}

#[tokio::test]
async fn every_kind_of_proxy_carries_requests_tunnels_and_websockets_and_hears_addresses_only() {
    for speaks in [Speaks::Http, Speaks::Https, Speaks::Socks5] {
        let site = Target::start(|request| match request.contains("/ws") {
            true => Reply::Echo(SWITCH),
            false => Reply::Keep(OK),
        })
        .await;
        let upstream = Upstream::start(speaks, Manner::WantsLogin).await;
        let pools = pools(&[("de", with_login(&upstream))]);
        let proxy = through(&pools, "de", &site).await;
        let port = site.address.port();
        let name = format!("shop.example.com:{port}");

        let plain = ask(&proxy, &format!("GET http://{name}/ HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(plain, OK);
        let mut tunnel = Client::connect(&proxy).await;
        tunnel.ask(&format!("CONNECT {name} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(tunnel.ask("GET /inside HTTP/1.1\r\nHost: shop.example.com\r\n\r\n").await, OK);
        let mut socket = Client::connect(&proxy).await;
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        socket.ask(&format!("GET http://{name}/ws HTTP/1.1\r\nHost: x\r\n{upgrade}")).await;
        socket.send("frame").await;
        assert_eq!(socket.read(5).await, "frame");

        assert!(site.requests()[0].contains(&format!("Host: {name}")), "the site is told its name");
        let told = upstream.targets();
        assert!(told.iter().all(|target| *target == site.address.to_string()), "{told:?}");
        assert_eq!((told.len(), site.connections()), (upstream.connections(), told.len()));
        proxy.shutdown().await;
    }
}

#[tokio::test]
async fn an_attempt_keeps_its_proxy_and_the_next_one_takes_another() {
    let site = Target::start(|_| Reply::Close(OK)).await;
    let (one, other) = (
        Upstream::start(Speaks::Http, Manner::Works).await,
        Upstream::start(Speaks::Http, Manner::Works).await,
    );
    let pools = pools(&[("de", quoted(&one)), ("de", quoted(&other))]);
    let proxy = through(&pools, "eu", &site).await;
    for expected in [[4, 0], [4, 4], [8, 4]] {
        for _ in 0..4 {
            assert_eq!(ask(&proxy, &get(site.address, "/")).await, OK);
        }
        assert_eq!([one.connections(), other.connections()], expected);
        proxy.begin_item_through(pools.route("eu".parse().unwrap(), "item"));
    }
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_proxy_that_fails_at_first_is_replaced_and_left_out() {
    let site = Target::start(|_| Reply::Close(OK)).await;
    let stranger = Upstream::start(Speaks::Https, Manner::Works).await;
    for (speaks, manner) in [
        (Speaks::Http, Manner::WantsLogin),
        (Speaks::Http, Manner::Babbles),
        (Speaks::Socks5, Manner::WantsLogin),
        (Speaks::Socks5, Manner::Babbles),
        // Trusted is the stranger's authority.
        (Speaks::Https, Manner::Works),
    ] {
        let bad = Upstream::start(speaks, manner).await;
        let good = Upstream::start(Speaks::Socks5, Manner::Works).await;
        let entry = match (speaks, &stranger.authority) {
            (Speaks::Https, Some(authority)) => {
                format!("{{\"url\":\"{}\",\"ca_file\":\"{}\"}}", bad.url(), authority.path().display())
            }
            _ => quoted(&bad),
        };
        let pools = pools(&[("de", entry), ("de", quoted(&good))]);
        let proxy = through(&pools, "de", &site).await;
        for _ in 0..3 {
            assert_eq!(ask(&proxy, &get(site.address, "/")).await, OK);
            proxy.begin_item_through(pools.route("de".parse().unwrap(), "item"));
        }
        assert_eq!((bad.connections(), good.connections()), (1, 3));
        proxy.shutdown().await;
    }
}

#[tokio::test]
async fn without_a_proxy_that_works_an_item_fails_and_never_goes_without() {
    let site = Target::start(|_| Reply::Keep(OK)).await;
    let picky = Upstream::start(Speaks::Http, Manner::WantsLogin).await;
    let entry = format!("\"http://{USER}:wrong-{PASSWORD}@{}\"", picky.address);
    for (pools, place) in [
        (pools(&[("de", entry.clone())]), "de"),
        (pools(&[("de", entry)]), "us"),
        (ProxyPools::default(), "global"),
    ] {
        let proxy = through(&pools, place, &site).await;
        let answer = ask(&proxy, &get(site.address, "/")).await;
        assert_eq!(refusal(&answer), ("502", "CONNECT_FAILED"));
        let host = site.address.ip().to_string();
        let recorded = proxy.refusal_for(&host).unwrap();
        assert_eq!(recorded, Refusal::Upstream { host, place: place.parse().unwrap() });
        let shown = format!("{answer} {recorded} {recorded:?} {pools:?} {proxy:?}");
        assert!(shown.contains(&format!("no proxy for {place}")) && !shown.contains(PASSWORD), "{shown}");
        let tunnel = ask(&proxy, &format!("CONNECT {} HTTP/1.1\r\nHost: x\r\n\r\n", site.address)).await;
        assert_eq!(refusal(&tunnel), ("502", "CONNECT_FAILED"));
        proxy.shutdown().await;
    }
    assert_eq!(site.connections(), 0);
}

#[tokio::test]
async fn a_target_that_cannot_be_reached_is_not_the_proxys_fault() {
    let site = Target::start(|_| Reply::Keep(OK)).await;
    for speaks in [Speaks::Http, Speaks::Socks5] {
        let upstream = Upstream::start(speaks, Manner::ReachesNothing).await;
        let spare = Upstream::start(Speaks::Http, Manner::Works).await;
        let pools = pools(&[("de", quoted(&upstream)), ("us", quoted(&spare))]);
        let proxy = through(&pools, "de", &site).await;
        for tries in 1..=5 {
            assert_eq!(refusal(&ask(&proxy, &get(site.address, "/")).await), ("502", "CONNECT_FAILED"));
            let host = site.address.ip().to_string();
            assert_eq!(proxy.refusal_for(&host), Some(Refusal::Connect { host: host.clone() }));
            assert_eq!((upstream.connections(), spare.connections()), (tries, 0), "it is asked each time");
            proxy.begin_item_through(pools.route("de".parse().unwrap(), "item"));
        }
        proxy.shutdown().await;
    }
    assert_eq!(site.connections(), 0);
}

#[tokio::test]
async fn bytes_through_a_proxy_count_and_are_bounded() {
    let site = Target::start(|_| Reply::Endless("HTTP/1.1 200 OK\r\n\r\n")).await;
    let upstream = Upstream::start(Speaks::Socks5, Manner::Works).await;
    let pools = pools(&[("global", quoted(&upstream))]);
    let limits = Limits { item_bytes_max: 100_000, ..Limits::default() };
    let proxy = Proxy::start(Policy::new(vec![allowed(site.address)]), limits).await.unwrap();
    proxy.begin_item_through(pools.route("global".parse().unwrap(), "item"));
    let mut client = Client::connect(&proxy).await;
    client.send(&get(site.address, "/")).await;
    assert!(client.drain().await < 200_000);
    assert!(proxy.usage().exhausted && proxy.usage().received_bytes > 100_000);
    proxy.shutdown().await;
}
