//! What every lease promises, and that at the broker one replica holds it at a time, whatever breaks.

use crate::support::{connect, settings, soon, through, until};
use leafcutter_dispatch::{
    Held, Lease, SoleOwner,
    nats::{NatsLease, NatsSettings},
};
use leafcutter_test_servers as servers;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// How long the reactions may rest when their owner died.
const TAKEOVER_MAX: Duration = Duration::from_secs(10);

async fn at_broker() -> (NatsLease, Arc<servers::Nats>) {
    let server = servers::Nats::shared().await;
    let nats = connect(&settings(&server.url())).await;
    (NatsLease::new(&nats, "reactions"), server)
}

#[tokio::test]
async fn a_sole_owner_gets_the_lease_and_gets_it_again() {
    is_granted_and_granted_again(&SoleOwner).await;
}

#[tokio::test]
async fn a_replica_gets_the_lease_and_gets_it_again() {
    let (lease, _server) = at_broker().await;
    is_granted_and_granted_again(&lease).await;
}

async fn is_granted_and_granted_again(lease: &dyn Lease) {
    for _ in 0..3 {
        let held = soon("the lease", lease.acquire()).await;
        assert!(!held.lost().is_cancelled());
        drop(held);
    }
}

/// Two replicas with a life of the key so long that nothing but giving back lets the second one in.
async fn two(ttl_ms: u64) -> (Arc<servers::Nats>, NatsSettings, Held, NatsLease) {
    let server = servers::Nats::shared().await;
    let settings = NatsSettings { lease_ttl_ms: ttl_ms, ..settings(&server.url()) };
    let owner = NatsLease::new(&connect(&settings).await, "reactions");
    let held = soon("the lease", owner.acquire()).await;
    let standby = NatsLease::new(&connect(&settings).await, "reactions");
    (server, settings, held, standby)
}

#[tokio::test]
async fn a_standby_waits_as_long_as_the_owner_lives() {
    let (_server, _, held, standby) = two(1_000).await;
    assert!(timeout(Duration::from_secs(3), standby.acquire()).await.is_err());
    assert!(!held.lost().is_cancelled());
}

#[tokio::test]
async fn a_lease_that_is_given_back_is_the_standbys_at_once() {
    let (_server, _, held, standby) = two(5_000).await;
    let begun = Instant::now();
    drop(held);
    soon("the lease", standby.acquire()).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "before the key's life ends: {:?}", begun.elapsed());
}

#[tokio::test]
async fn an_owner_that_closes_its_connection_gives_the_lease_back() {
    let server = servers::Nats::shared().await;
    let settings = settings(&server.url());
    let nats = connect(&settings).await;
    let held = soon("the lease", NatsLease::new(&nats, "reactions").acquire()).await;
    nats.close().await;
    assert!(held.lost().is_cancelled());
    let begun = Instant::now();
    let standby = NatsLease::new(&connect(&settings).await, "reactions");
    soon("the lease", standby.acquire()).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn two_leases_of_one_process_are_held_one_after_the_other() {
    let (lease, _server) = at_broker().await;
    let held = soon("the lease", lease.acquire()).await;
    assert!(timeout(Duration::from_millis(1_500), lease.acquire()).await.is_err());
    drop(held);
    soon("the lease", lease.acquire()).await;
}

/// An owner behind a gate, and a standby.
async fn gated() -> (Arc<servers::Nats>, servers::TcpGate, Held, NatsLease, NatsLease) {
    let server = servers::Nats::shared().await;
    let gate = servers::TcpGate::to(server.address()).await;
    let settings = settings(&server.url());
    let owner = NatsLease::new(&connect(&through(&gate, &settings)).await, "reactions");
    let held = soon("the lease", owner.acquire()).await;
    let standby = NatsLease::new(&connect(&settings).await, "reactions");
    (server, gate, held, owner, standby)
}

#[tokio::test]
async fn a_standby_takes_over_from_an_owner_that_was_cut_off() {
    let (_server, gate, held, _owner, standby) = gated().await;
    let begun = Instant::now();
    gate.cut();
    let taken = soon("the takeover", standby.acquire()).await;
    assert!(begun.elapsed() < TAKEOVER_MAX, "{:?}", begun.elapsed());
    assert!(held.lost().is_cancelled(), "the owner knew first");
    assert!(!taken.lost().is_cancelled());
}

#[tokio::test]
async fn an_owner_that_hears_nothing_any_more_knows_before_the_standby_takes_over() {
    let (_server, gate, held, _owner, standby) = gated().await;
    let begun = Instant::now();
    gate.silence();
    let known = async {
        held.lost().cancelled().await;
        Instant::now()
    };
    let taken = async {
        let _taken = standby.acquire().await;
        Instant::now()
    };
    let (known, taken) = soon("the takeover", async { tokio::join!(known, taken) }).await;
    assert!(known < taken, "no two owners");
    assert!(taken - begun < TAKEOVER_MAX, "{:?}", taken - begun);
}

#[tokio::test]
async fn an_owner_whose_connection_broke_for_a_moment_gets_its_lease_again() {
    let (_server, gate, held, owner, standby) = gated().await;
    gate.cut();
    soon("the loss", held.lost().cancelled()).await;
    gate.mend();
    drop(held);
    let again = soon("the lease", owner.acquire()).await;
    assert!(timeout(Duration::from_secs(7), standby.acquire()).await.is_err(), "it is renewed again");
    assert!(!again.lost().is_cancelled());
}

#[tokio::test]
async fn a_broker_that_restarts_forgets_the_owner_and_the_first_to_come_is_the_next() {
    let server = servers::Nats::start().await;
    let settings = settings(&server.url());
    let owner = NatsLease::new(&connect(&settings).await, "reactions");
    let held = soon("the lease", owner.acquire()).await;
    let standby = NatsLease::new(&connect(&settings).await, "reactions");
    server.kill().await;
    soon("the loss", held.lost().cancelled()).await;
    server.restart().await;
    let taken = soon("the lease", standby.acquire()).await;
    until("renewals", async || !taken.lost().is_cancelled()).await;
    assert!(timeout(Duration::from_secs(2), owner.acquire()).await.is_err(), "one owner at a time");
}
