//! The balance at a past moment: right before and after each event, across the turn of months, and refused where there
//! is none.

use crate::{
    account::{open, top_up},
    support::{World, now},
};
use leafcutter_domain::{
    BatchId, Moment, Period, ReservationId,
    ledger::{ClosePeriod, Funds, OpenPeriod, RefundReason, Reserve, Settle, Settlement, SettlementEntry},
};
use serde_json::Value;
use uuid::Uuid;

fn moment(text: &str) -> Moment {
    text.parse().unwrap()
}

/// Month, granted, held, spent and available at this time.
async fn at(world: &World, time: &str) -> (String, [u64; 4]) {
    let answer = world.get(&format!("/api/credits?at={time}")).await;
    assert_eq!(answer.status, 200, "{time}: {}", answer.json);
    let number = |field: &str| answer.json[field].as_u64().unwrap();
    let period = answer.json["period"].as_str().unwrap().to_owned();
    (period, ["granted", "held", "spent", "available"].map(number))
}

fn is(period: &str, amounts: [u64; 4]) -> (String, [u64; 4]) {
    (period.to_owned(), amounts)
}

fn reserve(batch: BatchId, items: u16, time: &str) -> Reserve {
    let reservation = ReservationId::of(batch, 1);
    let items = (0..items).collect();
    Reserve { reservation, batch, round: 1, items, per_item: 5, open_max: 9, at: moment(time) }
}

fn settle(batch: BatchId, item: u16, settlement: Settlement, time: &str) -> Settle {
    let entries = vec![SettlementEntry { item, settlement }];
    Settle { reservation: ReservationId::of(batch, 1), entries, at: moment(time) }
}

const CHARGE: Settlement = Settlement::Charge { attempt: 1, amount: 3, failure: None };
const REFUND: Settlement = Settlement::Refund(RefundReason::Failed);

#[tokio::test]
async fn the_balance_at_a_moment_knows_everything_until_then_and_nothing_later() {
    let world = World::new().await;
    let batch = BatchId(Uuid::from_u128(7));
    world.ledger("2026-09", OpenPeriod { at: moment("2026-09-03T00:00:00Z"), ..open("2026-09") }).await;
    world.ledger("2026-09", reserve(batch, 2, "2026-09-04T00:00:00Z")).await;
    world.ledger("2026-09", settle(batch, 0, CHARGE, "2026-09-05T00:00:00Z")).await;
    world.ledger("2026-09", top_up("2026-12", 40, moment("2026-09-06T00:00:00Z"))).await;
    world.ledger("2026-09", settle(batch, 1, REFUND, "2026-09-07T00:00:00Z")).await;
    // As it would have begun: the account is there and its ledger is not.
    assert_eq!(at(&world, "2026-08-10T00:00:00Z").await, is("2026-08", [100, 0, 0, 100]));
    assert_eq!(at(&world, "2026-09-02T23:59:59.999Z").await, is("2026-09", [100, 0, 0, 100]));
    assert_eq!(at(&world, "2026-09-04T00:00:00Z").await, is("2026-09", [100, 10, 0, 90]));
    assert_eq!(at(&world, "2026-09-04T23:59:59.999Z").await, is("2026-09", [100, 10, 0, 90]));
    assert_eq!(at(&world, "2026-09-05T02:00:00%2B02:00").await, is("2026-09", [100, 5, 3, 92]));
    assert_eq!(at(&world, "2026-09-06T00:00:00Z").await, is("2026-09", [140, 5, 3, 132]));
    assert_eq!(at(&world, "2026-09-30T00:00:00Z").await, is("2026-09", [140, 0, 3, 137]));
    // Idle months: top-ups go on, until they end.
    assert_eq!(at(&world, "2026-10-01T00:00:00Z").await, is("2026-10", [140, 0, 0, 140]));
    let present = world.get("/api/credits").await.json;
    assert_eq!(at(&world, "2026-11-15T12:00:00Z").await.0, present["period"].as_str().unwrap());
    assert_eq!(at(&world, "2026-11-15T12:00:00Z").await.1[3], present["available"]);
}

#[tokio::test]
async fn a_month_that_was_closed_and_opened_by_clocks_that_disagree_is_told_as_it_stood() {
    let world = World::new().await;
    world.ledger("2026-09", open("2026-09")).await;
    world.ledger("2026-09", top_up("2027-09", 30, moment("2026-09-10T00:00:00Z"))).await;
    // A clock that is a second ahead closes the month, one that is two behind opens the next.
    world
        .ledger(
            "2026-09",
            ClosePeriod { next: "2026-10".parse().unwrap(), at: moment("2026-10-01T00:00:01Z") },
        )
        .await;
    let carried = Funds::of("2027-09".parse().unwrap(), 30);
    let early = moment("2026-09-30T23:59:58Z");
    world.ledger("2026-10", OpenPeriod { carried, at: early, ..open("2026-10") }).await;
    let batch = BatchId(Uuid::from_u128(7));
    world.ledger("2026-10", reserve(batch, 1, "2026-09-30T23:59:59Z")).await;
    assert_eq!(at(&world, "2026-09-30T23:59:57Z").await, is("2026-09", [130, 0, 0, 130]));
    // Until the turn of the month the old one is asked, and it was not closed yet.
    assert_eq!(at(&world, "2026-09-30T23:59:59.999Z").await, is("2026-09", [130, 0, 0, 130]));
    assert_eq!(at(&world, "2026-10-01T00:00:00Z").await, is("2026-10", [130, 5, 0, 125]));
    assert_eq!(at(&world, "2026-10-01T00:00:02Z").await, is("2026-10", [130, 5, 0, 125]));
}

#[tokio::test]
async fn a_month_closed_before_its_end_by_a_clock_ahead_gives_way_to_the_next() {
    let world = World::new().await;
    world.ledger("2026-09", open("2026-09")).await;
    let ahead = moment("2026-09-30T23:59:00Z");
    world.ledger("2026-09", ClosePeriod { next: "2026-10".parse().unwrap(), at: ahead }).await;
    assert_eq!(at(&world, "2026-09-30T23:58:59.999Z").await, is("2026-09", [100, 0, 0, 100]));
    // Closed, and the next has not begun: as it would begin.
    assert_eq!(at(&world, "2026-09-30T23:59:00Z").await, is("2026-10", [100, 0, 0, 100]));
    world.ledger("2026-10", OpenPeriod { allowance: 70, at: ahead, ..open("2026-10") }).await;
    assert_eq!(at(&world, "2026-09-30T23:59:30Z").await, is("2026-10", [70, 0, 0, 70]));
}

#[tokio::test]
async fn a_moment_without_a_balance_is_refused_by_name() {
    let world = World::new().await;
    let later = now().plus_millis(1).to_string();
    let cases = [
        ("2026-08-09T23:59:59.999Z", "before the account was opened"),
        (later.as_str(), "in the future"),
        ("yesterday", "is not a time"),
        ("", "is not a time"),
    ];
    for (time, why) in cases {
        let refused = world.get(&format!("/api/credits?at={time}")).await;
        let fault = refused.json["errors"][0].as_str().unwrap_or_default();
        assert!(refused.status == 422 && fault.starts_with("at: ") && fault.contains(why), "{time}: {fault}");
    }
    assert_eq!(world.get(&format!("/api/credits?at={}", now())).await.status, 200);
}

#[tokio::test]
async fn the_allowance_of_a_month_that_had_not_begun_is_the_one_of_then() {
    let world = World::new().await;
    world.allow(500, moment("2026-10-10T00:00:00Z")).await;
    assert_eq!(at(&world, "2026-10-09T00:00:00Z").await, is("2026-10", [100, 0, 0, 100]));
    assert_eq!(at(&world, "2026-10-11T00:00:00Z").await, is("2026-10", [500, 0, 0, 500]));
    let Value::Object(fields) = world.get("/api/credits?at=2026-10-11T00:00:00Z").await.json else {
        panic!()
    };
    let period: Period = fields["period"].as_str().unwrap().parse().unwrap();
    assert_eq!(period.to_string(), "2026-10");
}
