//! The other wire format, for the same batches.

use crate::support::{STRANGER_KEY, World};
use leafcutter_domain::OutputFormat::Markdown;
use serde_json::{Value, json};

#[tokio::test]
async fn a_batch_is_shown_as_sessions() {
    let world = World::new().await;
    let batch = world.submit(1, 2, Markdown).await;
    world.start(batch, 0).await;
    world.fail(batch, 0).await;
    world.start(batch, 1).await;
    let data = world.get(&format!("/v1/batch-sessions/{batch}")).await.json["data"].clone();
    assert_eq!((&data["batch_id"], &data["status"]), (&json!(batch.0), &json!("processing")));
    let counts = ["total", "completed", "failed", "processing", "pending"];
    let counts = counts.map(|name| data[format!("{name}_requests")].as_u64().unwrap());
    assert_eq!(counts, [2, 0, 1, 1, 0]);
    assert_eq!(data["progress"], json!({"percentage": 50.0, "current_phase": "configuring"}));
    assert_eq!((&data["error"], &data["actual_completion_time"]), (&Value::Null, &Value::Null));
    let session = &data["sessions"][0];
    assert_eq!((&session["item_index"], &session["status"]), (&json!(0), &json!("failed")));
    assert_eq!((&session["error"], &session["retry_count"]), (&json!("The page answered 500."), &json!(0)));
    assert_eq!((&session["cdp_url"], &session["live_view_url"]), (&Value::Null, &Value::Null));
    assert_eq!(session["metadata"]["error_code"], "HTTP_STATUS");
}

#[tokio::test]
async fn a_session_that_was_started_again_counts_its_retries() {
    let world = World::new().await;
    let batch = world.submit(1, 1, Markdown).await;
    for round in 2..=3 {
        world.start(batch, 0).await;
        world.fail(batch, 0).await;
        world.retry(batch, round).await;
    }
    let data = world.get(&format!("/v1/batch-sessions/{batch}")).await.json["data"].clone();
    assert_eq!((&data["status"], &data["sessions"][0]["status"]), (&json!("processing"), &json!("pending")));
    assert_eq!(data["sessions"][0]["retry_count"], 1);
}

#[tokio::test]
async fn the_list_keeps_to_its_filters_and_says_where_it_is() {
    let world = World::new().await;
    let projector = world.project();
    for number in 1..=4 {
        let batch = world.submit(number, 1, Markdown).await;
        if number % 2 == 0 {
            world.start(batch, 0).await;
        }
    }
    let list = |query: &'static str| {
        let world = &world;
        async move {
            let data = world.get(&format!("/v1/batch-sessions?{query}")).await.json["data"].clone();
            let found = data["batches"].as_array().unwrap().iter();
            let seconds = found.map(|one| one["created_at"].as_str().unwrap()[17..19].to_owned());
            (seconds.collect::<Vec<_>>(), data["pagination"].clone())
        }
    };
    let (found, pagination) = list("limit=3").await;
    assert_eq!(found, ["04", "03", "02"]);
    let expected = json!({
        "current_page": 1, "total_pages": 2, "total_records": 4, "has_next": true, "has_prev": false
    });
    assert_eq!(pagination, expected);
    assert_eq!(list("limit=3&page=2").await.1["has_prev"], true);
    assert_eq!(list("status=processing").await.0, ["04", "02"]);
    let between = "created_after=2026-11-15T12:00:01Z&created_before=2026-11-15T13:00:04%2B01:00";
    assert_eq!(list(between).await.0, ["03", "02"]);
    projector.shutdown().await;
}

#[tokio::test]
async fn errors_are_written_in_this_format() {
    let world = World::new().await;
    let batch = world.submit(1, 1, Markdown).await;
    let one = format!("/v1/batch-sessions/{batch}");
    for (path, key, status) in [
        ("/v1/batch-sessions?limit=101", "lc_owner", 400),
        ("/v1/batch-sessions?page=0", "lc_owner", 400),
        ("/v1/batch-sessions?status=running", "lc_owner", 400),
        ("/v1/batch-sessions?created_after=yesterday", "lc_owner", 400),
        ("/v1/batch-sessions", "lc_nobody", 401),
        (one.as_str(), STRANGER_KEY, 404),
        ("/v1/batch-sessions/nonsense", "lc_owner", 404),
    ] {
        let refused = world.ask(path, &[("anchor-api-key", key)]).await;
        assert_eq!((refused.status, &refused.json["error"]["code"]), (status, &json!(status)), "{path}");
    }
    assert_eq!(world.ask(&one, &[]).await.status, 401);
}
