//! Names: every address of an answer is checked, and the checked address is the dialled one.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use leafcutter_egress::{Limits, Policy, Proxy, Refusal, Resolve, Step};

use crate::support::{Reply, Target, allowed, ask, refusal};

/// Answers one prepared list after the other, and remembers what it was asked.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Script {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self { answers: Mutex::new(answers.iter().map(parse).collect()), ..Self::default() })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Resolve for Script {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.to_owned());
        self.answers.lock().unwrap().pop_front().ok_or_else(|| io::Error::other("no such name"))
    }
}

struct Never;

#[async_trait]
impl Resolve for Never {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn only_the_good_addresses_of_a_mixed_answer_are_left() {
    let script = Script::new(&[&["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1"]]);
    let policy = Policy::with_resolver(vec![], script.clone());
    let addresses = policy.resolve("Mixed.Example.com.", 443).await.unwrap();
    assert_eq!(addresses, ["8.8.8.8:443".parse().unwrap(), "[2606:4700::1]:443".parse().unwrap()]);
    assert_eq!(script.asked(), ["mixed.example.com."]);
}

#[tokio::test]
async fn a_name_with_only_private_addresses_is_refused() {
    let script = Script::new(&[&["10.0.0.1", "::ffff:8.8.8.8"], &[]]);
    let policy = Policy::with_resolver(vec![], script);
    let private = Refusal::PrivateAddress { host: "a.example.com".into() };
    assert_eq!(policy.resolve("a.example.com", 80).await, Err(private));
    let unknown = Refusal::Dns { host: "a.example.com".into() };
    assert_eq!(policy.resolve("a.example.com", 80).await, Err(unknown.clone()));
    assert_eq!(policy.resolve("a.example.com", 80).await, Err(unknown));
}

#[tokio::test]
async fn reserved_names_and_refused_ports_are_never_looked_up() {
    let script = Script::new(&[]);
    let policy = Policy::with_resolver(vec![], script.clone());
    for (host, port) in [("localhost", 80), ("x.internal", 80), ("example.com", 22), ("127.0.0.1", 80)] {
        assert!(policy.resolve(host, port).await.is_err());
    }
    assert!(script.asked().is_empty());
}

#[tokio::test]
async fn an_allowed_name_passes_whatever_it_resolves_to() {
    let script = Script::new(&[&["10.0.0.7"]]);
    let policy = Policy::with_resolver(vec!["shop:8080".parse().unwrap()], script.clone());
    assert_eq!(policy.resolve("shop", 8080).await.unwrap(), ["10.0.0.7:8080".parse().unwrap()]);
    assert_eq!(script.asked(), ["shop"], "asked as it was written, so that local search lists apply");
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_never_answers_is_given_up() {
    let policy = Policy::with_resolver(vec![], Arc::new(Never));
    let refusal = policy.resolve("slow.example.com", 80).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Timeout { step: Step::Resolve, .. }));
}

#[tokio::test]
async fn a_name_that_turns_to_loopback_after_its_check_reaches_no_canary() {
    // The allowed address stands for the public one; the canary has the same port on 127.0.0.1.
    let site =
        Target::start_at("127.0.0.2:0", |_| Reply::Keep("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsite"))
            .await;
    let port = site.address.port();
    let canary =
        Target::start_at(&format!("127.0.0.1:{port}"), |_| Reply::Close("HTTP/1.1 200 OK\r\n\r\n")).await;
    let script = Script::new(&[&["127.0.0.2"], &["127.0.0.1"], &["127.0.0.1", "127.0.0.2"]]);
    let policy = Policy::with_resolver(vec![allowed(site.address)], script.clone());
    let proxy = Proxy::start(policy, Limits::default()).await.unwrap();
    let request = format!("GET http://rebind.example.com:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n");

    assert!(ask(&proxy, &request).await.ends_with("site"));
    assert_eq!(script.asked().len(), 1, "one look-up serves check and dial");
    assert!(ask(&proxy, &request).await.ends_with("site"), "a kept connection needs no look-up");
    assert_eq!(script.asked().len(), 1);

    proxy.begin_item();
    let turned = ask(&proxy, &request).await;
    assert_eq!(refusal(&turned), ("403", "PRIVATE_ADDRESS"));
    let host = "rebind.example.com".to_owned();
    assert_eq!(proxy.refusal_for("REBIND.example.com."), Some(Refusal::PrivateAddress { host }));
    assert!(ask(&proxy, &request).await.ends_with("site"), "the good address of a mixed answer");
    assert_eq!(canary.connections(), 0);
    proxy.shutdown().await;
}

#[tokio::test]
async fn unknown_names_and_closed_ports_are_told_apart() {
    // Bound and closed again: nothing listens there.
    let closed = Target::canary().await.address;
    let script = Script::new(&[]);
    let policy = Policy::with_resolver(vec![allowed(closed)], script);
    let proxy = Proxy::start(policy, Limits::default()).await.unwrap();
    let unknown = ask(&proxy, "GET http://unknown.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(refusal(&unknown), ("502", "DNS_FAILURE"));
    let tunnel = ask(&proxy, "CONNECT unknown.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(refusal(&tunnel), ("502", "DNS_FAILURE"));
    let refused = ask(&proxy, &format!("CONNECT {closed} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    assert_eq!(refusal(&refused), ("502", "CONNECT_FAILED"));
    let host = Ipv4Addr::LOCALHOST.to_string();
    assert_eq!(proxy.refusal_for("127.0.0.1"), Some(Refusal::Connect { host }));
    proxy.shutdown().await;
}
