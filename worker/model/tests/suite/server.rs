//! A server that speaks the chat protocol: it says what it is told, in order, and keeps what it was asked.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response, StatusCode, header},
    response::IntoResponse,
    routing::any,
};
use futures::{StreamExt, stream};
use leafcutter_domain::{ModelBudget, OutputFormat, ScrapeOptions};
use leafcutter_model::{ApiKey, Model, ModelError, ModelSettings, PageText, Question, Tally};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The key that no message may hold.
pub(crate) const KEY: &str = "sk-SECRET-0123456789";
pub(crate) const BUDGET: ModelBudget = ModelBudget { page_tokens: 2_000, answer_tokens: 500 };

/// What the server says to one call.
#[derive(Debug, Clone)]
pub(crate) enum Say {
    /// An answer of the model.
    Answer(Value),
    /// Anything.
    Raw(u16, Vec<(&'static str, String)>, String),
    /// The beginning of an answer, and then the connection is closed.
    Close,
    /// The beginning of an answer, and then nothing more.
    Hang,
    /// An answer without end.
    Endless,
}

impl Say {
    /// The model says this text.
    pub(crate) fn text(text: &str) -> Self {
        Self::choice(json!({"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}))
    }

    /// The model says this JSON.
    pub(crate) fn json(value: &Value) -> Self {
        Self::text(&value.to_string())
    }

    pub(crate) fn choice(choice: Value) -> Self {
        let usage = json!({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110});
        Self::Answer(json!({"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}))
    }

    pub(crate) fn status(status: u16, text: &str) -> Self {
        Self::Raw(status, vec![], text.to_owned())
    }

    fn response(self) -> Response<Body> {
        let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{\"choices\": [{\"mess"))]);
        let body = match self {
            Self::Answer(value) => return axum::Json(value).into_response(),
            Self::Raw(status, headers, text) => {
                let mut response = (StatusCode::from_u16(status).unwrap(), text).into_response();
                for (name, value) in headers {
                    response.headers_mut().insert(name, value.parse().unwrap());
                }
                return response;
            }
            Self::Close => {
                Body::from_stream(begun.chain(stream::iter([Err(std::io::Error::other("closed"))])))
            }
            Self::Hang => Body::from_stream(begun.chain(stream::pending())),
            Self::Endless => {
                Body::from_stream(begun.chain(stream::repeat_with(|| Ok(Bytes::from(vec![b' '; 65_536])))))
            }
        };
        Response::builder().header(header::CONTENT_TYPE, "application/json").body(body).unwrap()
    }
}

/// One call as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Asked {
    /// What was said to the model by this message.
    pub(crate) fn message(&self, index: usize) -> String {
        self.body["messages"][index]["content"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn form(&self) -> String {
        let format = &self.body["response_format"];
        let strict =
            format["json_schema"]["strict"].as_bool().map(|strict| if strict { " strict" } else { "" });
        format!("{}{}", format["type"].as_str().unwrap_or("words"), strict.unwrap_or_default())
    }
}

#[derive(Default)]
struct Script {
    says: Mutex<VecDeque<Say>>,
    asked: Mutex<Vec<Asked>>,
}

pub(crate) struct Server {
    pub(crate) model: Model,
    pub(crate) address: String,
    script: Arc<Script>,
    task: JoinHandle<()>,
}

impl Server {
    /// A server that says these things, and a model behind it.
    pub(crate) async fn saying(says: impl IntoIterator<Item = Say>) -> Self {
        Self::with(says, |_| ()).await
    }

    pub(crate) async fn with(
        says: impl IntoIterator<Item = Say>,
        change: impl FnOnce(&mut ModelSettings),
    ) -> Self {
        let script = Arc::new(Script { says: Mutex::new(says.into_iter().collect()), ..Script::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(any(answer)).with_state(Arc::clone(&script));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let url = format!("{address}/v1").parse().unwrap();
        let mut settings = ModelSettings::new(url, "leaf-1", BUDGET);
        settings.key = Some(ApiKey::new(KEY.to_owned()));
        settings.back_off = Duration::from_millis(1);
        change(&mut settings);
        assert!(!format!("{settings:?}").contains("SECRET"), "a key is printed");
        Self { model: Model::new(settings).unwrap(), address, script, task }
    }

    /// Everything that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.asked.lock().unwrap().clone()
    }

    pub(crate) fn tell(&self, says: impl IntoIterator<Item = Say>) {
        self.script.says.lock().unwrap().extend(says);
    }

    /// Has the model read the page.
    pub(crate) async fn extract(&self, options: &ScrapeOptions) -> Result<Value, ModelError> {
        self.counted(options, &page(), &Tally::default()).await
    }

    pub(crate) async fn counted(
        &self,
        options: &ScrapeOptions,
        page: &PageText,
        tally: &Tally,
    ) -> Result<Value, ModelError> {
        self.model.extract(Question { options, page }, tally).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(script): State<Arc<Script>>, request: axum::http::Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 10_000_000).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let asked = Asked { path: parts.uri.path().to_owned(), headers: parts.headers, body };
    script.asked.lock().unwrap().push(asked);
    let say = script.says.lock().unwrap().pop_front();
    say.unwrap_or_else(|| Say::status(418, "nothing more to say")).response()
}

/// A small page.
pub(crate) fn page() -> PageText {
    PageText {
        url: "https://shop.example/leaf".to_owned(),
        text: "# Green leaf\n\nFresh from the tree, 5 EUR.".to_owned(),
        data: Some("{\"@type\":\"Product\"}".to_owned()),
    }
}

/// A name, and a price that may be missing.
pub(crate) fn by_schema() -> ScrapeOptions {
    let schema = json!({"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string"}, "price": {"type": "number"}}});
    ScrapeOptions { output: OutputFormat::Json, schema: Some(schema), ..ScrapeOptions::default() }
}

pub(crate) fn by_prompt() -> ScrapeOptions {
    let prompt = Some("the name and the price of the leaf".to_owned());
    ScrapeOptions { output: OutputFormat::Json, prompt, ..ScrapeOptions::default() }
}
