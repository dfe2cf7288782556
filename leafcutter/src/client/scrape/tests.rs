//! What `scrape` prints, how it ends, and what it asks a server for.

use super::*;
use crate::client::stand_in::{KEY, StandIn, answer, batch, busy, console, no_server, quick_service};
use axum::{
    http::{HeaderMap, Method, StatusCode},
    response::IntoResponse,
};
use std::{
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
};

const GOOD: &str = "https://example.com/good";
const BAD: &str = "https://example.com/fail";

/// Runs to the end; returns the exit, standard output and standard error.
async fn run(service: &StandIn, flags: &[&str]) -> (Exit, Vec<String>, String) {
    let (console, out, err) = console();
    let exit = scrape_until(&service.parse(flags), &service.server, &console, pending()).await;
    (exit, out.lines(), err.text())
}

fn queued() -> axum::response::Response {
    answer(202, json!({"status": "queued", "batchId": Uuid::from_u128(1), "total": 1}))
}

#[tokio::test]
async fn the_exit_is_0_when_every_page_came_and_1_when_one_failed() {
    let service = StandIn::start(quick_service()).await;
    assert_eq!(run(&service, &[GOOD, GOOD]).await.0, Exit::Completed);
    assert_eq!(run(&service, &[GOOD, BAD, GOOD]).await.0, Exit::SomeFailed);
}

#[tokio::test]
async fn each_line_holds_the_promised_fields_in_their_order() {
    let service = StandIn::start(quick_service()).await;
    let (_, out, _) = run(&service, &[GOOD, BAD]).await;
    let good = r##"{"url":"https://example.com/good","status":"completed","result":"# https://example.com/good","error":null,"errorCode":null,"creditsUsed":1,"finalUrl":"https://example.com/good","httpStatus":200,"screenshotUrl":null}"##;
    let bad = r#"{"url":"https://example.com/fail","status":"failed","result":null,"error":"The page answered 500.","errorCode":"HTTP_STATUS","creditsUsed":0,"finalUrl":"https://example.com/fail","httpStatus":500,"screenshotUrl":null}"#;
    assert_eq!(out, [good, bad]);
}

#[tokio::test]
async fn more_than_50_urls_go_in_several_batches_and_come_out_in_their_order() {
    let service = StandIn::start(quick_service()).await;
    let urls: Vec<String> = (0..120).map(|number| format!("https://example.com/{number}")).collect();
    let (exit, out, _) = run(&service, &urls.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let submits = service.seen().into_iter().filter(|seen| seen.method == Method::POST);
    let sizes: Vec<usize> = submits.map(|seen| seen.body["urls"].as_array().unwrap().len()).collect();
    let printed: Vec<Value> = out.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let printed: Vec<&str> = printed.iter().map(|line| line["url"].as_str().unwrap()).collect();
    assert_eq!((exit, sizes), (Exit::Completed, vec![50, 50, 20]));
    assert_eq!(printed, urls);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_with_the_same_idempotency_key() {
    let (quick, asked) = (quick_service(), AtomicUsize::new(0));
    let service =
        StandIn::start(
            move |seen| {
                if asked.fetch_add(1, Ordering::Relaxed) < 2 { busy() } else { quick(seen) }
            },
        )
        .await;
    let (exit, out, err) = run(&service, &[GOOD]).await;
    let submits: Vec<_> = service.seen().into_iter().filter(|seen| seen.method == Method::POST).collect();
    let keys: Vec<_> = submits.iter().map(|seen| seen.header("idempotency-key").unwrap()).collect();
    assert_eq!((exit, out.len(), submits.len()), (Exit::Completed, 1, 3));
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{keys:?}");
    assert!(err.contains("SERVICE_BUSY"), "{err}");
}

#[tokio::test]
async fn a_server_that_stays_busy_is_given_up_and_so_is_one_that_asks_for_an_hour() {
    let service = StandIn::start(|_| busy()).await;
    assert_eq!(run(&service, &[GOOD]).await.0, Exit::Refused);
    assert_eq!(service.seen().len(), 10);
    let patient = StandIn::start(|_| {
        let mut response = busy();
        response.headers_mut().insert("retry-after", "3600".parse().unwrap());
        response
    })
    .await;
    assert_eq!(run(&patient, &[GOOD]).await.0, Exit::Refused);
    assert_eq!(patient.seen().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_told_with_each_fault_and_ends_with_2() {
    let errors = ["urls[0]: must be http or https", "schema: the root must be an object"];
    let refusal = json!({"status": "error", "message": "The request is not valid.", "code": "VALIDATION_FAILED", "errors": errors});
    let service = StandIn::start(move |_| answer(422, refusal.clone())).await;
    let (exit, out, err) = run(&service, &["ftp://x/"]).await;
    assert_eq!((exit, out.len()), (Exit::Refused, 0));
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines[0], "leafcutter: The request is not valid. (VALIDATION_FAILED)");
    assert_eq!(lines[1..], errors.map(|error| format!("leafcutter:   {error}")));
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_named_at_once() {
    let service = StandIn::start(quick_service()).await;
    let args = service.parse(&[GOOD]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (console, _, err) = console();
    let nobody = Server { url: url.parse().unwrap(), api_key: KEY.to_owned() };
    assert_eq!(scrape_until(&args, &nobody, &console, pending()).await, Exit::Refused);
    let said = err.text();
    assert!(
        said.contains(&format!("{url} cannot be reached")) && said.contains("leafcutter serve"),
        "{said}"
    );
    assert!(!said.contains(KEY));
}

#[tokio::test]
async fn an_answer_of_another_program_and_a_redirect_are_not_taken_for_leafcutter() {
    for status in [200, 302, 404] {
        let status = StatusCode::from_u16(status).unwrap();
        let service = StandIn::start(move |_| {
            (status, [("location", "http://127.0.0.1:9/")], "<html>").into_response()
        })
        .await;
        let (exit, _, err) = run(&service, &[GOOD]).await;
        assert_eq!(exit, Exit::Refused);
        assert!(err.contains("is it a Leafcutter service?"), "{err}");
    }
}

#[tokio::test]
async fn polls_name_the_answer_at_hand_and_ask_for_results_only_at_the_end() {
    let asked = AtomicUsize::new(0);
    let service = StandIn::start(move |seen| {
        let urls = [GOOD.to_owned()];
        match (asked.fetch_add(1, Ordering::Relaxed), &seen.method) {
            (_, &Method::POST) => queued(),
            (1, _) => ([("etag", "\"1\"")], answer(200, batch("running", &urls, false))).into_response(),
            (2, _) => StatusCode::NOT_MODIFIED.into_response(),
            _ => answer(200, batch("completed", &urls, !seen.target.contains("summary"))),
        }
    })
    .await;
    assert_eq!(run(&service, &[GOOD]).await.0, Exit::Completed);
    let polls = service.seen().split_off(1);
    let targets: Vec<bool> = polls.iter().map(|seen| seen.target.ends_with("?include=summary")).collect();
    let tags: Vec<_> = polls.iter().map(|seen| seen.header("if-none-match")).collect();
    assert_eq!(targets, [true, true, true, false]);
    assert_eq!(tags, [None, Some("\"1\""), Some("\"1\""), None]);
}

#[tokio::test]
async fn running_items_of_a_cancelled_batch_are_waited_for() {
    let asked = AtomicUsize::new(0);
    let service = StandIn::start(move |seen| {
        let mut body = batch("cancelled", &[GOOD.to_owned(), GOOD.to_owned()], true);
        body["items"][1]["status"] = json!("cancelled");
        match (asked.fetch_add(1, Ordering::Relaxed), &seen.method) {
            (_, &Method::POST) => return queued(),
            (1, _) => body["items"][0]["status"] = json!("running"),
            _ => {}
        }
        answer(200, body)
    })
    .await;
    let (exit, out, _) = run(&service, &[GOOD, GOOD]).await;
    assert_eq!((exit, service.seen().len()), (Exit::SomeFailed, 4));
    assert!(out[0].contains(r#""status":"completed""#) && out[1].contains(r#""status":"cancelled""#));
}

#[tokio::test]
async fn an_interrupt_leaves_the_batch_of_a_server_and_says_how_to_get_at_it() {
    let (console, out, err) = console();
    let (sender, interrupt) = tokio::sync::watch::channel(false);
    let service = StandIn::start(move |seen| match seen.method {
        Method::POST => queued(),
        _ => {
            sender.send_replace(true);
            answer(200, batch("running", &[GOOD.to_owned()], false))
        }
    })
    .await;
    let interrupted = async move { drop(interrupt.clone().wait_for(|sent| *sent).await) };
    let exit = scrape_until(&service.parse(&[GOOD]), &service.server, &console, interrupted).await;
    let said = err.text();
    assert_eq!((exit, out.lines().len()), (Exit::Interrupted, 0));
    for verb in ["watch", "cancel"] {
        let id = Uuid::from_u128(1);
        assert!(said.contains(&format!("leafcutter batch {verb} {id} --server http://127.0.0.1:")), "{said}");
    }
    assert!(!service.seen().iter().any(|seen| seen.method == Method::DELETE));
    assert!(!said.contains(KEY));
}

#[tokio::test]
async fn an_interrupt_cancels_the_batch_of_a_service_of_our_own() {
    let (console, _, err) = console();
    let (sender, interrupt) = tokio::sync::watch::channel(false);
    let service = StandIn::start(move |seen| match seen.method {
        Method::POST => queued(),
        Method::DELETE => {
            answer(200, json!({"status": "cancelled", "cancelledItems": 1, "creditsRefunded": 1}))
        }
        _ => {
            sender.send_replace(true);
            answer(200, batch("running", &[GOOD.to_owned()], false))
        }
    })
    .await;
    let mut args: ScrapeArgs = service.parse(&[GOOD]);
    args.connect = no_server();
    let interrupted = async move { drop(interrupt.clone().wait_for(|sent| *sent).await) };
    assert_eq!(scrape_until(&args, &service.server, &console, interrupted).await, Exit::Interrupted);
    assert_eq!(service.seen().last().unwrap().method, Method::DELETE);
    assert!(err.text().contains("was cancelled"));
}

#[tokio::test]
async fn an_interrupt_before_any_batch_says_what_was_not_submitted() {
    let (console, _, err) = console();
    let service = StandIn::start(|_| queued()).await;
    let args: ScrapeArgs = service.parse(&[GOOD, BAD]);
    let run = Run {
        api: Api::new(&service.server, &console).unwrap(),
        options: json!({}),
        console: &console,
        open: None,
        not_submitted: args.urls.len(),
    };
    run.interrupted(true).await;
    assert!(err.text().contains("2 pages were not submitted"));
}

#[tokio::test]
async fn a_submit_holds_what_was_asked_for_and_the_key_only_in_its_header() {
    let service = StandIn::start(quick_service()).await;
    let schema = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(schema.path(), r#"{"type":"object"}"#).unwrap();
    let schema = schema.path().to_str().unwrap();
    let flags =
        ["--prompt", "the price", "--output", "json", "--fast", "--main-content", "--schema", schema, GOOD];
    assert_eq!(run(&service, &flags).await.0, Exit::Completed);
    let submit = &service.seen()[0];
    let body = json!({"urls": [GOOD], "prompt": "the price", "output": "json", "scrapeMode": "fast", "extractContentOnly": true, "schema": {"type": "object"}});
    assert_eq!(submit.body, body);
    let holds_key =
        |headers: &HeaderMap| headers.values().filter(|value| value.to_str().unwrap().contains(KEY)).count();
    let bearer = format!("Bearer {KEY}");
    assert_eq!((submit.header("authorization"), holds_key(&submit.headers)), (Some(&*bearer), 1));
}

#[tokio::test]
async fn a_schema_that_is_missing_or_no_json_is_named_before_anything_is_sent() {
    let service = StandIn::start(quick_service()).await;
    let broken = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(broken.path(), "{").unwrap();
    let broken = broken.path().to_str().unwrap();
    for (path, said) in [("no/such/schema.json", "cannot be read"), (broken, "is not valid JSON")] {
        let (exit, _, err) = run(&service, &["--schema", path, GOOD]).await;
        assert_eq!(exit, Exit::Refused);
        assert!(err.contains(path) && err.contains(said), "{err}");
    }
    assert!(service.seen().is_empty());
}
