//! The ledger as a file: the chain can be walked from it, and a spreadsheet can read it.

use crate::{
    support::{Answer, World},
    tampering::{OCTOBER, run, stream},
};
use leafcutter_ledger_proof::{Entry, Walk};
use serde_json::{Value, json};

fn lines(answer: &Answer) -> Vec<Value> {
    let text = String::from_utf8(answer.bytes.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn world() -> World {
    let world = World::new().await;
    world.three_months().await;
    world
}

#[tokio::test]
async fn the_chain_is_walked_from_the_lines_to_the_head() {
    let world = world().await;
    let answer = world.get("/api/credits/export").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/jsonl"));
    let mut walk = Walk::default();
    for line in lines(&answer) {
        let entry: Entry = serde_json::from_value(line).unwrap();
        assert!(walk.step(&entry));
    }
    let walked = walk.finish();
    assert_eq!((walked.fault, walked.entries), (None, 16));
    let head = world.get("/api/credits").await.json["head"].clone();
    assert_eq!(walked.tails.last().unwrap().entry.hash, head["entries"][2]["hash"]);
}

#[tokio::test]
async fn a_line_says_what_moved_and_holds_the_stored_data() {
    let world = world().await;
    let lines = lines(&world.get("/api/credits/export?format=jsonl").await);
    let charged =
        lines.iter().find(|line| line["stream"] == stream(OCTOBER) && line["revision"] == 2).unwrap();
    let expected = json!({
        "name": "CreditsCharged", "kind": "charged", "amount": 1, "change": 1, "balance": 95, "held": 4,
        "items": [0], "attempt": 1, "reason": "completed", "batch": "00000000-0000-0000-0000-000000000002",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&charged[field], value, "{field} of {charged}");
    }
    let data: Value = serde_json::from_str(charged["data"].as_str().unwrap()).unwrap();
    assert_eq!((&data["amount"], &data["released"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&lines[0]["kind"], &lines[0]["batch"], &lines[0]["items"]),
        (&json!("opened"), &Value::Null, &json!([]))
    );
}

#[tokio::test]
async fn a_spreadsheet_gets_the_same_lines_without_the_data() {
    let world = world().await;
    let answer = world.get("/api/credits/export?format=csv").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/csv"));
    let text = String::from_utf8(answer.bytes.clone()).unwrap();
    let rows: Vec<&str> = text.split("\r\n").collect();
    assert_eq!((rows.len(), rows[17]), (18, ""), "a line for each entry, one for the names, one end");
    assert!(
        rows[0].starts_with("stream,revision,id,name,") && rows[0].ends_with(",items,attempt,reason,causes")
    );
    let reserved = rows.iter().find(|row| row.contains("reserved")).unwrap();
    assert!(reserved.contains(",0 1 2,,"), "{reserved}");
    assert!(rows.iter().all(|row| row.is_empty() || row.split(',').count() == 18));
}

#[tokio::test]
async fn a_part_by_time_is_a_part_of_the_chain() {
    let world = world().await;
    let all = lines(&world.get("/api/credits/export").await);
    for (query, count) in [
        ("from=2026-11-15T12:00:00Z", 16),
        ("from=2026-11-15T12:00:00.001Z", 0),
        ("to=2026-11-15T12:00:00Z", 0),
        ("to=2026-11-15T13:00:00%2B01:00", 0),
        ("from=2020-01-01T00:00:00Z&to=2030-01-01T00:00:00Z", 16),
    ] {
        let part = lines(&world.get(&format!("/api/credits/export?{query}")).await);
        assert_eq!(part, all[..count], "{query}");
    }
    for wrong in ["format=xml", "from=yesterday", "to=", "from=1&to=2", "form=2026-11-01T00:00:00Z"] {
        let refused = world.get(&format!("/api/credits/export?{wrong}")).await;
        assert_eq!((refused.status, &refused.json["code"]), (422, &json!("VALIDATION_FAILED")), "{wrong}");
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_a_line_all_the_same() {
    let world = world().await;
    let mut connection = world.tamper().await;
    run(&mut connection, OCTOBER, "UPDATE events SET name = 'Elsewhere' WHERE stream = $1 AND revision = 2")
        .await;
    let lines = lines(&world.get("/api/credits/export").await);
    assert_eq!(lines.len(), 16);
    let unread = lines.iter().find(|line| line["name"] == "Elsewhere").unwrap();
    assert_eq!((&unread["kind"], &unread["amount"]), (&Value::Null, &Value::Null));
    assert!(unread["data"].as_str().unwrap().contains("released"));
}
