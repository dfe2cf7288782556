//! Tunnels: `CONNECT` and WebSocket upgrades.

use std::time::Duration;

use leafcutter_egress::{Limits, Refusal};

use crate::support::{Client, Reply, Target, ask, refusal};

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[tokio::test]
async fn a_tunnel_carries_bytes_both_ways_and_counts_them() {
    let site = Target::start(|_| Reply::Echo("HTTP/1.1 200 OK\r\n\r\n")).await;
    let proxy = site.proxy().await;
    let mut client = Client::connect(&proxy).await;
    let opened = client.ask(&format!("CONNECT {} HTTP/1.1\r\nHost: x\r\n\r\n", site.address)).await;
    assert_eq!(opened, "HTTP/1.1 200 OK\r\n\r\n");
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.read(19).await, "HTTP/1.1 200 OK\r\n\r\n");
    client.send("ping").await;
    assert_eq!(client.read(4).await, "ping");
    let usage = proxy.usage();
    assert_eq!((usage.received_bytes, usage.sent_bytes, usage.requests), (23, 22, 1));
    proxy.shutdown().await;
}

#[tokio::test]
async fn bytes_sent_together_with_a_connect_are_not_lost() {
    let site = Target::start(|_| Reply::Keep("HTTP/1.1 204 Early\r\n\r\n")).await;
    let proxy = site.proxy().await;
    let mut client = Client::connect(&proxy).await;
    client
        .send(&format!("CONNECT {} HTTP/1.1\r\nHost: x\r\n\r\nGET /early HTTP/1.1\r\n\r\n", site.address))
        .await;
    assert_eq!(client.answer(false).await, "HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(client.answer(false).await, "HTTP/1.1 204 Early\r\n\r\n");
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_tunnel_to_a_private_address_is_refused_and_recorded() {
    let canary = Target::canary().await;
    let site = Target::canary().await;
    let proxy = site.proxy().await;
    let port = canary.address.port();
    for host in
        ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "0x7f.1", "[::ffff:7f00:1]", "2130706433"]
    {
        let answer = ask(&proxy, &format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(refusal(&answer), ("403", "PRIVATE_ADDRESS"), "{host}");
    }
    let address = Refusal::PrivateAddress { host: "127.0.0.1".into() };
    assert_eq!(proxy.refusal_for("127.0.0.1"), Some(address.clone()));
    assert_eq!(proxy.refusal_for("0177.1"), Some(address), "any spelling of the host finds it");
    assert_eq!(proxy.refusal_for("[::1]"), Some(Refusal::PrivateAddress { host: "::1".into() }));
    assert_eq!(proxy.refusal_for("localhost"), Some(Refusal::ReservedName { host: "localhost".into() }));
    assert_eq!(canary.connections(), 0);
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_tunnel_to_a_refused_port_or_without_a_port_is_refused() {
    let site = Target::canary().await;
    let proxy = site.proxy().await;
    for (target, expected) in [
        ("example.com:22", ("403", "PORT_REFUSED")),
        ("8.8.8.8:53", ("403", "PORT_REFUSED")),
        ("example.com", ("403", "PORT_REFUSED")),
        ("u@example.com:443", ("403", "USERINFO_REFUSED")),
    ] {
        let answer = ask(&proxy, &format!("CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(refusal(&answer), expected, "{target}");
    }
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_websocket_works_through_an_absolute_request() {
    let site = Target::start(|_| Reply::Echo(SWITCH)).await;
    let proxy = site.proxy().await;
    let mut client = Client::connect(&proxy).await;
    let request = format!("GET http://{}/ws HTTP/1.1\r\nHost: x\r\n{UPGRADE}", site.address);
    assert_eq!(client.ask(&request).await, SWITCH);
    client.send("frame").await;
    assert_eq!(client.read(5).await, "frame");
    assert!(site.requests()[0].ends_with(UPGRADE), "{}", site.requests()[0]);
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_websocket_works_through_a_tunnel() {
    let site = Target::start(|_| Reply::Echo(SWITCH)).await;
    let proxy = site.proxy().await;
    let mut client = Client::connect(&proxy).await;
    client.ask(&format!("CONNECT {} HTTP/1.1\r\nHost: x\r\n\r\n", site.address)).await;
    client.send(&format!("GET /ws HTTP/1.1\r\nHost: x\r\n{UPGRADE}")).await;
    assert_eq!(client.read(SWITCH.len()).await, SWITCH);
    client.send("frame").await;
    assert_eq!(client.read(5).await, "frame");
    proxy.shutdown().await;
}

#[tokio::test]
async fn other_upgrades_are_not_passed_on() {
    let site = Target::start(|request| match request.contains("h2c") {
        true => Reply::Close(SWITCH),
        false => Reply::Keep("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    })
    .await;
    let proxy = site.proxy().await;
    let request = format!(
        "GET http://{}/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: x\r\n\r\n",
        site.address
    );
    assert!(ask(&proxy, &request).await.starts_with("HTTP/1.1 200 OK"));
    assert!(!site.requests()[0].to_ascii_lowercase().contains("http2-settings"));
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_switch_that_nobody_asked_for_is_a_failure() {
    let site = Target::start(|_| Reply::Keep(SWITCH)).await;
    let proxy = site.proxy().await;
    let answer = ask(&proxy, &format!("GET http://{}/ HTTP/1.1\r\nHost: x\r\n\r\n", site.address)).await;
    assert_eq!(refusal(&answer), ("502", "CONNECT_FAILED"));
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_silent_tunnel_is_cut() {
    let site = Target::start(|_| Reply::Silent("")).await;
    let limits = Limits { idle_timeout: Duration::from_millis(50), ..Limits::default() };
    let proxy = site.proxy_with(limits).await;
    let mut client = Client::connect(&proxy).await;
    client.ask(&format!("CONNECT {} HTTP/1.1\r\nHost: x\r\n\r\n", site.address)).await;
    assert_eq!(client.drain().await, 0);
    proxy.shutdown().await;
}
