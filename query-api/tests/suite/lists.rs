//! The list of batches: current, newest first, in pages.

use crate::support::{STRANGER_KEY, World};
use leafcutter_domain::OutputFormat::{Json, Markdown};
use serde_json::{Value, json};

fn created(list: &Value) -> Vec<&str> {
    list["jobs"].as_array().unwrap().iter().map(|job| &job["createdAt"].as_str().unwrap()[17..19]).collect()
}

#[tokio::test]
async fn the_list_shows_each_batch_at_once_newest_first() {
    let world = World::new().await;
    let projector = world.project();
    for number in 1..=5 {
        let output = if number == 5 { Json } else { Markdown };
        world.submit(number, 1, output).await;
        let list = world.get("/api/batch/scrape").await.json;
        assert_eq!(list["pagination"]["total"], number);
    }
    let list = world.get("/api/batch/scrape?page=1&limit=2").await.json;
    assert_eq!(created(&list), ["05", "04"]);
    assert_eq!(list["pagination"], json!({"page": 1, "limit": 2, "total": 5, "totalPages": 3}));
    let newest = &list["jobs"][0];
    assert_eq!((&newest["outputFormat"], &newest["scrapingChannel"]), (&json!("json"), &json!("api")));
    assert_eq!((&newest["uuid"], &newest["finishedAt"]), (&newest["batchId"], &Value::Null));
    let last = world.get("/api/batch/scrape?page=3&limit=2").await.json;
    assert_eq!(created(&last), ["01"]);
    let beyond = world.get("/api/batch/scrape?page=2147483647&limit=50").await.json;
    assert_eq!(created(&beyond), [""; 0]);
    let foreign = world.ask("/api/batch/scrape", &[("x-api-key", STRANGER_KEY)]).await.json;
    assert_eq!(foreign["pagination"], json!({"page": 1, "limit": 20, "total": 0, "totalPages": 0}));
    projector.shutdown().await;
}

#[tokio::test]
async fn a_page_or_limit_out_of_bounds_is_named() {
    let world = World::new().await;
    for (query, named) in [
        ("page=0", "page"),
        ("page=2147483648", "page"),
        ("page=x", "page"),
        ("page=-1", "page"),
        ("limit=0", "limit"),
        ("limit=51", "limit"),
        ("limit=", "limit"),
        ("page=1&page=2", "page"),
    ] {
        let refused = world.get(&format!("/api/batch/scrape?{query}")).await;
        assert_eq!((refused.status, &refused.json["code"]), (422, &json!("VALIDATION_FAILED")), "{query}");
        let fault = refused.json["errors"][0].as_str().unwrap();
        assert!(fault.contains(named), "{query}: {fault}");
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_current_in_time_is_refused() {
    let world = World::new().await;
    world.submit(1, 1, Markdown).await;
    let refused = world.get("/api/batch/scrape").await;
    assert_eq!((refused.status, &refused.json["code"]), (503, &json!("SERVICE_BUSY")));
    assert_eq!((refused.header("retry-after"), &refused.json["retry_after"]), ("1", &json!(1)));
}
