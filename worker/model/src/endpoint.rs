//! The way to the endpoint, below the client library: every call with a limit of its time and of its body, no
//! redirects, a bounded number of repeats for what passes by itself. Nothing that the endpoint says is repeated in an
//! error or a log, since it may hold the key.

use crate::{ApiKey, ModelSettings, ModelSettingsError, answer::Answer};
use async_openai::{
    Client, config::OpenAIConfig, error::OpenAIError, middleware::HttpRequestFactory,
    types::chat::CreateChatCompletionRequest,
};
use bytes::{Bytes, BytesMut};
use reqwest::{
    Response,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect,
};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::{sleep, timeout};

/// Size of an answer. Bounded tokens are far below it.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// What is looked at of an objection, in bytes.
const OBJECTION_BYTES_MAX: usize = 16 * 1024;
/// Calls for one question.
const CALLS_MAX: u32 = 4;
/// The longest wait that an endpoint may ask for, in milliseconds; beyond it the question is given up.
const RETRY_AFTER_MS_MAX: u64 = 20_000;
/// Time for a connection, in milliseconds.
const CONNECT_TIMEOUT_MS: u64 = 5_000;
/// How long an idle connection is kept, in milliseconds.
const IDLE_MS: u64 = 30_000;
/// Idle connections that are kept.
const IDLE_CONNECTIONS_MAX: usize = 16;

/// Where questions go.
pub(crate) struct Endpoint(Client<OpenAIConfig>);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Passes by itself, perhaps: how the endpoint was found, and how long it asks to wait.
    Passing(String, Option<Duration>),
    /// Does not pass, or not while the item runs.
    Lasting(String),
    /// Stays until the operator changes something.
    Settled(String),
    /// The endpoint does not take the question in this form.
    Objection(u16, About),
}

/// Which fields of a question an objection names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct About {
    pub(crate) temperature: bool,
    pub(crate) bound: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passing(what, _) | Self::Lasting(what) | Self::Settled(what) => f.write_str(what),
            Self::Objection(status, _) => write!(f, "refused the question ({status})"),
        }
    }
}

impl std::error::Error for Fault {}

impl Endpoint {
    pub(crate) fn new(settings: &ModelSettings) -> Result<Self, ModelSettingsError> {
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS))
            .pool_idle_timeout(Duration::from_millis(IDLE_MS))
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .user_agent(concat!("leafcutter/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| ModelSettingsError::Client)?;
        let authorization = settings.key.as_ref().map(bearer).transpose()?;
        let (call_limit, back_off) = (settings.call_limit, settings.back_off);
        let line = Arc::new(Line { http: http.clone(), authorization, call_limit, back_off });
        // The library would take the key and more from variables of its own; it gets none of it.
        let config = OpenAIConfig::new()
            .with_api_base(settings.url.as_str().trim_end_matches('/'))
            .with_api_key("")
            .with_org_id("")
            .with_project_id("");
        let service = tower::service_fn(move |question: HttpRequestFactory| {
            let line = Arc::clone(&line);
            async move { line.send(&question).await.map_err(|fault| OpenAIError::Boxed(Box::new(fault))) }
        });
        Ok(Self(Client::build(http, config).with_http_service(service)))
    }

    pub(crate) async fn ask(&self, question: &CreateChatCompletionRequest) -> Result<Answer, Fault> {
        self.0.chat().create_byot(question).await.map_err(|error| match error {
            OpenAIError::Boxed(fault) => match fault.downcast::<Fault>() {
                Ok(fault) => *fault,
                Err(_) => Fault::Lasting("could not be asked".to_owned()),
            },
            // What an answer may be is checked before the library reads it, so only building a question can fail.
            _ => Fault::Settled("could not be asked: no request can be built for its address".to_owned()),
        })
    }
}

fn bearer(key: &ApiKey) -> Result<HeaderValue, ModelSettingsError> {
    let header = zeroize::Zeroizing::new(format!("Bearer {}", key.reveal()));
    let mut value = HeaderValue::from_str(&header).map_err(|_| ModelSettingsError::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Sends questions over the network.
struct Line {
    http: reqwest::Client,
    authorization: Option<HeaderValue>,
    call_limit: Duration,
    back_off: Duration,
}

impl Line {
    /// Calls, again and again while it may help.
    async fn send(&self, question: &HttpRequestFactory) -> Result<Response, Fault> {
        let mut wait = self.back_off;
        for _ in 1..CALLS_MAX {
            match self.call(question).await {
                Err(Fault::Passing(what, asked)) => {
                    let pause = asked.unwrap_or(wait);
                    if pause > Duration::from_millis(RETRY_AFTER_MS_MAX) {
                        return Err(Fault::Lasting(what));
                    }
                    tracing::debug!("the model's endpoint {what}; asking again");
                    sleep(pause + jitter(pause)).await;
                    wait *= 2;
                }
                settled => return settled,
            }
        }
        self.call(question).await
    }

    async fn call(&self, question: &HttpRequestFactory) -> Result<Response, Fault> {
        let unbuilt =
            |_| Fault::Settled("could not be asked: no request can be built for its address".to_owned());
        let mut request = question.build().await.map_err(unbuilt)?;
        request.headers_mut().remove(AUTHORIZATION);
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let exchange = async {
            let response = self.http.execute(request).await.map_err(|error| of(&error))?;
            judge(response).await
        };
        let late = |_| Fault::Lasting("did not answer in time".to_owned());
        timeout(self.call_limit, exchange).await.map_err(late)?
    }
}

/// The answer, when it is one.
async fn judge(response: Response) -> Result<Response, Fault> {
    let number = response.status().as_u16();
    match number {
        200..=299 => {
            let body = bounded(response, ANSWER_BYTES_MAX).await?;
            // The library would log a body that it cannot read.
            serde_json::from_slice::<Answer>(&body).map_err(|_| {
                Fault::Settled("answered with something that is not the chat protocol".to_owned())
            })?;
            Ok(http::Response::new(body).into())
        }
        300..=399 => Err(Fault::Settled(format!(
            "redirects ({number}): LEAFCUTTER_MODEL_URL must be its final address"
        ))),
        401 | 403 => {
            tracing::error!(status = number, "the model's endpoint refuses LEAFCUTTER_MODEL_KEY");
            Err(Fault::Settled(format!("refuses the key of this service ({number})")))
        }
        404 => Err(Fault::Settled("knows no such address or model (404)".to_owned())),
        408 | 409 | 425 | 429 | 500 | 502..=599 => {
            Err(Fault::Passing(format!("answered {number}"), retry_after(response.headers())))
        }
        400 | 415 | 422 | 501 => {
            let said = bounded(response, OBJECTION_BYTES_MAX).await.unwrap_or_default();
            Err(Fault::Objection(number, About::read(&said)))
        }
        _ => Err(Fault::Settled(format!("refused the question ({number})"))),
    }
}

impl About {
    fn read(objection: &[u8]) -> Self {
        let text = String::from_utf8_lossy(objection);
        let bound = text.contains("max_completion_tokens") || text.contains("max_tokens");
        Self { temperature: text.contains("temperature"), bound }
    }
}

async fn bounded(mut response: Response, bytes_max: usize) -> Result<Bytes, Fault> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| of(&error))? {
        if body.len() + chunk.len() > bytes_max {
            return Err(Fault::Settled(format!("answered with more than {bytes_max} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Names the kind of a fault only: its text holds the address.
fn of(error: &reqwest::Error) -> Fault {
    let what = if error.is_connect() {
        "cannot be reached"
    } else if error.is_builder() {
        return Fault::Settled("could not be asked: no request can be built for its address".to_owned());
    } else if error.is_decode() {
        "sent an answer that cannot be unpacked"
    } else {
        "closed the connection before its answer was whole"
    };
    Fault::Passing(what.to_owned(), None)
}

/// How long the endpoint asks to wait, in seconds or until a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok())
}

/// Up to a quarter more, so that slots that were refused together do not come back together.
fn jitter(pause: Duration) -> Duration {
    let mut dice = [0_u8; 1];
    let part = getrandom::fill(&mut dice).map_or(0, |()| u32::from(dice[0]));
    pause / 4 * part / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_in_seconds_and_as_a_date() {
        let wait = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
            retry_after(&headers)
        };
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait(" 0 "), Some(Duration::ZERO));
        assert!(wait("Fri, 31 Dec 9999 23:59:59 GMT").unwrap() > Duration::from_secs(1_000));
        for none in ["soon", "-5", "Thu, 01 Jan 1970 00:00:00 GMT", "99999999999999999999999"] {
            assert_eq!(wait(none), None, "{none}");
        }
    }

    #[test]
    fn an_objection_is_searched_for_the_fields_that_it_names() {
        let about = |text: &str| About::read(text.as_bytes());
        assert!(about("'temperature' is not supported").temperature);
        assert!(about("use 'max_completion_tokens' instead of 'max_tokens'").bound);
        assert_eq!(about("no"), About::default());
    }

    #[test]
    fn a_jitter_is_a_quarter_at_most() {
        let pause = Duration::from_secs(4);
        assert!((0..100).all(|_| jitter(pause) <= pause / 4));
    }
}
