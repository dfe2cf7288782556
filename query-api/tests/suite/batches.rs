//! The status of one batch: never stale, cheap when unchanged, for its owner only.

use crate::{
    history::id,
    support::{OWNER_KEY, STRANGER_KEY, World},
};
use leafcutter_domain::OutputFormat::{Json, Markdown};
use serde_json::{Value, json};

fn path(batch: leafcutter_domain::BatchId) -> String {
    format!("/api/batch/scrape/{batch}")
}

#[tokio::test]
async fn a_status_has_every_field_of_the_contract() {
    let world = World::new().await;
    let batch = world.submit(1, 2, Json).await;
    world.start(batch, 0).await;
    world.start(batch, 1).await;
    world.complete(batch, 0, r#"{"price": 1.50}"#, None).await;
    world.fail(batch, 1).await;
    let status = world.get(&path(batch)).await.json;
    assert_eq!((&status["status"], &status["totalUrls"]), (&json!("completed"), &json!(2)));
    assert_eq!((&status["completedCount"], &status["failedCount"]), (&json!(1), &json!(1)));
    assert_eq!((&status["batchId"], &status["metadata"]), (&json!(batch.0), &json!({"mine": 1})));
    assert_eq!(status["createdAt"], "2026-11-15T12:00:01.000Z");
    let expected = json!({
        "uuid": leafcutter_domain::item_uuid(batch, 1), "index": 1, "url": "https://example.com/1",
        "jobId": format!("{batch}-1"), "status": "failed", "result": null, "error": "The page answered 500.",
        "errorCode": "HTTP_STATUS", "retryable": true, "attempts": 1, "creditsUsed": 0,
        "startedAt": "2026-11-15T12:00:01.000Z", "finishedAt": "2026-11-15T12:00:01.000Z", "screenshotUrl": null,
        "extractor": null, "finalUrl": "https://example.com/end", "httpStatus": 500,
        "erasedAt": null,
    });
    assert_eq!(status["items"][1], expected);
    assert_eq!(status["items"][0]["result"], json!({"price": 1.50}));
    assert_eq!(
        (&status["items"][0]["creditsUsed"], &status["items"][0]["extractor"]),
        (&json!(2), &json!("rules"))
    );
}

#[tokio::test]
async fn a_row_that_lags_is_completed_from_the_log() {
    let world = World::new().await;
    let batch = world.submit(1, 1, Markdown).await;
    assert_eq!(world.get(&path(batch)).await.json["status"], "pending");
    world.start(batch, 0).await;
    world.fail(batch, 0).await;
    world.project_once().await;
    assert_eq!(world.get(&path(batch)).await.json["status"], "completed");
    // The tables stand still from here on; a client that retries at once must see it at once.
    for round in 2..=20 {
        world.retry(batch, round).await;
        let status = world.get(&path(batch)).await.json;
        assert_eq!((&status["status"], &status["failedCount"]), (&json!("running"), &json!(0)));
        world.start(batch, 0).await;
        world.fail(batch, 0).await;
    }
    assert_eq!(world.get(&path(batch)).await.json["items"][0]["attempts"], 20);
}

#[tokio::test]
async fn an_unchanged_batch_is_answered_with_304_until_something_happens() {
    let world = World::new().await;
    let batch = world.submit(1, 1, Markdown).await;
    let first = world.get(&path(batch)).await;
    let tag = first.header("etag").to_owned();
    let again = |tag: String| {
        let world = &world;
        async move { world.ask(&path(batch), &[("x-api-key", OWNER_KEY), ("if-none-match", &tag)]).await }
    };
    let unchanged = again(tag.clone()).await;
    assert_eq!((unchanged.status, unchanged.header("etag")), (304, tag.as_str()));
    let summary = world.get(&format!("{}?include=summary", path(batch))).await;
    assert_ne!(summary.header("etag"), tag);
    world.project_once().await;
    assert_eq!(again(tag.clone()).await.status, 304);
    world.start(batch, 0).await;
    assert_eq!(again(tag).await.status, 200);
}

#[tokio::test]
async fn results_are_objects_or_text_and_null_when_they_are_gone() {
    let world = World::new().await;
    let batch = world.submit(1, 3, Markdown).await;
    for item in 0..2 {
        world.start(batch, item).await;
    }
    world.complete(batch, 0, "# \"Title\"\n", None).await;
    world.complete(batch, 1, &"x".repeat(1_001), None).await;
    let results = |status: &Value| -> Vec<Value> {
        status["items"].as_array().unwrap().iter().map(|item| item["result"].clone()).collect()
    };
    let status = world.get(&path(batch)).await.json;
    assert_eq!(results(&status), [json!("# \"Title\"\n"), json!(null), json!(null)]);
    let summary = world.get(&format!("{}?include=summary", path(batch))).await.json;
    assert!(summary["items"].as_array().unwrap().iter().all(|item| item.get("result").is_none()));
    world.lose_objects();
    let status = world.get(&path(batch)).await.json;
    assert_eq!(results(&status), [json!(null), json!(null), json!(null)]);
    assert_eq!(status["items"][0]["status"], "completed");
}

#[tokio::test]
async fn a_screenshot_is_for_its_owner_under_an_absolute_url() {
    let world = World::new().await;
    let batch = world.submit(1, 2, Markdown).await;
    world.start(batch, 0).await;
    world.complete(batch, 0, "text", Some(b"\x89PNG")).await;
    let status = world.get(&path(batch)).await.json;
    let place = format!("{}/items/0/screenshot", path(batch));
    assert_eq!(status["items"][0]["screenshotUrl"], format!("http://leaf.example:8080{place}"));
    assert_eq!(status["items"][1]["screenshotUrl"], Value::Null);
    let picture = world.get(&place).await;
    assert_eq!((picture.status, picture.bytes.as_slice()), (200, &b"\x89PNG"[..]));
    assert_eq!(world.ask(&place, &[("x-api-key", STRANGER_KEY)]).await.status, 404);
    for other in ["1", "2", "65536", "x"] {
        assert_eq!(world.get(&format!("{}/items/{other}/screenshot", path(batch))).await.status, 404);
    }
    world.lose_objects();
    assert_eq!(world.get(&place).await.status, 404);
}

#[tokio::test]
async fn a_public_url_goes_before_the_host_of_the_request() {
    let world = World::reached_at(Some("https://leaf.example/base/")).await;
    let batch = world.submit(1, 1, Markdown).await;
    world.start(batch, 0).await;
    world.complete(batch, 0, "text", Some(b"\x89PNG")).await;
    let url = world.get(&path(batch)).await.json["items"][0]["screenshotUrl"].clone();
    assert_eq!(url, format!("https://leaf.example/base{}/items/0/screenshot", path(batch)));
}

#[tokio::test]
async fn another_accounts_batch_is_as_good_as_none() {
    let world = World::new().await;
    let batch = world.submit(1, 1, Markdown).await;
    for projected in [false, true] {
        if projected {
            world.project_once().await;
        }
        let foreign = world.ask(&path(batch), &[("x-api-key", STRANGER_KEY)]).await;
        assert_eq!((foreign.status, &foreign.json["code"]), (404, &json!("NOT_FOUND")));
    }
    for unknown in [path(id(9)), "/api/batch/scrape/nonsense".to_owned(), "/api/batch/scrape/%FF".to_owned()]
    {
        assert_eq!(world.get(&unknown).await.status, 404, "{unknown}");
    }
}

#[tokio::test]
async fn a_key_is_needed_and_must_hold() {
    let world = World::new().await;
    let batch = path(world.submit(1, 1, Markdown).await);
    assert_eq!(world.ask(&batch, &[]).await.status, 401);
    assert_eq!(world.ask(&batch, &[("authorization", "Bearer lc_nobody")]).await.status, 403);
    assert_eq!(world.ask(&batch, &[("authorization", "Bearer lc_owner")]).await.status, 200);
    let refused = world.get(&format!("{batch}?include=everything")).await;
    assert_eq!((refused.status, &refused.json["code"]), (422, &json!("VALIDATION_FAILED")));
}
