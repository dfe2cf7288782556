//! Random lives of an account over months: at any moment the balance by replay is the fold of what had happened by
//! then, and the newest entry of the statement until then, with the tables in SQLite and in PostgreSQL.
//! `LEAFCUTTER_TEST_FULL=1` lives many lives.

use crate::support::{OWNER, World, now};
use leafcutter_domain::{
    BatchId, Decider, GrantId, ItemIndex, Moment, Period, ReservationId,
    ledger::{
        ClosePeriod, Funds, Grant, Ledger, LedgerCommand, LedgerEvent, LedgerState, OpenPeriod, RefundReason,
        Reserve, Settle, Settlement, SettlementEntry,
    },
};
use leafcutter_event_store::{Aggregate, EventStore, LedgerId, decode};
use leafcutter_test_servers::Postgres;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

const ALLOWANCE: u64 = 100;
const HOUR_MS: i64 = 3_600_000;
/// Moments of each life that are asked for, beside the ends of months.
const MOMENTS_MAX: usize = 12;

#[derive(Debug, Clone)]
enum Step {
    TopUp { amount: u64, months: i32 },
    Reserve { items: u16, per_item: u64 },
    Settle { round: prop::sample::Index, item: ItemIndex, settlement: Settlement },
}

/// Steps, each with the hours since the one before: often none, at times whole months.
fn lives() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let settlement = prop_oneof![
        (1..3_u32, 0..5_u64).prop_map(|(attempt, amount)| Settlement::Charge {
            attempt,
            amount,
            failure: None
        }),
        Just(Settlement::Refund(RefundReason::Failed)),
        Just(Settlement::Refund(RefundReason::Cancelled)),
    ];
    let step = prop_oneof![
        1 => (1..50_u64, 0..3_i32).prop_map(|(amount, months)| Step::TopUp { amount, months }),
        3 => (1..4_u16, 1..6_u64).prop_map(|(items, per_item)| Step::Reserve { items, per_item }),
        6 => (any::<prop::sample::Index>(), 0..4_u16, settlement)
            .prop_map(|(round, item, settlement)| Step::Settle { round, item, settlement }),
    ];
    let hours = prop_oneof![4 => Just(0_i64), 4 => 1..48_i64, 1 => 300..900_i64];
    prop::collection::vec((hours, step), 1..40)
}

/// The account as it lives.
struct Life<'a> {
    world: &'a World,
    at: Moment,
    open: Option<Period>,
    rounds: Vec<(BatchId, Period)>,
    serial: u128,
}

impl Life<'_> {
    async fn live(&mut self, steps: &[(i64, Step)]) {
        for (hours, step) in steps {
            self.at = self.at.plus_millis(hours * HOUR_MS);
            if self.at > now() {
                break;
            }
            self.serial += 1;
            let period = self.month().await;
            match *step {
                Step::TopUp { amount, months } => {
                    let funds = Funds::of(period.plus_months(months), amount);
                    self.grant(period, funds, GrantId(Uuid::from_u128(self.serial)), None).await;
                }
                Step::Reserve { items, per_item } => self.reserve(period, items, per_item).await,
                Step::Settle { round, item, settlement } if !self.rounds.is_empty() => {
                    let (batch, period) = *round.get(&self.rounds);
                    self.settle(batch, period, SettlementEntry { item, settlement }).await;
                }
                Step::Settle { .. } => {}
            }
        }
    }

    /// Carries a command out, if the rules allow it.
    async fn ask(&self, period: Period, command: impl Into<LedgerCommand>) -> Vec<LedgerEvent> {
        let id = LedgerId { account: OWNER, period };
        self.world.ledgers.transact(id, command).await.map_or_else(|_| vec![], |done| done.events)
    }

    /// The month of now; closes the one before and opens it when it is due.
    async fn month(&mut self) -> Period {
        let (period, at) = (Period::of(self.at), self.at);
        if self.open == Some(period) {
            return period;
        }
        let mut carried = Funds::default();
        if let Some(before) = self.open {
            for event in self.ask(before, ClosePeriod { next: period, at }).await {
                if let LedgerEvent::PeriodClosed(closed) = event {
                    carried = closed.carried_out;
                }
            }
        }
        let open = OpenPeriod { account: OWNER, period, previous: None, allowance: ALLOWANCE, carried, at };
        self.ask(period, open).await;
        self.open = Some(period);
        period
    }

    async fn grant(&self, period: Period, funds: Funds, grant: GrantId, released_by: Option<ReservationId>) {
        self.ask(period, Grant { grant, funds, released_by, at: self.at }).await;
    }

    async fn reserve(&mut self, period: Period, items: u16, per_item: u64) {
        let batch = BatchId(Uuid::from_u128(self.serial));
        let (reservation, items) = (ReservationId::of(batch, 1), (0..items).collect());
        let at = self.at;
        let events = self
            .ask(period, Reserve { reservation, batch, round: 1, items, per_item, open_max: 9, at })
            .await;
        if !events.is_empty() {
            self.rounds.push((batch, period));
        }
    }

    /// What a closed month frees that lasts longer is granted again in the open one.
    async fn settle(&self, batch: BatchId, period: Period, entry: SettlementEntry) {
        let reservation = ReservationId::of(batch, 1);
        let settle = Settle { reservation, entries: vec![entry], at: self.at };
        for event in self.ask(period, settle).await {
            let funds = match event {
                LedgerEvent::CreditsCharged(charged) => charged.carried_out,
                LedgerEvent::CreditsRefunded(refunded) => refunded.carried_out,
                _ => continue,
            };
            if let (Some(open), false) = (self.open, funds.is_empty()) {
                let grant = GrantId::of_late_release(period, reservation, entry.item);
                self.grant(open, funds, grant, Some(reservation)).await;
            }
        }
    }
}

type Months = BTreeMap<Period, Vec<LedgerEvent>>;

async fn months(world: &World) -> Months {
    let mut months = Months::new();
    let (mut period, last) = ("2026-08".parse::<Period>().unwrap(), Period::of(now()));
    while period <= last {
        let stream = Ledger::stream(LedgerId { account: OWNER, period });
        let stored = world.log.read(&stream, 0, 10_000).await.unwrap();
        let events: Vec<LedgerEvent> = stored.iter().map(|event| decode(event).unwrap().0).collect();
        if !events.is_empty() {
            months.insert(period, events);
        }
        period = period.next();
    }
    months
}

fn time_of(event: &LedgerEvent) -> Moment {
    leafcutter_domain::DomainEvent::at(event)
}

/// What had happened by then, folded: granted, held, spent and available of the month that holds the moment.
fn folded(months: &Months, at: Moment) -> [u64; 4] {
    let state = |period: &Period| -> Option<LedgerState> {
        let known = months.get(period)?.iter().filter(|event| time_of(event) <= at);
        let state = known.fold(LedgerState::default(), Ledger::evolve);
        state.period.map(|_| state)
    };
    let present = Period::of(at);
    if let Some(state) = state(&present) {
        return [state.granted, state.held(), state.spent, state.available.total()];
    }
    let last = months.keys().rev().filter(|period| **period < present).find_map(state);
    let lasting = last.map_or(0, |state| state.available.lasting_beyond(present.plus_months(-1)).total());
    [ALLOWANCE + lasting, 0, 0, ALLOWANCE + lasting]
}

fn numbers(value: &Value, fields: &[&str]) -> Vec<u64> {
    fields.iter().map(|field| value[*field].as_u64().unwrap()).collect()
}

/// The balance at a moment, by replay, by a plain fold, and by the statement.
async fn agree(world: &World, months: &Months, at: Moment) {
    let replayed = world.get(&format!("/api/credits?at={at}")).await.json;
    let expected = folded(months, at);
    assert_eq!(numbers(&replayed, &["granted", "held", "spent", "available"]), expected, "at {at}");
    let until = at.plus_millis(1);
    let page = world
        .get(&format!(
            "/api/credits/history?to={until}&limit=1&kind=opened,granted,reserved,charged,refunded,closed"
        ))
        .await;
    // Late entries of closed months come after those of the present month, which is first.
    let newest = &page.json["entries"][0];
    if newest["period"] == replayed["period"] {
        assert_eq!(numbers(newest, &["held", "spent", "balance"]), expected[1..], "at {at}");
    } else {
        assert_eq!(expected[1..3], [0, 0], "at {at} no month had begun");
    }
}

async fn holds(world: &World, steps: &[(i64, Step)]) {
    let at = "2026-08-10T00:00:00Z".parse().unwrap();
    let mut life = Life { world, at, open: None, rounds: vec![], serial: 0 };
    life.live(steps).await;
    let projector = world.project();
    let months = months(world).await;
    let events: Vec<Moment> = months.values().flatten().map(time_of).collect();
    let every = events.len().div_ceil(MOMENTS_MAX);
    let mut moments: Vec<Moment> = events.into_iter().step_by(every.max(1)).collect();
    moments.extend(["2026-09", "2026-10", "2026-11"].map(|month| month.parse::<Period>().unwrap().start()));
    for moment in moments {
        agree(world, &months, moment.plus_millis(-1).max(at)).await;
        agree(world, &months, moment).await;
    }
    projector.shutdown().await;
}

fn cases() -> u32 {
    if std::env::var_os("LEAFCUTTER_TEST_FULL").is_some() { 60 } else { 6 }
}

fn held_in(world: impl AsyncFn() -> World) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = ProptestConfig { cases: cases(), ..ProptestConfig::with_source_file(file!()) };
    let held = TestRunner::new(config).run(&lives(), |steps| {
        runtime.block_on(async { holds(&world().await, &steps).await });
        Ok(())
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn at_any_moment_replay_fold_and_statement_agree_in_sqlite() {
    held_in(World::new);
}

#[test]
fn at_any_moment_replay_fold_and_statement_agree_in_postgres() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Postgres::shared());
    held_in(async || World::with_database(&server.database().await).await);
}
