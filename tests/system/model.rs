//! A service with a language model: results by it, and what its tokens cost, in the ledger and in the statistics.

use crate::{
    harness::{Options, Service, Site},
    model_endpoint::{Endpoint, TOKENS},
    secrets::{arguments_with, files_with},
};
use serde_json::{Value, json};
use std::time::SystemTime;

const KEY: &str = "sk-of-the-tests-0123456789";

fn options(site: &Site, endpoint: &Endpoint) -> Options {
    let options = Options::for_site(site.address).env("LEAFCUTTER_MODEL_URL", &endpoint.url());
    options.env("LEAFCUTTER_MODEL", "leaf-1").env("LEAFCUTTER_MODEL_KEY", KEY)
}

/// What the last row of the statistics says.
async fn today(service: &Service) -> Value {
    let stats = service.api.get("/api/usage-stats?range=7d").await.expect(200);
    stats.body["data"].as_array().unwrap().last().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_of_a_model_are_set_aside_charged_and_shown() {
    let site = Site::open().await;
    let endpoint = Endpoint::answering(&["{\"name\": 7}", "{\"name\": \"Secateurs\"}"]).await;
    let begun = SystemTime::now();
    let service = Service::start(&options(&site, &endpoint)).await;
    let schema = json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}});
    let body = |dry| json!({"urls": [site.url("/product/x")], "schema": schema, "prompt": "its name", "dryRun": dry});
    let price = service.api.try_submit(&body(true)).await.expect(200).body;
    assert_eq!(price["priceList"], 2, "{price}");
    let taken = service.api.try_submit(&body(false)).await.expect(202).body;
    assert_eq!(taken.get("schema_warnings"), None, "a prompt is understood: {taken}");
    let status = service.api.finished(taken["batchId"].as_str().unwrap()).await;
    let item = &status["items"][0];
    assert_eq!(
        (&item["result"], &item["extractor"]),
        (&json!({"name": "Secateurs"}), &json!("model")),
        "{status}"
    );
    // A page costs 2, and two rounds of 1,700 tokens 4 when they are begun thousands.
    let credits = service.api.settled().await;
    assert_eq!((credits.spent, &item["creditsUsed"]), (6, &json!(6)));
    assert!(price["creditsPerItem"].as_u64().unwrap() >= 6, "{price}");
    let today = today(&service).await;
    let tokens = 2 * (TOKENS.0 + TOKENS.1);
    assert_eq!(
        (&today["tokens"], &today["credits"], &today["captchas"]),
        (&json!(tokens), &json!(6), &json!(0))
    );
    assert_eq!(endpoint.asked().len(), 2);
    assert_eq!(arguments_with(KEY, service.home()), Vec::<String>::new(), "the key is an argument");
    assert_eq!(files_with(KEY, service.home().folder(), begun), Vec::<String>::new(), "the key is in a file");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_whose_model_fails_costs_nothing_and_its_tokens_are_counted() {
    let site = Site::open().await;
    let endpoint = Endpoint::answering(&["I would rather not."]).await;
    let service = Service::start(&options(&site, &endpoint)).await;
    let batch = json!({"urls": [site.url("/ok/1")], "prompt": "prices", "scrapeMode": "fast"});
    let batch = service.api.submit(&batch).await;
    let status = service.api.finished(&batch).await;
    let item = &status["items"][0];
    assert_eq!(
        (&item["errorCode"], &item["creditsUsed"]),
        (&json!("SCHEMA_MISMATCH"), &json!(0)),
        "{status}"
    );
    assert_eq!(service.api.settled().await.spent, 0);
    assert_eq!(today(&service).await["tokens"], 2 * (TOKENS.0 + TOKENS.1));
    service.stop().await;
}
