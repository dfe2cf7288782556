//! Months as clocks see them: the very boundary, replicas that go ahead and behind, and accounts that slept for years.
//! Whatever the clocks say, an account's months are one line in which nothing is carried twice.

use crate::{months::top_up, stand_ins::Log, support::World};
use leafcutter_domain::{
    AccountId, BatchId, Period,
    account::OpenAccount,
    ledger::{ClosePeriod, Ledger, LedgerState},
};
use leafcutter_event_store::{Aggregate, EventStore, LedgerId, Position};
use leafcutter_wire::Ledgers;
use serde_json::Value;
use std::sync::{Arc, atomic::Ordering};
use uuid::Uuid;

/// A day.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// The months of the account in the order in which they began.
async fn months(world: &World) -> Vec<Period> {
    let page = world.store.subscribe(Position::START, Some("ledger")).next().await.unwrap();
    let opened = page.events.iter().filter(|event| event.revision == 0);
    opened.map(|event| event.stream.key()[37..].parse().unwrap()).collect()
}

/// One line of months: each names the one before and the hash of its end, all but the last are closed, and what came
/// in is all there.
async fn is_one_line(world: &World, top_ups: u64) -> Vec<Period> {
    let months = months(world).await;
    let mut before: Option<Period> = None;
    let mut found = 0;
    for &period in &months {
        let (ledger, opened) = (world.ledger(period).await, entry(world, period, 0).await);
        assert!(ledger.is_balanced());
        assert_eq!(ledger.previous, before, "{months:?}");
        if let Some(before) = before {
            let close = world.ledger(before).await.close.unwrap();
            assert_eq!(opened.0["previous"]["hash"], entry(world, before, close).await.1["hash"]);
        }
        found += found_in(&ledger);
        before = Some(period);
    }
    let closed = |ledger: &LedgerState| ledger.closed;
    for &period in &months[..months.len() - 1] {
        assert!(closed(&world.ledger(period).await), "{period} of {months:?}");
    }
    assert!(!closed(&world.ledger(*months.last().unwrap()).await));
    assert_eq!(found, months.len() as u64 * world.commands.settings.default_credits + top_ups);
    months
}

/// What is in a month and nowhere else.
fn found_in(ledger: &LedgerState) -> u64 {
    ledger.available.total() + ledger.held() + ledger.spent + ledger.expired
}

/// Data and metadata of an entry.
async fn entry(world: &World, period: Period, revision: u64) -> (Value, Value) {
    let stream = Ledger::stream(LedgerId { account: world.account(), period });
    let event = world.store.read(&stream, revision, 1).await.unwrap().remove(0);
    (serde_json::from_slice(&event.data).unwrap(), serde_json::from_slice(&event.metadata).unwrap())
}

async fn month_of(world: &World, batch: BatchId) -> Period {
    world.batch(batch).await.rounds[0].terms.period
}

#[tokio::test]
async fn the_last_millisecond_is_the_old_months_and_the_first_the_new_ones() {
    let world = World::new(10).await;
    let november = world.period();
    world.turn_the_month();
    world.pass(-1);
    let last = world.submit(1).await;
    world.pass(1);
    let first = world.submit(1).await;
    assert_eq!((month_of(&world, last).await, month_of(&world, first).await), (november, november.next()));
    let (old, new) = (world.ledger(november).await, world.ledger(november.next()).await);
    assert_eq!((old.held(), old.expired, new.held(), new.available.total()), (2, 8, 2, 8));
    is_one_line(&world, 0).await;
}

#[tokio::test]
async fn replicas_on_both_sides_of_a_boundary_carry_a_top_up_once_whoever_comes_first() {
    for (ahead_first, idle) in [(true, 0), (false, 0), (true, 1), (false, 1), (true, 2), (false, 2)] {
        let world = World::new(10).await;
        let began = world.period();
        world.submit(1).await;
        top_up(&world, began, 100).await;
        for _ in 0..=idle {
            world.turn_the_month();
        }
        // One minute before a boundary, and the other replica two minutes further.
        world.pass(-60_000);
        let ahead = world.replica(120_000);
        let (first, second) = if ahead_first { (&ahead, &world) } else { (&world, &ahead) };
        first.submit(1).await;
        let batch = second.submit(1).await;
        assert_eq!(month_of(&world, batch).await, ahead.period(), "the line goes on and never back");
        first.submit(1).await;
        let months = is_one_line(&world, 100).await;
        assert_eq!(*months.last().unwrap(), ahead.period());
        assert!(ahead.ledger(ahead.period()).await.granted >= 110, "{months:?}");
    }
}

#[tokio::test]
async fn many_replicas_that_turn_a_month_at_once_leave_one_line() {
    let world = World::new(100).await;
    top_up_first(&world, 50).await;
    world.turn_the_month();
    world.turn_the_month();
    let clocks = [0, -60_000, 60_000, -DAY_MS, DAY_MS, -40 * DAY_MS, 0, -1];
    let replicas: Vec<World> = clocks.iter().map(|ahead| world.replica(*ahead)).collect();
    futures::future::join_all(replicas.iter().map(|replica| replica.submit(1))).await;
    is_one_line(&world, 50).await;
    futures::future::join_all(replicas.iter().rev().map(|replica| replica.submit(1))).await;
    let months = is_one_line(&world, 50).await;
    assert!(months.is_sorted(), "{months:?}");
}

async fn top_up_first(world: &World, amount: u64) {
    world.submit(1).await;
    top_up(world, world.period(), amount).await;
}

#[tokio::test]
async fn the_first_month_is_that_of_the_account_whichever_replica_comes_first() {
    let world = World::new(10).await;
    let opened = world.period();
    world.turn_the_month();
    world.turn_the_month();
    let (ahead, behind) = (world.replica(31 * DAY_MS), world.replica(-31 * DAY_MS));
    ahead.submit(1).await;
    behind.submit(1).await;
    assert_eq!(is_one_line(&world, 0).await, [opened, ahead.period()]);
}

#[tokio::test]
async fn what_is_settled_between_the_end_of_a_month_and_the_next_leaves_the_line_as_it_is() {
    let world = World::new(10).await;
    let november = world.period();
    let batch = world.submit(2).await;
    world.turn_the_month();
    let id = LedgerId { account: world.account(), period: november };
    let close = ClosePeriod { next: november.next(), at: world.commands.clock.now() };
    world.commands.ledgers.transact(id, close).await.unwrap();
    world.cancel(batch).await;
    world.submit(1).await;
    assert_eq!(is_one_line(&world, 0).await, [november, november.next()]);
}

#[tokio::test]
async fn a_month_that_was_ended_for_another_by_a_crash_is_followed_by_that_one() {
    let world = World::new(10).await;
    let november = world.period();
    top_up_first(&world, 5).await;
    let id = LedgerId { account: world.account(), period: november };
    let close = ClosePeriod { next: november.plus_months(2), at: world.commands.clock.now() };
    world.commands.ledgers.transact(id, close).await.unwrap();
    world.replica(0).submit(1).await;
    assert_eq!(is_one_line(&world, 5).await, [november, november.plus_months(2)]);
    (0..5).for_each(|_| world.turn_the_month());
    world.submit(1).await;
    assert_eq!(is_one_line(&world, 5).await.len(), 3);
}

#[tokio::test]
async fn a_top_up_lasts_twelve_months_beyond_its_own_and_is_spent_after_the_allowance() {
    let world = World::new(2).await;
    let granted = world.period();
    world.submit(1).await;
    top_up(&world, granted, 3).await;
    (0..12).for_each(|_| world.turn_the_month());
    world.submit(1).await;
    let last = world.ledger(world.period()).await;
    assert_eq!((world.period(), last.granted, last.available.total()), (granted.plus_months(12), 5, 3));
    world.submit(1).await;
    assert_eq!(world.ledger(world.period()).await.available.total(), 1, "the top-up comes second");
    world.turn_the_month();
    world.submit(1).await;
    let after = world.ledger(world.period()).await;
    assert_eq!((after.granted, after.available.total()), (2, 0), "it ended with its twelfth month");
    is_one_line(&world, 3).await;
}

#[tokio::test]
async fn idle_years_are_walked_once_and_cost_nothing_to_open() {
    for years in [3, 10] {
        let world = World::new(10).await;
        world.submit(1).await;
        let began = world.period();
        (0..12 * years).for_each(|_| world.turn_the_month());
        let log = Log::of(&world.store);
        let ledgers = Ledgers::new(Arc::new(log.clone()));
        let reads = || log.reads.swap(0, Ordering::SeqCst);
        let (account, now) = (world.account(), world.period());
        let look = || async { ledgers.last_begun(account, now, began).await.unwrap().unwrap().id.period };
        assert_eq!((look().await, reads()), (began, 12 * years + 2));
        assert_eq!((look().await, reads()), (began, 1), "what was found once is remembered");
        world.submit(1).await;
        assert_eq!((look().await, reads()), (now, 2));
        assert_eq!((look().await, reads()), (now, 1));
        assert_eq!(is_one_line(&world, 0).await, [began, now], "idle months have no ledger");
    }
}

#[tokio::test]
async fn an_account_that_never_moved_a_credit_has_no_months() {
    let world = World::new(10).await;
    let (account, at) = (AccountId(Uuid::from_u128(9)), world.commands.clock.now());
    let open = OpenAccount { account, name: "idle".to_owned(), monthly_credits: 1, at };
    world.commands.accounts.transact(account, open).await.unwrap();
    let found = world.commands.ledgers.last_begun(account, world.period(), world.period()).await.unwrap();
    assert_eq!(found, None);
}
