//! Following the log: live, over restarts, paused, and with two projectors at once.

use crate::support::{ACCOUNT, PATIENCE, World, began, rows};
use leafcutter_domain::{
    BatchId, Period, ReservationId,
    ledger::{Ledger, LedgerCommand, OpenPeriod, Reserve, Settle, Settlement, SettlementEntry},
};
use leafcutter_event_store::{LedgerId, Streams};
use leafcutter_projector::{Projector, Settings};
use leafcutter_read_models::{BatchFilter, Status, Usage};

pub(crate) async fn what_is_appended_appears_in_the_tables(world: World) {
    let projector = world.project();
    let batch = world.submit(7, 3).await;
    world.run(batch, 1, 10, true).await;
    world.applied().await;
    let view = world.models.batch(batch).await.unwrap().unwrap();
    assert_eq!(Some(&view), world.folded(batch).await.as_ref());
    assert_eq!((view.header.status, view.header.counts.completed), (Status::Running, 1));
    projector.shutdown().await;
}

pub(crate) async fn a_restart_goes_on_where_it_was_and_counts_nothing_twice(world: World) {
    let batch = world.submit(7, 2).await;
    let projector = world.project();
    world.run(batch, 0, 10, true).await;
    world.applied().await;
    projector.shutdown().await;
    world.run(batch, 1, 20, false).await;
    let projector = world.project();
    world.applied().await;
    projector.shutdown().await;
    assert_eq!(world.models.batch(batch).await.unwrap(), world.folded(batch).await);
    let days = world.models.usage(ACCOUNT, "2026-11-01").await.unwrap();
    let usage =
        Usage { requests: 2, latency_ms: 500, latency_samples: 2, tokens: 24, captchas: 2, credits: 0 };
    assert_eq!((days.len(), days[0].usage), (1, usage));
}

/// A ledger of which three credits were charged, on the second day.
pub(crate) async fn charge(world: &World) {
    let (batch, account) = (BatchId(uuid::Uuid::from_u128(7)), ACCOUNT);
    let period = Period::of(began());
    let reservation = ReservationId::of(batch, 1);
    let carried = Default::default();
    let charge = Settlement::Charge { attempt: 1, amount: 3, failure: None };
    let entries = vec![SettlementEntry { item: 0, settlement: charge }];
    let commands: [LedgerCommand; 3] = [
        OpenPeriod { account, period, previous: None, allowance: 10, carried, at: began() }.into(),
        Reserve { reservation, batch, round: 1, items: vec![0], per_item: 4, open_max: 9, at: began() }
            .into(),
        Settle { reservation, entries, at: began().plus_millis(86_400_000) }.into(),
    ];
    let ledgers: Streams<Ledger> = Streams::new(world.log.clone());
    for command in commands {
        ledgers.transact(LedgerId { account, period }, command).await.unwrap();
    }
}

pub(crate) async fn charges_are_counted_on_their_day(world: World) {
    let projector = world.project();
    charge(&world).await;
    world.applied().await;
    let days = world.models.usage(ACCOUNT, "2026-01-01").await.unwrap();
    assert_eq!((days.len(), days[0].day.as_str(), days[0].usage.credits), (1, "2026-11-02", 3));
    projector.shutdown().await;
}

pub(crate) async fn two_projectors_at_once_write_what_one_would(world: World) {
    let projectors = [world.project(), world.project()];
    for number in 1..=20 {
        let batch = world.submit(number, 2).await;
        world.run(batch, 0, 10, true).await;
    }
    world.applied().await;
    for projector in projectors {
        projector.shutdown().await;
    }
    let list = world.models.list(ACCOUNT, &BatchFilter::default(), 1, 50).await.unwrap();
    assert_eq!((list.batches.len(), list.total), (20, 20));
    let days = world.models.usage(ACCOUNT, "2026-11-01").await.unwrap();
    assert_eq!(days[0].usage.requests, 20);
}

pub(crate) async fn a_paused_projector_catches_up_once_and_then_stands_still(world: World) {
    let early = world.submit(7, 1).await;
    let settings = Settings { paused: true };
    let projector = Projector::start(world.log.clone(), world.models.clone(), settings);
    let mut caught_up = projector.caught_up();
    let reached = caught_up.wait_for(|caught_up| *caught_up);
    tokio::time::timeout(PATIENCE, reached).await.unwrap().unwrap();
    let late = world.submit(8, 1).await;
    // Shut down only when it has ended, so what it would still do is done.
    projector.shutdown().await;
    assert!(world.models.batch(early).await.unwrap().is_some());
    assert_eq!(world.models.batch(late).await.unwrap(), None);
}

pub(crate) async fn deleted_tables_come_back_from_the_log(world: World) {
    let projector = world.project();
    for number in 1..=3 {
        let batch = world.submit(number, 50).await;
        for item in 0..50 {
            world.run(batch, item, i64::from(item), item % 5 != 0).await;
        }
    }
    world.applied().await;
    projector.shutdown().await;
    let rebuilt = world.more_models().await;
    let projector = world.project_into(&rebuilt);
    assert!(rebuilt.wait_until(world.head().await, PATIENCE).await.unwrap());
    projector.shutdown().await;
    for number in 1..=3 {
        let batch = BatchId(uuid::Uuid::from_u128(number));
        let row = rebuilt.batch(batch).await.unwrap();
        assert_eq!(row, world.models.batch(batch).await.unwrap());
        assert_eq!(row.unwrap().header.status, Status::Completed);
    }
    assert_eq!(rows(&rebuilt).await, rows(&world.models).await);
}
