//! Calls of the HTTP API: the key goes along, a busy server gets time, an answer is bounded, and what is no success
//! becomes a failure that says what to do.
//!
//! **Not allowed here:** knowing what a command wants with an answer.

use super::{
    Failure, Server,
    answers::ErrorAnswer,
    connect::{is_loopback, shown},
    output::Console,
};
use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, RETRY_AFTER},
    redirect::Policy,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use uuid::Uuid;

mod download;

const CONNECT_TIMEOUT_MS: u64 = 10_000;
/// From the first byte of a request to the last of its answer.
const CALL_TIMEOUT_MS: u64 = 60_000;
/// Size of an answer: 50 results of the largest size that the service can be set to would be more than anyone prints.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Times a request is made to a server that is busy.
const BUSY_TRIES_MAX: u32 = 10;
/// Longest pause that a server may ask for; one that asks for more is not waited for.
const BUSY_WAIT_S_MAX: u64 = 60;
/// Pause when the server asks for none.
const BUSY_WAIT_S: u64 = 1;
/// Times a request is made to a server that answered before and does not any more: it may be starting again.
const OUTAGE_TRIES_MAX: u32 = 20;
/// First pause in an outage; each is twice the one before.
const OUTAGE_WAIT_MS: u64 = 100;
/// Longest pause in an outage.
const OUTAGE_WAIT_MS_MAX: u64 = 2_000;

/// A server, ready to be called.
pub(super) struct Api {
    http: reqwest::Client,
    server: String,
    key: HeaderValue,
    console: Console,
    /// An answer came before, so silence is an outage and no wrong address.
    answered: AtomicBool,
}

/// A request.
pub(super) struct Call {
    method: Method,
    path: String,
    body: Option<Value>,
    known: Option<HeaderValue>,
    /// Names a request that changes something, so that it can be repeated without doing it twice.
    idempotency_key: Option<String>,
}

impl Call {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, known: None, idempotency_key: None }
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    /// A request that does no harm when it is carried out twice.
    pub(super) fn post(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(path) }
    }

    /// A request that the server carries out once, however often it arrives.
    pub(super) fn post_once(path: impl Into<String>, body: Option<Value>) -> Self {
        let idempotency_key = Some(Uuid::new_v4().to_string());
        Self { method: Method::POST, body, idempotency_key, ..Self::get(path) }
    }

    /// The answer at hand, which need not come again.
    pub(super) fn unless(mut self, known: Option<&HeaderValue>) -> Self {
        self.known = known.cloned();
        self
    }

    fn is_repeatable(&self) -> bool {
        self.method == Method::GET || self.idempotency_key.is_some()
    }
}

/// An answer.
pub(super) struct Answer {
    server: String,
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    /// Whether the answer at hand is still right.
    pub(super) fn is_unchanged(&self) -> bool {
        self.status == StatusCode::NOT_MODIFIED
    }

    pub(super) fn tag(&self) -> Option<&HeaderValue> {
        self.headers.get(ETAG)
    }

    /// The JSON as it came.
    pub(super) fn text(&self) -> &str {
        self.body.trim()
    }

    /// # Errors
    /// The body is not what Leafcutter answers.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.body)
            .map_err(|error| self.not_understood(&format!(" and no such JSON ({error})")))
    }

    fn not_understood(&self, what: &str) -> Failure {
        Failure::NotUnderstood { server: self.server.clone(), answer: format!("{}{what}", self.status) }
    }

    /// How long to wait before the request may come again; none when it may not.
    fn pause(&self, call: &Call) -> Option<Duration> {
        let may_come_again = match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => true,
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => call.is_repeatable(),
            _ => false,
        };
        let asked = self.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let pause_s: u64 = asked.unwrap_or(BUSY_WAIT_S);
        (may_come_again && pause_s <= BUSY_WAIT_S_MAX).then(|| Duration::from_secs(pause_s))
    }

    fn into_result(self) -> Result<Self, Failure> {
        if self.status.is_success() || self.is_unchanged() {
            return Ok(self);
        }
        Err(self.refusal())
    }

    fn refusal(&self) -> Failure {
        match serde_json::from_str(&self.body) {
            Ok(ErrorAnswer { message, code, errors }) => Failure::Refused { message, code, errors },
            Err(_) => self.not_understood(""),
        }
    }
}

impl Api {
    /// # Errors
    /// The key cannot be a header, or the HTTP client cannot be made.
    pub(super) fn new(server: &Server, console: &Console) -> Result<Self, Failure> {
        let mut key = HeaderValue::from_str(&format!("Bearer {}", server.api_key.trim()))
            .map_err(|_| Failure::KeyMalformed)?;
        key.set_sensitive(true);
        // A redirect would carry the key to a server that nobody named.
        let mut http = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS))
            .timeout(Duration::from_millis(CALL_TIMEOUT_MS));
        if is_loopback(&server.url) {
            // A proxy of the environment does not lead to loopback.
            http = http.no_proxy();
        }
        Ok(Self {
            http: http.build().map_err(Failure::Client)?,
            server: shown(&server.url),
            key,
            console: console.clone(),
            answered: AtomicBool::new(false),
        })
    }

    /// The server's address, for people.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Makes a request; waits for a busy server, and for one that was there a moment ago, a bounded number of times.
    ///
    /// # Errors
    /// The server refused, or no answer of Leafcutter came.
    pub(super) async fn call(&self, call: &Call) -> Result<Answer, Failure> {
        let mut tries = 1;
        loop {
            let answer = self.call_through_outage(call).await?;
            if !self.waited(&answer, call, tries).await {
                return answer.into_result();
            }
            tries += 1;
        }
    }

    /// Waits as a busy server asks, and says so; `false` when the answer stands.
    async fn waited(&self, answer: &Answer, call: &Call, tries: u32) -> bool {
        let Some(pause) = answer.pause(call).filter(|_| tries < BUSY_TRIES_MAX) else { return false };
        let said = answer.refusal();
        self.console.note(&format!("{said}; trying again in {} s", pause.as_secs()));
        tokio::time::sleep(pause).await;
        true
    }

    async fn call_through_outage(&self, call: &Call) -> Result<Answer, Failure> {
        let mut pause = Duration::from_millis(OUTAGE_WAIT_MS);
        let mut tries = 1;
        loop {
            let failure = match self.call_once(call).await {
                Err(failure @ Failure::Unreachable { .. }) => failure,
                other => {
                    self.answered.store(true, Ordering::Relaxed);
                    return other;
                }
            };
            let was_there = self.answered.load(Ordering::Relaxed);
            if !was_there || !call.is_repeatable() || tries == OUTAGE_TRIES_MAX {
                return Err(failure);
            }
            if tries == 1 {
                self.console.note(&format!("{} does not answer; trying again", self.server));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(OUTAGE_WAIT_MS_MAX));
            tries += 1;
        }
    }

    async fn call_once(&self, call: &Call) -> Result<Answer, Failure> {
        let url = format!("{}{}", self.server, call.path);
        let mut request = self.http.request(call.method.clone(), url).header(AUTHORIZATION, self.key.clone());
        if let Some(known) = &call.known {
            request = request.header(IF_NONE_MATCH, known);
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        self.whole(response).await
    }

    /// The answer with all of its body.
    async fn whole(&self, mut response: reqwest::Response) -> Result<Answer, Failure> {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                let answer = format!("{status} and more than {ANSWER_BYTES_MAX} bytes");
                return Err(Failure::NotUnderstood { server: self.server.clone(), answer });
            }
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { server: self.server.clone(), status, headers, body })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let reason = if error.is_timeout() { "no answer in time".to_owned() } else { root_cause(error) };
        Failure::Unreachable { server: self.server.clone(), reason }
    }
}

/// The innermost reason, which is the one that says something.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
