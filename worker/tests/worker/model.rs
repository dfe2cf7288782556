//! Pages that are read by a model: whose result it is, what it was given, what it used.

use crate::{
    model_endpoint::{Endpoint, TOKENS},
    site::Site,
    support::{Order, System},
};
use leafcutter_dispatch::{Outcome, Report};
use leafcutter_domain::{ErrorCode, ModelBudget, OutputFormat, ScrapeMode, ScrapeOptions, batch::Extractor};
use leafcutter_worker::ModelSettings;
use serde_json::json;

async fn system(site: &Site, endpoint: &Endpoint) -> System {
    let budget = ModelBudget { page_tokens: 2_000, answer_tokens: 500 };
    let settings = ModelSettings::new(endpoint.url().parse().unwrap(), "leaf-1", budget);
    System::with(site, |worker| worker.model = Some(settings)).await
}

fn options(mode: ScrapeMode) -> ScrapeOptions {
    let schema =
        json!({"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}});
    ScrapeOptions { output: OutputFormat::Json, schema: Some(schema), mode, ..ScrapeOptions::default() }
}

async fn report(system: &System, order: Order) -> Report {
    let batch = system.offer(&[order]).await;
    system.report(batch, 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_a_schema_is_read_by_the_model_and_its_tokens_are_reported() {
    let (site, endpoint) =
        (Site::start(None).await, Endpoint::answering(&["{\"title\": \"Plain page\"}"]).await);
    let system = system(&site, &endpoint).await;
    for mode in [ScrapeMode::Default, ScrapeMode::Fast] {
        let order = Order { options: options(mode), ..Order::of(site.url("/plain")) };
        let report = report(&system, order).await;
        let Outcome::Completed(page) = &report.outcome else { panic!("{:?}", report.outcome) };
        assert_eq!(page.extractor, Extractor::Model);
        let result = system.objects.get(&page.result.key, 100_000).await.unwrap();
        assert_eq!(result, "{\"title\":\"Plain page\"}");
        let tokens = (report.usage.model_input_tokens.into(), report.usage.model_output_tokens.into());
        assert_eq!(tokens, TOKENS);
    }
    let asked = endpoint.asked();
    assert!(asked[0]["messages"][1]["content"].as_str().unwrap().contains("# Plain page"), "{}", asked[0]);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asks_for_nothing_is_not_given_to_the_model() {
    let (site, endpoint) = (Site::start(None).await, Endpoint::answering(&["{}"]).await);
    let system = system(&site, &endpoint).await;
    let markdown = ScrapeOptions { mode: ScrapeMode::Fast, ..ScrapeOptions::default() };
    let everything = ScrapeOptions { output: OutputFormat::Json, ..markdown.clone() };
    for (options, extractor) in [(markdown, Extractor::None), (everything, Extractor::Rules)] {
        let (page, _) = system.completed(Order { options, ..Order::of(site.url("/plain")) }).await;
        assert_eq!(page.extractor, extractor);
    }
    assert!(endpoint.asked().is_empty());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_fill_the_schema_ends_the_item_and_its_tokens_are_reported() {
    let (site, endpoint) = (Site::start(None).await, Endpoint::answering(&["{\"title\": 5}"]).await);
    let system = system(&site, &endpoint).await;
    let order = Order { options: options(ScrapeMode::Fast), ..Order::of(site.url("/plain")) };
    let report = report(&system, order).await;
    let Outcome::Failed(failure) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!((failure.code, failure.http_status), (ErrorCode::SchemaMismatch, Some(200)));
    assert_eq!(u64::from(report.usage.model_input_tokens), 2 * TOKENS.0);
    assert_eq!(endpoint.asked().len(), 2);
    system.stop().await;
}
