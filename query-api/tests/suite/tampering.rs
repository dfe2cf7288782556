//! A ledger of three months, made by the real commands, and hands that change it behind the service's back: SQL on the
//! very file that holds the log.

use crate::support::{OWNER, World, now};
use leafcutter_domain::{
    BatchId, GrantId, Period, ReservationId,
    ledger::{
        ClosePeriod, Funds, Grant, OpenPeriod, PreviousPeriod, RefundReason, Reserve, Settle, Settlement,
        SettlementEntry,
    },
};
use leafcutter_event_store::LedgerId;
use leafcutter_ledger_proof::{ChainLink, event_id, link_hash};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use uuid::Uuid;

pub(crate) const AUGUST: &str = "2026-08";
pub(crate) const OCTOBER: &str = "2026-10";
pub(crate) const NOVEMBER: &str = "2026-11";

/// The name of the owner's stream of a month.
pub(crate) fn stream(month: &str) -> String {
    format!("ledger-{OWNER}-{month}")
}

fn batch(number: u128) -> BatchId {
    BatchId(Uuid::from_u128(number))
}

impl World {
    /// August with a late refund after its close, October, and November, which is open: 7, 5 and 4 events.
    pub(crate) async fn three_months(&self) {
        let grant = Grant {
            grant: GrantId(Uuid::from_u128(5)),
            funds: Funds::of("2027-08".parse().unwrap(), 30),
            released_by: None,
            at: now(),
        };
        self.open(AUGUST, None).await;
        self.ledger(AUGUST, grant).await;
        self.reserve(AUGUST, 1).await;
        self.settle(AUGUST, 1, &[(0, true)]).await;
        self.ledger(AUGUST, ClosePeriod { next: OCTOBER.parse().unwrap(), at: now() }).await;
        let close = self.hash(AUGUST).await;
        self.settle(AUGUST, 1, &[(1, false), (2, true)]).await;
        self.open(OCTOBER, Some((AUGUST, close))).await;
        self.reserve(OCTOBER, 2).await;
        self.settle(OCTOBER, 2, &[(0, true), (1, false), (2, false)]).await;
        self.ledger(OCTOBER, ClosePeriod { next: NOVEMBER.parse().unwrap(), at: now() }).await;
        self.open(NOVEMBER, Some((OCTOBER, self.hash(OCTOBER).await))).await;
        self.reserve(NOVEMBER, 3).await;
        self.settle(NOVEMBER, 3, &[(0, true), (1, true)]).await;
    }

    async fn open(&self, month: &str, previous: Option<(&str, String)>) {
        let period: Period = month.parse().unwrap();
        let previous = previous.map(|(month, hash)| PreviousPeriod { period: month.parse().unwrap(), hash });
        let (carried, at) = (Funds::default(), now());
        let open = OpenPeriod { account: OWNER, period, previous, allowance: 100, carried, at };
        self.ledger(month, open).await;
    }

    async fn reserve(&self, month: &str, number: u128) {
        let batch = batch(number);
        let reservation = ReservationId::of(batch, 1);
        let (items, per_item, open_max, at) = (vec![0, 1, 2], 2, 9, now());
        self.ledger(month, Reserve { reservation, batch, round: 1, items, per_item, open_max, at }).await;
    }

    /// Settles items of a batch: paid for, or given back.
    async fn settle(&self, month: &str, number: u128, items: &[(u16, bool)]) {
        let settlement = |paid| match paid {
            true => Settlement::Charge { attempt: 1, amount: 1, failure: None },
            false => Settlement::Refund(RefundReason::Failed),
        };
        let entries = items
            .iter()
            .map(|(item, paid)| SettlementEntry { item: *item, settlement: settlement(*paid) })
            .collect();
        let reservation = ReservationId::of(batch(number), 1);
        self.ledger(month, Settle { reservation, entries, at: now() }).await;
    }

    async fn hash(&self, month: &str) -> String {
        let id = LedgerId { account: OWNER, period: month.parse().unwrap() };
        self.ledgers.inspect(id, |folded| folded.head_hash().unwrap().to_owned()).await.unwrap()
    }

    /// The file of the log, opened by somebody else.
    pub(crate) async fn tamper(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.file("log.sqlite")).connect().await.unwrap()
    }
}

/// Runs a statement with `$1` as the stream of a month, which must change something.
pub(crate) async fn run(connection: &mut SqliteConnection, month: &str, sql: &'static str) {
    let done = sqlx::query(sql).bind(stream(month)).execute(connection).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql}");
}

/// Makes ids and links of a month anew from an event on, as someone would who hides what he did.
pub(crate) async fn chain_anew(connection: &mut SqliteConnection, month: &str, from: i64, count: i64) {
    let stream = stream(month);
    for revision in from..from + count {
        let select = "SELECT name, data, metadata FROM events WHERE stream = $1 AND revision = $2";
        let row = |revision| sqlx::query(select).bind(&stream).bind(revision);
        let Some(event) = row(revision).fetch_optional(&mut *connection).await.unwrap() else { return };
        let before = row(revision - 1).fetch_optional(&mut *connection).await.unwrap();
        let beside = |row: &sqlx::sqlite::SqliteRow| -> Value {
            serde_json::from_slice(row.get::<&[u8], _>("metadata")).unwrap()
        };
        let prev = before.map_or(String::new(), |row| beside(&row)["hash"].as_str().unwrap().to_owned());
        let (name, data, metadata) = (event.get::<&str, _>("name"), event.get("data"), beside(&event));
        let (occurred_at, revision_number) =
            (metadata["occurredAt"].as_str().unwrap(), revision.unsigned_abs());
        let id = event_id(&stream, revision_number, name, data);
        let hash = link_hash(&ChainLink {
            prev: &prev,
            stream: &stream,
            revision: revision_number,
            id: &id.to_string(),
            name,
            occurred_at,
            data,
        });
        let anew =
            json!({"version": metadata["version"], "occurredAt": occurred_at, "prev": prev, "hash": hash});
        let update = "UPDATE events SET id = $3, metadata = $4 WHERE stream = $1 AND revision = $2";
        let update = sqlx::query(update).bind(&stream).bind(revision).bind(id);
        update.bind(anew.to_string().into_bytes()).execute(&mut *connection).await.unwrap();
    }
}
