//! An endpoint of the chat protocol for the tests of whoever uses the model: it gives the same answers in turn, tells
//! the same tokens every time, and keeps what it was asked. The suite here has one with faults to order, in `server`.

use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Tokens that it tells for every answer.
pub(crate) const TOKENS: (u64, u64) = (1_500, 200);

struct Script {
    answers: Vec<String>,
    asked: Mutex<Vec<Value>>,
}

/// Listens until it is dropped.
pub(crate) struct Endpoint {
    address: SocketAddr,
    script: Arc<Script>,
    task: JoinHandle<()>,
}

impl Endpoint {
    /// An endpoint that gives these answers in turn, and then again from the first.
    pub(crate) async fn answering(answers: &[&str]) -> Self {
        let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let script = Arc::new(Script { answers, asked: Mutex::default() });
        let router =
            Router::new().route("/v1/chat/completions", post(answer)).with_state(Arc::clone(&script));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, script, task }
    }

    /// Its base address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.script.asked.lock().unwrap().clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(script): State<Arc<Script>>, Json(question): Json<Value>) -> Json<Value> {
    let mut asked = script.asked.lock().unwrap();
    let content = &script.answers[asked.len() % script.answers.len()];
    asked.push(question);
    let usage = json!({"prompt_tokens": TOKENS.0, "completion_tokens": TOKENS.1});
    let message = json!({"role": "assistant", "content": content});
    Json(json!({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}))
}
