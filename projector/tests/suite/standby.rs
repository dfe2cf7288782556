//! Several projectors beside one PostgreSQL: one writes, the others stand by, and the turn goes on with whoever is left.

use crate::support::{Engine, PATIENCE, World, rows};
use leafcutter_domain::BatchId;
use leafcutter_event_store::EventStore;
use leafcutter_projector::{Activity, Projector, Settings};
use leafcutter_test_servers::Postgres;
use sqlx::{Connection, PgConnection};
use std::sync::Arc;
use tokio::{sync::watch, time::timeout};

async fn becomes(mut activity: watch::Receiver<Activity>, wanted: Activity) {
    timeout(PATIENCE, activity.wait_for(|found| *found == wanted)).await.unwrap().unwrap();
}

/// A projector in what would be another process.
async fn another(world: &World, settings: Settings) -> Projector {
    Projector::start(world.log.clone(), world.models_elsewhere().await, settings)
}

/// One that writes, and one that stands by.
async fn pair(world: &World) -> (Projector, Projector) {
    let owner = world.project();
    becomes(owner.activity(), Activity::Active).await;
    (owner, another(world, Settings::default()).await)
}

async fn is_whole(world: &World, batches: &[BatchId]) {
    world.applied().await;
    for batch in batches {
        assert_eq!(world.models.batch(*batch).await.unwrap(), world.folded(*batch).await);
    }
    let rebuilt = world.more_models().await;
    let projector = world.project_into(&rebuilt);
    assert!(rebuilt.wait_until(world.head().await, PATIENCE).await.unwrap());
    projector.shutdown().await;
    assert_eq!(rows(&world.models).await, rows(&rebuilt).await);
}

#[tokio::test]
async fn a_standby_is_ready_and_takes_over_when_the_owner_stops() {
    let world = World::new(Engine::Postgres).await;
    let first = world.submit(1, 2).await;
    let (owner, standby) = pair(&world).await;
    let mut caught_up = standby.caught_up();
    timeout(PATIENCE, caught_up.wait_for(|is| *is)).await.unwrap().unwrap();
    assert_eq!(*standby.activity().borrow(), Activity::Standby);
    owner.shutdown().await;
    let second = world.submit(2, 2).await;
    world.run(first, 0, 10, true).await;
    world.applied().await;
    assert_eq!(*standby.activity().borrow(), Activity::Active);
    standby.shutdown().await;
    is_whole(&world, &[first, second]).await;
}

#[tokio::test]
async fn whoever_is_left_goes_on_when_the_connection_with_the_turn_is_ended() {
    let world = World::new(Engine::Postgres).await;
    let (owner, standby) = pair(&world).await;
    let mut batches = Vec::new();
    for number in 1..=6 {
        batches.push(world.submit(number, 2).await);
        world.applied().await;
        let mut connection = PgConnection::connect(world.address()).await.unwrap();
        sqlx::query(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND granted
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        connection.close().await.unwrap();
        world.run(batches[batches.len() - 1], 0, 10, false).await;
    }
    is_whole(&world, &batches).await;
    owner.shutdown().await;
    standby.shutdown().await;
}

#[tokio::test]
async fn nothing_is_lost_or_counted_twice_when_the_server_is_killed_in_the_middle() {
    let server = Arc::new(Postgres::start().await);
    let world = World::with(Some(Arc::clone(&server))).await;
    let (owner, standby) = pair(&world).await;
    let mut batches = Vec::new();
    for number in 1..=40 {
        let batch = world.submit(number, 3).await;
        world.run(batch, 0, 10, true).await;
        batches.push(batch);
        if number % 20 == 10 {
            server.restart().await;
        }
    }
    is_whole(&world, &batches).await;
    owner.shutdown().await;
    standby.shutdown().await;
}

#[tokio::test]
async fn a_paused_standby_stops_when_the_owner_has_caught_up() {
    let world = World::new(Engine::Postgres).await;
    let batch = world.submit(1, 2).await;
    let owner = world.project();
    becomes(owner.activity(), Activity::Active).await;
    let paused = another(&world, Settings { paused: true }).await;
    let mut caught_up = paused.caught_up();
    timeout(PATIENCE, caught_up.wait_for(|is| *is)).await.unwrap().unwrap();
    owner.shutdown().await;
    paused.shutdown().await;
    let reached = world.models.checkpoint().await.unwrap();
    assert_eq!(reached, world.log.head().await.unwrap());
    is_whole(&world, &[batch]).await;
}
