//! A client of the public HTTP API, as thin as can be: a call and its answer. Nothing is repeated and nothing is
//! judged but what a helper says.

use super::{PATIENCE, eventually, options::ADMIN_TOKEN};
use reqwest::{Method, header::HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// How long one call may take.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// What a call was answered with.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// JSON, or text that is none, or null when it is empty.
    pub(crate) body: Value,
}

impl Answer {
    /// Fails the test unless this is the status.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Fails the test unless this is the status and the code.
    pub(crate) fn expect_code(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The account's balance, in whole credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Credits {
    pub(crate) granted: u64,
    pub(crate) held: u64,
    pub(crate) spent: u64,
    pub(crate) available: u64,
}

/// A client of one service with one key.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl Api {
    /// A client of the service at `http://HOST:PORT`.
    pub(crate) fn new(base: &str, key: &str) -> Self {
        // The service is on loopback, where a proxy of the environment does not lead.
        let http = reqwest::Client::builder().timeout(CALL_LIMIT).no_proxy().build().unwrap();
        Self { http, base: base.to_owned(), key: key.to_owned() }
    }

    /// The same client with another key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// `http://HOST:PORT` of the service.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The key that it calls with.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// A call to be completed by the test.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).header("x-api-key", &self.key)
    }

    /// Makes a call; an error is a service that gave no answer.
    pub(crate) async fn try_send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?;
        let text = || if bytes.is_empty() { Value::Null } else { String::from_utf8_lossy(&bytes).into() };
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Ok(Answer { status, headers, body })
    }

    /// Makes a call that is answered.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_send(request).await.expect("the service gave no answer")
    }

    pub(crate) async fn try_get(&self, path: &str) -> reqwest::Result<Answer> {
        self.try_send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Posts a body; null is none.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path);
        self.send(if body.is_null() { request } else { request.json(body) }).await
    }

    /// Makes an admin call.
    pub(crate) async fn admin(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(
            self.http.request(method, format!("{}{path}", self.base)).bearer_auth(ADMIN_TOKEN).json(body),
        )
        .await
    }

    /// Opens another account and gives a client with its key.
    pub(crate) async fn another_account(&self, monthly_credits: u64) -> Self {
        let account = json!({"name": "another", "monthlyCredits": monthly_credits});
        let opened = self.admin(Method::POST, "/admin/accounts", &account).await.expect(201);
        self.with_key(opened.body["apiKey"].as_str().unwrap())
    }

    /// Submits a batch, whatever the answer.
    pub(crate) async fn try_submit(&self, body: &Value) -> Answer {
        self.post("/api/batch/scrape", body).await
    }

    /// Submits with an idempotency key; an error is a service that gave no answer.
    pub(crate) async fn submit_once(&self, key: &str, body: &Value) -> reqwest::Result<Answer> {
        let request = self.request(Method::POST, "/api/batch/scrape").header("idempotency-key", key);
        self.try_send(request.json(body)).await
    }

    /// Submits a batch that is taken, and gives its id.
    pub(crate) async fn submit(&self, body: &Value) -> String {
        let answer = self.try_submit(body).await.expect(202);
        answer.body["batchId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn status(&self, batch: &str) -> Value {
        self.get(&format!("/api/batch/scrape/{batch}")).await.expect(200).body
    }

    pub(crate) async fn cancel(&self, batch: &str) -> Answer {
        self.send(self.request(Method::DELETE, &format!("/api/batch/scrape/{batch}"))).await
    }

    pub(crate) async fn retry(&self, batch: &str, body: &Value) -> Answer {
        self.post(&format!("/api/batch/scrape/{batch}/retry"), body).await
    }

    pub(crate) async fn credits(&self) -> Credits {
        serde_json::from_value(self.get("/api/credits").await.expect(200).body).unwrap()
    }

    /// The status once it fulfils the condition.
    pub(crate) async fn status_when(&self, batch: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        eventually(what, PATIENCE, async || Some(self.status(batch).await).filter(|status| is(status))).await
    }

    /// The status once the batch has ended and nothing of it runs.
    pub(crate) async fn finished(&self, batch: &str) -> Value {
        self.status_when(batch, "the batch has ended", has_ended).await
    }

    /// The balance once nothing is held.
    pub(crate) async fn settled(&self) -> Credits {
        eventually("every outcome is settled", PATIENCE, async || {
            Some(self.credits().await).filter(|credits| credits.held == 0)
        })
        .await
    }
}

/// Whether a batch has ended and nothing of it runs.
fn has_ended(status: &Value) -> bool {
    let open = |word: &Value| matches!(word.as_str(), Some("pending" | "running"));
    !open(&status["status"]) && !items(status).iter().any(|item| open(&item["status"]))
}

/// The items of a status.
pub(crate) fn items(status: &Value) -> &[Value] {
    status["items"].as_array().unwrap()
}

/// How many items have this status.
pub(crate) fn count(status: &Value, word: &str) -> usize {
    items(status).iter().filter(|item| item["status"] == word).count()
}

/// What the items of a batch have cost.
pub(crate) fn credits_used(status: &Value) -> u64 {
    items(status).iter().map(|item| item["creditsUsed"].as_u64().unwrap()).sum()
}
