//! A slot's life: reuse inside an item, a clean cut between items, and a shutdown that waits.

use std::sync::Arc;

use leafcutter_egress::{Limits, Policy, Proxy};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Client, DEADLINE, Reply, Target, ask, get};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn requests_of_several_clients_share_a_kept_connection() {
    let site = Target::start(|_| Reply::Keep(OK)).await;
    let proxy = site.proxy().await;
    for _ in 0..10 {
        assert_eq!(ask(&proxy, &get(site.address, "/")).await, OK);
    }
    assert_eq!(site.requests().len(), 10);
    assert_eq!(site.connections(), 1);
    assert_eq!(proxy.usage().requests, 10);
    proxy.shutdown().await;
}

#[tokio::test]
async fn the_next_item_cuts_tunnels_and_kept_connections_of_the_one_before() {
    let site = Target::start(|request| match request.contains("/tunnel") {
        true => Reply::Silent("HTTP/1.1 200 OK\r\n\r\n"),
        false => Reply::Keep(OK),
    })
    .await;
    let proxy = site.proxy().await;
    let mut tunnel = Client::connect(&proxy).await;
    tunnel.ask(&format!("CONNECT {} HTTP/1.1\r\nHost: x\r\n\r\n", site.address)).await;
    tunnel.send("GET /tunnel HTTP/1.1\r\n\r\n").await;
    tunnel.read(19).await;
    let mut plain = Client::connect(&proxy).await;
    plain.ask(&get(site.address, "/")).await;

    proxy.begin_item();
    assert_eq!(tunnel.drain().await, 0);
    assert_eq!(plain.drain().await, 0);
    assert_eq!(ask(&proxy, &get(site.address, "/")).await, OK);
    assert_eq!(site.connections(), 3, "the new item dialled for itself");
    proxy.shutdown().await;
}

#[tokio::test]
async fn shutdown_ends_open_tunnels_waiting_requests_and_the_listener() {
    let site = Target::start(|_| Reply::Silent("")).await;
    let proxy = site.proxy().await;
    let address = proxy.address();
    let mut tunnel = Client::connect(&proxy).await;
    tunnel.ask(&format!("CONNECT {} HTTP/1.1\r\nHost: x\r\n\r\n", site.address)).await;
    let mut waiting = Client::connect(&proxy).await;
    waiting.send(&get(site.address, "/")).await;
    let mut unused = Client::connect(&proxy).await;

    timeout(DEADLINE, proxy.shutdown()).await.expect("every task to end");
    for client in [&mut tunnel, &mut waiting, &mut unused] {
        client.drain().await;
    }
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
}

#[tokio::test]
async fn shutdown_leaves_no_task_behind() {
    let site = Target::start(|_| Reply::Keep(OK)).await;
    let metrics = tokio::runtime::Handle::current().metrics();
    let before = metrics.num_alive_tasks();
    let proxy = site.proxy().await;
    {
        let mut client = Client::connect(&proxy).await;
        client.ask(&get(site.address, "/")).await;
        assert!(metrics.num_alive_tasks() > before);
        proxy.shutdown().await;
        client.drain().await;
    }
    // What is left is the target's own task for its one connection.
    assert!(metrics.num_alive_tasks() <= before + 1);
}

#[tokio::test]
async fn a_dropped_proxy_stops_listening() {
    let proxy = Proxy::start(Policy::new(vec![]), Limits::default()).await.unwrap();
    let mut client = Client::connect(&proxy).await;
    drop(proxy);
    assert_eq!(client.drain().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_clients_at_once_get_their_own_answers() {
    let site = Target::start(|request| match request.contains("/a") {
        true => Reply::Keep("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
        false => Reply::Keep("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"),
    })
    .await;
    let proxy = Arc::new(site.proxy().await);
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..6 {
        let (proxy, address) = (Arc::clone(&proxy), site.address);
        clients.spawn(async move {
            let path = if number % 2 == 0 { "a" } else { "b" };
            let mut client = Client::connect(&proxy).await;
            for _ in 0..200 {
                let answer = client.ask(&get(address, &format!("/{path}"))).await;
                assert!(answer.ends_with(&format!("\r\n\r\n{path}")), "{answer}");
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    assert_eq!(proxy.usage().requests, 6 * 200);
    // As many as ask at one time, and some to spare for one that is not ready again at once.
    let connections = site.connections();
    assert!(connections <= 12, "connections are used again, not made for each request: {connections}");
}
