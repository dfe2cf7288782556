//! A solver service on loopback that speaks the protocol, with faults to order. It remembers what it was asked.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::post,
};
use leafcutter_challenge::{Pace, SolverKey, SolverSettings};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The key that has to be in every message.
pub(crate) const KEY: &str = "SECRETSOLVERKEY";
/// The answer to every task.
pub(crate) const TOKEN: &str = "03AGdBq25-token";

/// How the service behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "the worker's tests order only some of them")]
pub(crate) enum Manner {
    /// Is ready at the second question; numbers for ids.
    Works,
    /// The same with text for ids, and `token` for the answer's name.
    WorksWithTexts,
    /// The same, with an answer that no site takes.
    WorksWrong,
    /// Takes no task.
    Refuses(&'static str),
    /// Takes the task and gives it up.
    GivesUp,
    /// Answers with something else.
    Malformed,
    /// Answers without end.
    Huge,
    /// Is ready with nothing.
    Empty,
    /// Is never ready.
    NeverReady,
    /// Does not answer.
    Hangs,
    /// Leads elsewhere.
    Redirects,
    /// Fails at the first two questions.
    Stumbles,
    /// Fails at every question.
    Breaks,
}

#[derive(Clone)]
struct Memory {
    manner: Manner,
    asked: Arc<Mutex<Vec<Value>>>,
}

pub(crate) struct StandIn {
    address: std::net::SocketAddr,
    memory: Memory,
    task: JoinHandle<()>,
}

impl StandIn {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let memory = Memory { manner, asked: Arc::default() };
        let router = Router::new()
            .route("/api/createTask", post(create))
            .route("/api/getTaskResult", post(ask))
            .with_state(memory.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, memory, task }
    }

    /// Settings for it, with little patience.
    pub(crate) fn settings(&self) -> SolverSettings {
        let url = format!("http://{}/api", self.address).parse().unwrap();
        let pace = Pace {
            ask_every: Duration::from_millis(5),
            asks_max: 10,
            call_limit: Duration::from_millis(500),
        };
        SolverSettings { url, key: SolverKey::new(KEY.to_owned()), pace }
    }

    /// Messages so far that hold this member.
    pub(crate) fn asked(&self, member: &str) -> Vec<Value> {
        let asked = self.memory.asked.lock().unwrap();
        asked.iter().filter(|message| message.get(member).is_some()).cloned().collect()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn create(State(memory): State<Memory>, Json(message): Json<Value>) -> Response {
    memory.asked.lock().unwrap().push(message.clone());
    if message["clientKey"] != KEY {
        return refusal("ERROR_KEY_DOES_NOT_EXIST");
    }
    match memory.manner {
        Manner::Refuses(code) => refusal(code),
        Manner::Malformed => "<html>hello</html>".into_response(),
        Manner::Huge => "x".repeat(1_000_000).into_response(),
        Manner::Redirects => Redirect::temporary("/api/getTaskResult").into_response(),
        Manner::Hangs => std::future::pending().await,
        Manner::WorksWithTexts => {
            Json(json!({"errorId": 0, "taskId": "61138bb6-19fb-11ec-a9c8-0242ac110006"})).into_response()
        }
        Manner::Works
        | Manner::WorksWrong
        | Manner::GivesUp
        | Manner::Empty
        | Manner::NeverReady
        | Manner::Stumbles
        | Manner::Breaks => Json(json!({"errorId": 0, "taskId": 74_372_499_131_i64})).into_response(),
    }
}

async fn ask(State(memory): State<Memory>, Json(message): Json<Value>) -> Response {
    let times = {
        let mut asked = memory.asked.lock().unwrap();
        asked.push(message);
        asked.iter().filter(|message| message.get("taskId").is_some()).count()
    };
    let ready = |solution: Value| Json(json!({"errorId": 0, "status": "ready", "solution": solution}));
    match memory.manner {
        Manner::GivesUp => refusal("ERROR_CAPTCHA_UNSOLVABLE"),
        Manner::Empty => ready(json!({})).into_response(),
        Manner::Breaks => StatusCode::BAD_GATEWAY.into_response(),
        Manner::Stumbles if times <= 2 => StatusCode::BAD_GATEWAY.into_response(),
        _ if times == 1 || memory.manner == Manner::NeverReady => {
            Json(json!({"errorId": 0, "status": "processing"})).into_response()
        }
        Manner::WorksWrong => ready(json!({"token": "wrong"})).into_response(),
        Manner::WorksWithTexts => ready(json!({"token": TOKEN})).into_response(),
        _ => ready(json!({"gRecaptchaResponse": TOKEN})).into_response(),
    }
}

fn refusal(code: &str) -> Response {
    let description = format!("your key {KEY} is not welcome");
    Json(json!({"errorId": 1, "errorCode": code, "errorDescription": description})).into_response()
}
