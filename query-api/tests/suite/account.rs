//! Credits, account and use.

use crate::support::{OWNER, World, now};
use leafcutter_domain::{
    GrantId, Moment, OutputFormat, Period, ReservationId,
    ledger::{ClosePeriod, Funds, Grant, OpenPeriod, Reserve, Settle, Settlement, SettlementEntry},
};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) fn open(month: &str) -> OpenPeriod {
    let period: Period = month.parse().unwrap();
    let (previous, carried, at) = (None, Funds::default(), period.start());
    OpenPeriod { account: OWNER, period, previous, allowance: 100, carried, at }
}

pub(crate) fn top_up(last_month: &str, amount: u64, at: Moment) -> Grant {
    let (grant, funds) = (GrantId(Uuid::from_u128(5)), Funds::of(last_month.parse().unwrap(), amount));
    Grant { grant, funds, released_by: None, at }
}

/// The balance without its head.
async fn credits(world: &World) -> Value {
    let mut answer = world.get("/api/credits").await.json;
    answer.as_object_mut().unwrap().remove("head");
    answer
}

#[tokio::test]
async fn the_balance_says_where_every_credit_is() {
    let world = World::new().await;
    world.ledger("2026-11", open("2026-11")).await;
    world.ledger("2026-11", top_up("2027-11", 30, now())).await;
    let batch = world.submit(1, 3, OutputFormat::Markdown).await;
    let reservation = ReservationId::of(batch, 1);
    let (items, per_item, open_max, at) = (vec![0, 1, 2], 2, 9, now());
    world.ledger("2026-11", Reserve { reservation, batch, round: 1, items, per_item, open_max, at }).await;
    let settlement = Settlement::Charge { attempt: 1, amount: 1, failure: None };
    let entries = vec![SettlementEntry { item: 0, settlement }];
    world.ledger("2026-11", Settle { reservation, entries, at }).await;
    let expected = json!({
        "period": "2026-11", "allowance": 100, "granted": 130, "held": 4, "spent": 1, "available": 125
    });
    assert_eq!(credits(&world).await, expected);
    let account = world.get("/api/account").await.json;
    let expected = json!({"data": {
        "plan": {"name": "self-hosted"},
        "credits": {
            "limit": 130, "used": 5, "remaining": 125, "billingCycleStart": "2026-11-01T00:00:00.000Z"
        },
        "proxyBandwidth": {"limitMb": 0, "usedMb": 0, "remainingMb": 0},
        "subscription": null,
    }});
    assert_eq!(account, expected);
}

#[tokio::test]
async fn a_month_that_has_not_begun_is_answered_as_it_would_begin() {
    let world = World::new().await;
    let expected = |granted: u64| {
        json!({
            "period": "2026-11", "allowance": 100, "granted": granted, "held": 0, "spent": 0, "available": granted
        })
    };
    assert_eq!(credits(&world).await, expected(100));
    // A top-up of August lasts until October in part and beyond in part; two idle months lie between.
    world.ledger("2026-08", open("2026-08")).await;
    let mut grant = top_up("2027-08", 30, open("2026-08").at);
    grant.funds.add("2026-10".parse().unwrap(), 7);
    world.ledger("2026-08", grant).await;
    assert_eq!(credits(&world).await, expected(130));
    world.ledger("2026-08", ClosePeriod { next: "2026-11".parse().unwrap(), at: now() }).await;
    assert_eq!(credits(&world).await, expected(130));
}

#[tokio::test]
async fn use_is_told_by_day_and_by_week_with_zeros_between() {
    let world = World::new().await;
    let projector = world.project();
    let batch = world.submit(1, 2, OutputFormat::Markdown).await;
    world.start(batch, 0).await;
    world.start(batch, 1).await;
    world.complete(batch, 0, "text", None).await;
    world.fail(batch, 1).await;
    let zero = json!({
        "label": "Nov 14", "date": "2026-11-14", "tokens": 0, "requests": 0, "crawls": 0, "captchas": 0,
        "latency": 0.0, "credits": 0
    });
    let rows = world.get("/api/usage-stats?range=7d").await.json["data"].clone();
    assert_eq!((rows.as_array().unwrap().len(), &rows[5]), (7, &zero));
    assert_eq!((&rows[6]["requests"], &rows[6]["latency"]), (&json!(2), &json!(200.0)));
    let month = world.get("/api/usage-stats").await.json;
    assert_eq!((month["data"].as_array().unwrap().len(), &month["data"][29]), (30, &rows[6]));
    let weeks = world.get("/api/usage-stats?range=weekly").await.json["data"].clone();
    assert_eq!((weeks.as_array().unwrap().len(), &weeks[7]["label"]), (8, &json!("Nov 9-15")));
    assert_eq!((&weeks[7]["date"], &weeks[7]["requests"]), (&json!("Nov 9 – Nov 15"), &json!(2)));
    projector.shutdown().await;
}

#[tokio::test]
async fn another_range_is_refused() {
    let world = World::new().await;
    for query in ["range=90d", "range=", "range=7d&range=30d"] {
        let refused = world.get(&format!("/api/usage-stats?{query}")).await;
        assert_eq!((refused.status, &refused.json["code"]), (400, &json!("INVALID_RANGE")), "{query}");
    }
}
