//! Options of a submit that depend on what the server has, and what is told to the worker of them.

use crate::support::{World, batch_of, pages_body};
use axum::http::StatusCode;
use leafcutter_domain::ProxyPlace;
use serde_json::{Value, json};

async fn submit(world: &World, options: Value) -> (StatusCode, Value) {
    let mut body = pages_body(1);
    if let (Some(body), Value::Object(options)) = (body.as_object_mut(), options) {
        body.extend(options);
    }
    world.request("POST", "/api/batch/scrape", None, body).await
}

#[tokio::test]
async fn proxy_robots_and_concurrency_reach_the_worker_as_they_were_asked_for() {
    let world = World::new(100).await;
    let cases = [
        (json!({"useProxy": true}), Some("global"), false, None),
        (json!({"useProxy": true, "proxyCountry": "DE"}), Some("de"), false, None),
        (json!({"useProxy": true, "proxyCountry": "eu"}), Some("eu"), false, None),
        (json!({"useProxy": false, "respectRobots": true}), None, true, None),
        (json!({"concurrency": 50, "respectRobots": false}), None, false, Some(50)),
    ];
    for (asked, place, robots, concurrency) in cases {
        let (status, answer) = submit(&world, asked.clone()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{asked}: {answer}");
        let granted = world.claim(batch_of(&answer), 0).await.unwrap().options;
        let place: Option<ProxyPlace> = place.map(|place| place.parse().unwrap());
        assert_eq!(
            (granted.proxy, granted.respect_robots, granted.concurrency),
            (place, robots, concurrency),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_and_values_out_of_bounds_are_refused_by_name() {
    let world = World::new(100).await;
    let cases = [
        (json!({"useProxy": true, "proxyCountry": "us"}), "PROXY_UNAVAILABLE", "proxyCountry: "),
        (json!({"useProxy": true, "proxyCountry": "usa"}), "VALIDATION_FAILED", "proxyCountry: "),
        (json!({"proxyCountry": "de"}), "VALIDATION_FAILED", "proxyCountry: needs useProxy"),
        (
            json!({"useProxy": false, "proxyCountry": "de"}),
            "VALIDATION_FAILED",
            "proxyCountry: needs useProxy",
        ),
        (json!({"concurrency": 0}), "VALIDATION_FAILED", "concurrency: "),
        (json!({"concurrency": 51}), "VALIDATION_FAILED", "concurrency: "),
        (json!({"webhook": {"url": "https://example.com/"}}), "NOT_SUPPORTED", "webhook: "),
    ];
    for (asked, code, error) in cases {
        let (status, answer) = submit(&world, asked.clone()).await;
        assert_eq!((status, &answer["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(code)), "{asked}");
        assert!(
            answer["errors"][0].as_str().is_some_and(|said| said.starts_with(error)),
            "{asked}: {answer}"
        );
    }
    assert_eq!(world.ledger(world.period()).await.held(), 0);
}
