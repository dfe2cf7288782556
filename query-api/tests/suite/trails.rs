//! The audit trail of a batch: every event with who, when, how long and why; nothing secret; only for its owner.

use crate::support::{STRANGER_KEY, World};
use leafcutter_domain::OutputFormat::Markdown;
use serde_json::{Value, json};

/// A batch of two pages: one done, one failed, started again by a retry and put back, then
/// cancelled and erased.
async fn told(world: &World) -> String {
    let batch = world.submit(1, 2, Markdown).await;
    world.start(batch, 0).await;
    world.start(batch, 1).await;
    world.complete(batch, 0, "text", None).await;
    world.fail(batch, 1).await;
    world.retry(batch, 2).await;
    world.start(batch, 1).await;
    world.put_back(batch, 1, 2).await;
    world.cancel(batch).await;
    world.erase(batch).await;
    format!("/api/batch/scrape/{batch}/history")
}

#[tokio::test]
async fn a_batch_tells_every_event_with_attempt_worker_proxy_duration_and_reason() {
    let world = World::new().await;
    let answer = world.get(&told(&world).await).await;
    let events = answer.json["events"].as_array().unwrap();
    let fields =
        ["type", "items", "round", "attempt", "proxyCountry", "durationMs", "code", "reason", "credits"];
    let told: Vec<Value> =
        events.iter().map(|event| fields.iter().map(|field| event[field].clone()).collect()).collect();
    let expected = [
        json!(["BatchSubmitted", [], 1, null, null, null, null, null, 4]),
        json!(["ItemQueued", [0], null, null, null, null, null, null, null]),
        json!(["ItemQueued", [1], null, null, null, null, null, null, null]),
        json!(["ItemStarted", [0], 1, 1, "eu", null, null, null, null]),
        json!(["ItemStarted", [1], 1, 1, "eu", null, null, null, null]),
        json!(["ItemCompleted", [0], 1, 1, "eu", 300, null, null, 2]),
        json!(["ItemFailed", [1], 1, 1, "eu", 100, "HTTP_STATUS", "The page answered 500.", 0]),
        json!(["BatchCompleted", [], null, null, null, null, null, null, null]),
        json!(["RetryRequested", [1], 2, null, null, null, null, null, 2]),
        json!(["ItemStarted", [1], 2, 2, "eu", null, null, null, null]),
        json!(["ItemRequeued", [1], 2, 2, "eu", 1000, null, "putBack", null]),
        json!(["BatchCancelled", [1], null, null, null, null, null, null, null]),
        json!(["ResultsErased", [], null, null, null, null, null, "operator", null]),
    ];
    assert_eq!(told, expected);
    let revisions: Vec<u64> = events.iter().map(|event| event["revision"].as_u64().unwrap()).collect();
    assert_eq!(revisions, (0..13).collect::<Vec<_>>());
    let worker = json!("00000000-0000-0000-0000-000000000000");
    assert!([3, 5, 6, 9, 10].iter().all(|&event| events[event]["worker"] == worker));
    assert_eq!((&events[5]["httpStatus"], &events[5]["tokens"]), (&json!(200), &json!(0)));
    assert_eq!(events[2]["url"], "https://example.com/1");
}

#[tokio::test]
async fn nothing_that_proves_a_claim_or_recognises_a_request_is_told() {
    let world = World::new().await;
    let path = told(&world).await;
    for format in ["json", "jsonl", "csv"] {
        let answer = world.get(&format!("{path}?format={format}")).await;
        let text = String::from_utf8(answer.bytes).unwrap().to_lowercase();
        for hidden in ["lease", "claim", "fingerprint", "idempotency", "hash", "cookie"] {
            assert!(!text.contains(hidden), "{format} tells the {hidden}");
        }
    }
}

#[tokio::test]
async fn the_trail_comes_as_lines_and_as_a_table_too() {
    let world = World::new().await;
    let path = told(&world).await;
    let whole = world.get(&path).await.json;
    let lines = world.get(&format!("{path}?format=jsonl")).await;
    let text = String::from_utf8(lines.bytes.clone()).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.header("content-type"), &json!(events)), ("application/jsonl", &whole["events"]));
    let table = world.get(&format!("{path}?format=csv")).await;
    assert_eq!(table.header("content-type"), "text/csv");
    let text = String::from_utf8(table.bytes).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split(',').collect()).collect();
    assert_eq!((rows.len(), rows[0].len(), rows[0][4]), (14, 19, "type"));
    assert_eq!((rows[7][4], rows[7][6], rows[7][14]), ("ItemFailed", "1", "HTTP_STATUS"));
    assert_eq!(world.get(&format!("{path}?format=xml")).await.status, 422);
    assert_eq!(world.get(&format!("{path}?from=xml")).await.status, 422);
}

#[tokio::test]
async fn the_trail_of_another_account_and_of_no_batch_is_not_there() {
    let world = World::new().await;
    let path = told(&world).await;
    assert_eq!(world.ask(&path, &[("x-api-key", STRANGER_KEY)]).await.status, 404);
    let none = world.submit(9, 1, Markdown).await;
    assert_eq!(world.get(&format!("/api/batch/scrape/{none}/history")).await.status, 200);
    for id in ["00000000-0000-0000-0000-0000000000ff", "nonsense"] {
        assert_eq!(world.get(&format!("/api/batch/scrape/{id}/history")).await.status, 404);
    }
}
