//! The key directory on a log that comes and goes, and keys that are revoked elsewhere.

use crate::{
    stand_ins::Log,
    support::{KEY, World},
};
use leafcutter_domain::account::RevokeKey;
use leafcutter_event_store::StoreError;
use leafcutter_wire::KeyDirectory;
use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

const DEADLINE: Duration = Duration::from_secs(20);

async fn until(holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.expect("the keys must get there");
}

async fn revoke(world: &World) {
    let keys = world.commands.accounts.inspect(world.account(), |folded| folded.state.keys.clone());
    let (&key, _) = keys.await.unwrap().first_key_value().unwrap();
    let at = world.commands.clock.now();
    world.commands.accounts.transact(world.account(), RevokeKey { key, at }).await.unwrap();
}

#[tokio::test]
async fn without_the_log_no_key_is_refused_as_unknown_and_later_all_are_told_apart() {
    let world = World::new(100).await;
    let log = Log::of(&world.store);
    log.away.store(true, Ordering::SeqCst);
    let keys = KeyDirectory::start(Arc::new(log.clone()));
    for key in [KEY, "lc_unknown"] {
        assert!(matches!(keys.find(key).await, Err(StoreError::Unavailable(_))));
    }
    assert!(keys.check().await.is_err());
    log.away.store(false, Ordering::SeqCst);
    until(async || keys.check().await.is_ok()).await;
    assert!(keys.find(KEY).await.unwrap().is_some_and(|(account, _)| account == world.account()));
    assert_eq!(keys.find("lc_unknown").await.unwrap(), None);
    keys.stop().await;
}

#[tokio::test]
async fn a_key_revoked_on_another_replica_is_soon_refused() {
    let world = World::new(100).await;
    let keys = KeyDirectory::start(Arc::new(Log::of(&world.store)));
    assert!(keys.find(KEY).await.unwrap().is_some());
    revoke(&world.replica(0)).await;
    until(async || keys.find(KEY).await.unwrap().is_none()).await;
    keys.stop().await;
}

#[tokio::test]
async fn a_directory_that_hears_nothing_any_more_does_not_go_on_believing_a_key() {
    let world = World::new(100).await;
    let log = Log::of(&world.store);
    let keys = KeyDirectory::start(Arc::new(log.clone()));
    assert!(keys.find(KEY).await.unwrap().is_some());
    log.silent.store(true, Ordering::SeqCst);
    // What was asked for before may still bring one page.
    world.submit(1).await;
    revoke(&world).await;
    until(async || !matches!(keys.find(KEY).await, Ok(Some(_)))).await;
    keys.stop().await;
}
