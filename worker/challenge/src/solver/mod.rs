//! The client of a solver service: hands over a widget's site key, waits for the answer. Every call, body and wait is
//! bounded, and the key is in the bodies of requests and nowhere else.

mod protocol;

use crate::widget::Widget;
use protocol::{Ask, Create, Said, Standing, Task};
use reqwest::{Client, redirect};
use serde::Serialize;
use serde_json::Value;
use std::{fmt, time::Duration};
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Url;
use zeroize::Zeroizing;

/// How long one call may take, in milliseconds.
const CALL_LIMIT_MS: u64 = 15_000;
/// Size of the service's answers.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Wait before the first question and between two, in milliseconds. Services ask for at least this.
const ASK_EVERY_MS: u64 = 5_000;
/// Questions about one task.
const ASKS_MAX: u32 = 60;
/// Questions in a row that may go wrong.
const FAULTS_MAX: u32 = 3;

/// The operator's key at the service. It is never printed.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct SolverKey(#[serde(serialize_with = "revealed")] Zeroizing<String>);

fn revealed<S: serde::Serializer>(key: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(key)
}

impl SolverKey {
    /// Takes the key.
    #[must_use]
    pub fn new(key: String) -> Self {
        Self(Zeroizing::new(key))
    }

    fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SolverKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SolverKey(hidden)")
    }
}

/// How patiently the service is asked.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Wait before the first question and between two.
    pub ask_every: Duration,
    /// Questions about one task, at least 1.
    pub asks_max: u32,
    /// How long one call may take.
    pub call_limit: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            ask_every: Duration::from_millis(ASK_EVERY_MS),
            asks_max: ASKS_MAX,
            call_limit: Duration::from_millis(CALL_LIMIT_MS),
        }
    }
}

/// Which service is asked, and how.
#[derive(Debug, Clone)]
pub struct SolverSettings {
    /// Where the service's `createTask` and `getTaskResult` are.
    pub url: Url,
    /// The operator's key.
    pub key: SolverKey,
    /// How patiently it is asked.
    pub pace: Pace,
}

/// Why there is no answer to a CAPTCHA.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SolverError {
    /// The setting is no address of a service.
    #[error(
        "the solver's address must be http:// or https:// with a host, and without user, query or fragment"
    )]
    Address,
    /// The client cannot be made.
    #[error("no HTTP client for the solver can be made")]
    Client,
    /// The widget is of a kind that is not handed over.
    #[error("CAPTCHAs of this kind are not handed to the solver")]
    Unsupported,
    /// The page does not show the widget's site key.
    #[error("the page does not show the CAPTCHA's site key")]
    NoSiteKey,
    /// The service cannot be reached, or answers with an error of HTTP.
    #[error("the solver cannot be reached")]
    Unreachable,
    /// The service said no.
    #[error("the solver refused: {code}")]
    Refused {
        /// The service's own code.
        code: String,
    },
    /// The service does not speak the protocol.
    #[error("the solver's answer cannot be read")]
    Malformed,
    /// There was no answer in time.
    #[error("the solver was not ready in time; its answers often take a minute, see LEAFCUTTER_ITEM_TIMEOUT")]
    Late,
}

/// The answer to a CAPTCHA; it was paid.
pub struct Answer(String);

impl Answer {
    /// The text that the widget's field has to hold.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer(hidden)")
    }
}

/// A solver service.
#[derive(Debug, Clone)]
pub struct Solver {
    client: Client,
    create: Url,
    ask: Url,
    key: SolverKey,
    pace: Pace,
}

impl Solver {
    /// A client of this service. Nothing is sent yet.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn new(settings: SolverSettings) -> Result<Self, SolverError> {
        let SolverSettings { mut url, key, pace } = settings;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain || !url.has_host() || !["http", "https"].contains(&url.scheme()) {
            return Err(SolverError::Address);
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        let join = |method| url.join(method).map_err(|_| SolverError::Address);
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            // The key goes to the named service and through nobody else.
            .no_proxy()
            .timeout(pace.call_limit)
            .build()
            .map_err(|_| SolverError::Client)?;
        Ok(Self { client, create: join("createTask")?, ask: join("getTaskResult")?, key, pace })
    }

    /// Has the widget on the page at `url` solved. An answer is paid for.
    ///
    /// # Errors
    /// There is no answer, for the reason given.
    pub async fn solve(&self, widget: &Widget, url: &Url, until: Instant) -> Result<Answer, SolverError> {
        let task = Task::of(widget, url)?;
        timeout_at(until, self.work(task)).await.unwrap_or(Err(SolverError::Late))
    }

    async fn work(&self, task: Task<'_>) -> Result<Answer, SolverError> {
        // Not repeated when it fails: nobody knows whether a second task would be a second price.
        let created = self.call(&self.create, &Create { client_key: &self.key, task }).await?;
        let id = created.task(&self.key)?;
        let mut faults = 0;
        for _ in 0..self.pace.asks_max.max(1) {
            sleep_until(Instant::now() + self.pace.ask_every).await;
            match self.standing(&id).await {
                Ok(Standing::Ready(token)) => return Ok(Answer(token)),
                Ok(Standing::Processing) => faults = 0,
                Err(SolverError::Unreachable) if faults < FAULTS_MAX => faults += 1,
                Err(error) => return Err(error),
            }
        }
        Err(SolverError::Late)
    }

    async fn standing(&self, id: &Value) -> Result<Standing, SolverError> {
        self.call(&self.ask, &Ask { client_key: &self.key, task_id: id }).await?.standing(&self.key)
    }

    async fn call(&self, url: &Url, message: &impl Serialize) -> Result<Said, SolverError> {
        // Errors of the client name the address and are not passed on.
        let sent = self.client.post(url.clone()).json(message).send().await;
        let mut answer = sent.map_err(|_| SolverError::Unreachable)?;
        if answer.status().is_server_error() || answer.status().is_redirection() {
            return Err(SolverError::Unreachable);
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|_| SolverError::Unreachable)? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(SolverError::Malformed);
            }
            body.extend_from_slice(&chunk);
        }
        // Some services give their errors a status of HTTP as well; the body says more.
        serde_json::from_slice(&body).map_err(|_| SolverError::Malformed)
    }
}
