//! The ledger recomputed from the log: what is right, and everything that somebody did to it.

use crate::{
    support::{World, now},
    tampering::{AUGUST, NOVEMBER, OCTOBER, chain_anew, run, stream},
};
use leafcutter_ledger_proof::{Audit, Contradiction, Entry, Proof, read_heads};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

/// All events of the three months.
const EVENTS: u64 = 16;

async fn verify(world: &World) -> Value {
    let answer = world.get("/api/credits/verify").await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json
}

/// Three months that are in the tables.
async fn world() -> World {
    let world = World::new().await;
    world.three_months().await;
    world.project_once().await;
    world
}

/// Does something to a month behind the service's back and asserts what is found and where.
async fn found(month: &str, sql: &[&'static str], kind: &str, at: (&str, u64)) {
    let world = world().await;
    let mut connection = world.tamper().await;
    for sql in sql {
        run(&mut connection, month, sql).await;
    }
    let answer = verify(&world).await;
    let fault = &answer["fault"];
    let place = (fault["kind"].as_str(), fault["stream"].as_str(), fault["revision"].as_u64());
    assert_eq!(place, (Some(kind), Some(stream(at.0).as_str()), Some(at.1)), "{sql:?}: {answer}");
    assert_eq!((&answer["valid"], &answer["head"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn a_ledger_that_nobody_touched_is_valid_and_the_tables_agree() {
    let world = world().await;
    let answer = verify(&world).await;
    let agrees = json!({"agrees": true, "difference": null});
    assert_eq!((&answer["valid"], &answer["fault"]), (&json!(true), &Value::Null), "{answer}");
    assert_eq!((&answer["months"], &answer["entries"]), (&json!(3), &json!(EVENTS)), "{answer}");
    assert_eq!(answer["readModel"], agrees);
    assert_eq!(answer["head"], world.get("/api/credits").await.json["head"]);
}

#[tokio::test]
async fn an_account_that_never_moved_a_credit_is_valid() {
    let answer = verify(&World::new().await).await;
    assert_eq!(
        (&answer["valid"], &answer["months"], &answer["entries"]),
        (&json!(true), &json!(0), &json!(0))
    );
    assert_eq!(answer["head"]["entries"], json!([]));
}

#[tokio::test]
async fn a_changed_event_is_named() {
    let price = "UPDATE events SET data = replace(data, '\"amount\":1', '\"amount\":2') WHERE stream = $1 AND revision = 2";
    found(OCTOBER, &[price], "changed", (OCTOBER, 2)).await;
    let later = "UPDATE events SET metadata = replace(metadata, '2026-11-15T12', '2026-11-15T13') WHERE stream = $1 AND revision = 1";
    found(NOVEMBER, &[later], "changed", (NOVEMBER, 1)).await;
    let name = "UPDATE events SET name = 'CreditsRefunded' WHERE stream = $1 AND revision = 2";
    found(OCTOBER, &[name], "changed", (OCTOBER, 2)).await;
    let unread = "UPDATE events SET metadata = x'7b' WHERE stream = $1 AND revision = 1";
    found(OCTOBER, &[unread], "changed", (OCTOBER, 1)).await;
}

#[tokio::test]
async fn a_removed_event_or_month_is_named() {
    let middle = "DELETE FROM events WHERE stream = $1 AND revision = 2";
    found(OCTOBER, &[middle], "removed", (OCTOBER, 2)).await;
    let closed_up = "UPDATE events SET revision = revision - 1 WHERE stream = $1 AND revision > 2";
    found(OCTOBER, &[middle, closed_up], "removed", (OCTOBER, 2)).await;
    let end = "DELETE FROM events WHERE stream = $1 AND revision >= 3";
    found(OCTOBER, &[end], "removed", (OCTOBER, 3)).await;
    let all = "DELETE FROM events WHERE stream = $1";
    found(AUGUST, &[all], "removed", (AUGUST, 0)).await;
    found(OCTOBER, &[all], "removed", (OCTOBER, 0)).await;
}

#[tokio::test]
async fn an_inserted_event_is_named() {
    let room = "UPDATE events SET revision = revision + 100 WHERE stream = $1 AND revision >= 2";
    let back = "UPDATE events SET revision = revision - 99 WHERE stream = $1 AND revision >= 100";
    let copy = "INSERT INTO events (category, stream, revision, id, name, data, metadata)
        SELECT category, stream, 2, id, name, data, metadata FROM events WHERE stream = $1 AND revision = 1";
    found(OCTOBER, &[room, back, copy], "inserted", (OCTOBER, 2)).await;
    let other = "INSERT INTO events (category, stream, revision, id, name, data, metadata)
        SELECT category, stream, 2, x'00000000000000000000000000000000', 'CreditsGranted', x'7b7d', metadata
        FROM events WHERE stream = $1 AND revision = 1";
    found(OCTOBER, &[room, back, other], "inserted", (OCTOBER, 2)).await;
}

#[tokio::test]
async fn two_events_in_each_others_place_are_named() {
    let swap = "UPDATE events SET revision = -1 WHERE stream = $1 AND revision = 1";
    let second = "UPDATE events SET revision = 1 WHERE stream = $1 AND revision = 2";
    let first = "UPDATE events SET revision = 2 WHERE stream = $1 AND revision = -1";
    found(OCTOBER, &[swap, second, first], "reordered", (OCTOBER, 1)).await;
}

#[tokio::test]
async fn a_change_with_its_own_hash_made_anew_is_named() {
    for (month, revision) in [(OCTOBER, 2), (AUGUST, 4)] {
        let world = world().await;
        let mut connection = world.tamper().await;
        let at =
            "UPDATE events SET data = replace(data, '2026-11-15T12:00:00.000Z', '2026-11-15T12:00:00.001Z')
            WHERE stream = $1 AND revision IN (2, 4)";
        run(&mut connection, month, at).await;
        chain_anew(
            &mut connection,
            month,
            if month == OCTOBER { 2 } else { 0 },
            if month == OCTOBER { 1 } else { 100 },
        )
        .await;
        let answer = verify(&world).await;
        let fault = &answer["fault"];
        assert_eq!(fault["kind"], "changed", "{answer}");
        assert_eq!((&fault["stream"], &fault["revision"]), (&json!(stream(month)), &json!(revision)));
    }
}

#[tokio::test]
async fn credits_that_come_from_nowhere_are_named_also_in_a_chain_made_anew() {
    let world = world().await;
    let mut connection = world.tamper().await;
    let free = "UPDATE events SET data = replace(data, '\"released\":1', '\"released\":9') WHERE stream = $1 AND revision = 2";
    run(&mut connection, NOVEMBER, free).await;
    chain_anew(&mut connection, NOVEMBER, 0, 100).await;
    let answer = verify(&world).await;
    assert_eq!(
        (&answer["fault"]["kind"], &answer["fault"]["revision"]),
        (&json!("unbalanced"), &json!(2)),
        "{answer}"
    );
    let before = answer["entries"].clone();
    run(&mut connection, NOVEMBER, "UPDATE events SET data = '{}' WHERE stream = $1 AND revision = 2").await;
    chain_anew(&mut connection, NOVEMBER, 0, 100).await;
    let answer = verify(&world).await;
    assert_eq!(answer["fault"]["kind"], "unreadable");
    // A link that does not fit, at the same place.
    run(&mut connection, NOVEMBER, "UPDATE events SET data = '{ }' WHERE stream = $1 AND revision = 2").await;
    let broken = verify(&world).await;
    assert_eq!(broken["fault"]["kind"], "changed");
    assert_eq!(
        [&before, &answer["entries"]],
        [&broken["entries"]; 2],
        "the entries before it, whatever it is"
    );
}

#[tokio::test]
async fn a_row_that_differs_from_the_log_is_named() {
    for (sql, words) in [
        (
            "UPDATE ledger_entries SET amount = 7 WHERE period = '2026-10' AND revision = 2",
            "2026-10: event 2 has amount 1 in the log and 7 in the read models",
        ),
        (
            "UPDATE ledger_entries SET batch = NULL WHERE period = '2026-08' AND revision = 2",
            "2026-08: event 2 is about something else",
        ),
        (
            "DELETE FROM ledger_entries WHERE period = '2026-11' AND revision = 3",
            "2026-11: event 3 is in the log and not in the read models",
        ),
        (
            "UPDATE ledger_entries SET revision = 50 WHERE period = '2026-10' AND revision = 4",
            "2026-10: event 4 is in the log and not in the read models",
        ),
        (
            "INSERT INTO ledger_entries SELECT account, period, 60, event, position, kind, at, amount, change, balance, held, spent, batch, round, reservation, items, attempt, reason FROM ledger_entries WHERE period = '2026-10' AND revision = 4",
            "2026-10: event 60 is in the read models and not in the log",
        ),
        (
            "UPDATE ledger_entries SET period = '2026-12' WHERE period = '2026-11' AND revision = 3",
            "2026-11: event 3 is in the log and not",
        ),
        (
            "INSERT INTO ledger_entries SELECT account, '2026-12', revision, event, position, kind, at, amount, change, balance, held, spent, batch, round, reservation, items, attempt, reason FROM ledger_entries WHERE period = '2026-11' AND revision = 3",
            "2026-12: event 3 is in the read models and not in the log",
        ),
    ] {
        let world = world().await;
        let mut tables =
            SqliteConnectOptions::new().filename(world.file("read.sqlite")).connect().await.unwrap();
        assert!(sqlx::query(sql).execute(&mut tables).await.unwrap().rows_affected() > 0, "{sql}");
        let answer = verify(&world).await;
        let difference = answer["readModel"]["difference"].as_str().unwrap_or_default();
        assert!(answer["valid"] == true && difference.contains(words), "{sql}: {answer}");
    }
}

#[tokio::test]
async fn tables_that_lag_are_said_not_to_be_compared_and_the_log_is_verified_all_the_same() {
    let world = World::new().await;
    world.three_months().await;
    let answer = verify(&world).await;
    assert_eq!((&answer["valid"], &answer["entries"]), (&json!(true), &json!(EVENTS)));
    assert!(answer["readModel"]["difference"].as_str().unwrap().contains("lag"), "{answer}");
}

/// The audit of a head against the export, as the command makes it.
async fn audited(world: &World, held: &Value) -> Result<Proof, Contradiction> {
    let present = read_heads(&world.get("/api/credits").await.json.to_string()).unwrap().remove(0);
    let mut audit = Audit::new(read_heads(&held.to_string()).unwrap(), Some(present), &[])?;
    let export = world.get("/api/credits/export").await;
    for line in String::from_utf8(export.bytes).unwrap().lines() {
        let entry: Entry = serde_json::from_str(line).unwrap();
        audit.step(&entry);
    }
    audit.finish()
}

#[tokio::test]
async fn a_cut_tail_with_another_chain_in_its_place_is_valid_in_itself_and_caught_by_a_held_head() {
    let world = world().await;
    let held = world.get("/api/credits").await.json;
    let proof = audited(&world, &held).await.unwrap();
    assert_eq!((proof.entries, proof.covered, proof.since), (EVENTS, EVENTS, now().to_string()));
    let mut connection = world.tamper().await;
    run(&mut connection, NOVEMBER, "DELETE FROM events WHERE stream = $1 AND revision = 3").await;
    let refund = "UPDATE events SET name = 'CreditsRefunded', data = replace(replace(replace(data, '\"item\":0,\"attempt\":1', '\"items\":[0]'), '\"amount\":1,\"released\":1', '\"amount\":2,\"reason\":\"failed\"'), 'x', 'x')
        WHERE stream = $1 AND revision = 2";
    run(&mut connection, NOVEMBER, refund).await;
    chain_anew(&mut connection, NOVEMBER, 0, 100).await;
    let answer = verify(&world).await;
    assert_eq!((&answer["valid"], &answer["entries"]), (&json!(true), &json!(EVENTS - 1)), "{answer}");
    let caught = audited(&world, &held).await.unwrap_err();
    assert!(matches!(&caught, Contradiction::Missing { entry, .. } if entry.revision == 3), "{caught}");
}
