//! The five calls that the demo makes, over the public HTTP API.
//!
//! **Not allowed here:** judging the answers. A refusal is an error with what the service said.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::RequestBuilder;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const CALL_TIMEOUT_MS: u64 = 10_000;

pub(crate) struct Client {
    http: reqwest::Client,
    service: String,
    api_key: String,
}

/// A batch as its status call shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Batch {
    pub(crate) status: String,
    pub(crate) completed_count: usize,
    pub(crate) failed_count: usize,
    pub(crate) items: Vec<Item>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item {
    pub(crate) url: String,
    pub(crate) status: String,
    pub(crate) result: Option<Value>,
    pub(crate) error: Option<String>,
    pub(crate) error_code: Option<String>,
    pub(crate) attempts: u32,
    /// Whole credits.
    pub(crate) credits_used: u64,
}

/// The account's balance, in whole credits.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Credits {
    pub(crate) period: String,
    pub(crate) granted: u64,
    pub(crate) held: u64,
    pub(crate) spent: u64,
    pub(crate) available: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submitted {
    batch_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Retried {
    retried_count: usize,
}

impl Batch {
    pub(crate) fn is_finished(&self) -> bool {
        !matches!(self.status.as_str(), "pending" | "running")
    }
}

impl Client {
    /// A client of the service at this address, `http://HOST:PORT`.
    pub(crate) fn new(service: &str, api_key: &str) -> Result<Self> {
        // The service is on loopback, where a proxy of the environment does not lead.
        let http = reqwest::Client::builder().timeout(Duration::from_millis(CALL_TIMEOUT_MS)).no_proxy();
        let http = http.build().context("the HTTP client could not be made")?;
        Ok(Self { http, service: service.to_owned(), api_key: api_key.to_owned() })
    }

    pub(crate) async fn is_ready(&self) -> bool {
        let answer = self.http.get(format!("{}/health/ready", self.service)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Submits the pages as one batch and returns its id.
    pub(crate) async fn submit(&self, urls: &[String]) -> Result<String> {
        let body = json!({ "urls": urls, "schema": product_schema() });
        let call = self.http.post(format!("{}/api/batch/scrape", self.service)).json(&body);
        Ok(self.answer::<Submitted>(call).await.context("the batch was not accepted")?.batch_id)
    }

    pub(crate) async fn status(&self, batch: &str) -> Result<Batch> {
        let call = self.http.get(format!("{}/api/batch/scrape/{batch}", self.service));
        self.answer(call).await.context("the status could not be read")
    }

    /// Retries what failed and returns the number of items that get another try.
    pub(crate) async fn retry(&self, batch: &str) -> Result<usize> {
        let call = self.http.post(format!("{}/api/batch/scrape/{batch}/retry", self.service));
        Ok(self.answer::<Retried>(call).await.context("the retry was not accepted")?.retried_count)
    }

    pub(crate) async fn credits(&self) -> Result<Credits> {
        let call = self.http.get(format!("{}/api/credits", self.service));
        self.answer(call).await.context("the credits could not be read")
    }

    async fn answer<T: DeserializeOwned>(&self, call: RequestBuilder) -> Result<T> {
        let answer = call.header("x-api-key", &self.api_key).send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        anyhow::ensure!(status.is_success(), "the service answered {status}: {body}");
        serde_json::from_str(&body).with_context(|| format!("the service answered {status} with {body}"))
    }
}

/// What the demo wants to know of each page.
fn product_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string" },
            "price": { "type": "number" },
            "currency": { "type": ["string", "null"] },
            "available": { "type": ["boolean", "null"] },
        },
        "required": ["name", "price"],
    })
}
