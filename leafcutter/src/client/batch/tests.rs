//! What the `batch` commands print and how they end.

use super::*;
use crate::client::stand_in::{self, Seen, StandIn, answer, console};
use axum::{
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

const ID: &str = "0198c5a0-0000-7000-8000-000000000001";

/// Runs a command to its end; returns the exit, standard output and standard error.
async fn batch_command(service: &StandIn, flags: &[&str]) -> (Exit, String, String) {
    let (console, out, err) = console();
    let exit = conclude(&console, run(&service.parse(flags), &console).await);
    (exit, out.text(), err.text())
}

fn two_pages(seen: &Seen) -> Response {
    let urls = ["https://example.com/good".to_owned(), "https://example.com/fail".to_owned()];
    answer(200, stand_in::batch("completed", &urls, !seen.target.contains("summary")))
}

#[tokio::test]
async fn status_is_a_table_of_the_items_and_needs_no_results() {
    let service = StandIn::start(two_pages).await;
    let (exit, out, _) = batch_command(&service, &["status", ID]).await;
    assert_eq!(exit, Exit::Completed);
    assert!(out.contains(&format!("batch {ID}: completed")), "{out}");
    assert!(out.contains("HTTP_STATUS: The page answered 500."), "{out}");
    assert!(out.contains("1 of 2 completed, 1 failed, 0 cancelled, 1 credits used"), "{out}");
    assert_eq!(service.seen()[0].target, format!("/api/batch/scrape/{ID}?include=summary"));
}

#[tokio::test]
async fn json_prints_the_answer_of_the_server_as_it_came() {
    let odd = r#"{"b": 1.10, "a": [],   "message": 12345678901234567890123}"#;
    let service = StandIn::start(move |_| (StatusCode::OK, odd).into_response()).await;
    for command in [&["list"][..], &["status", ID], &["cancel", ID], &["retry", ID]] {
        let (exit, out, _) = batch_command(&service, &[command, &["--json"]].concat()).await;
        assert_eq!((exit, out.as_str()), (Exit::Completed, odd), "{command:?}");
    }
}

#[tokio::test]
async fn watch_prints_the_lines_and_ends_as_scrape_does() {
    let service = StandIn::start(two_pages).await;
    let (exit, out, _) = batch_command(&service, &["watch", ID]).await;
    let urls: Vec<&str> = out.lines().map(|line| line.split('"').nth(3).unwrap()).collect();
    assert_eq!(exit, Exit::SomeFailed);
    assert_eq!(urls, ["https://example.com/good", "https://example.com/fail"]);
}

#[tokio::test]
async fn a_server_that_starts_again_in_the_middle_is_waited_for() {
    let asked = AtomicUsize::new(0);
    let service = StandIn::start(move |seen| {
        assert!(asked.fetch_add(1, Ordering::Relaxed) != 1, "the stand-in drops this connection on purpose");
        two_pages(seen)
    })
    .await;
    let (exit, _, err) = batch_command(&service, &["watch", ID]).await;
    assert_eq!(exit, Exit::SomeFailed);
    assert!(err.contains("does not answer; trying again"), "{err}");
}

#[tokio::test]
async fn list_shows_a_page_and_says_which() {
    let job = json!({"uuid": ID, "status": "running", "totalUrls": 50, "completedCount": 7, "failedCount": 2, "outputFormat": "json",
        "createdAt": "2030-01-01T00:00:00.000Z", "finishedAt": null});
    let body = json!({"jobs": [job], "pagination": {"page": 2, "limit": 5, "total": 6, "totalPages": 2}});
    let service = StandIn::start(move |_| answer(200, body.clone())).await;
    let (exit, out, _) = batch_command(&service, &["list", "--page", "2", "--limit", "5"]).await;
    assert_eq!(exit, Exit::Completed);
    assert!(out.contains(ID) && out.contains("page 2 of 2, 6 batches"), "{out}");
    assert_eq!(service.seen()[0].target, "/api/batch/scrape?page=2&limit=5");
}

#[tokio::test]
async fn cancel_and_retry_say_what_they_did() {
    let service = StandIn::start(|seen| match seen.method {
        Method::DELETE => {
            answer(200, json!({"status": "cancelled", "cancelledItems": 3, "creditsRefunded": 6}))
        }
        _ => answer(202, json!({"status": "queued", "retriedCount": 2})),
    })
    .await;
    let (_, cancelled, _) = batch_command(&service, &["cancel", ID]).await;
    let (_, retried, hint) = batch_command(&service, &["retry", ID]).await;
    assert_eq!(cancelled, "cancelled: 3 items stopped, 6 credits given back");
    assert_eq!(retried, "queued: 2 items run again");
    assert!(hint.contains(&format!("leafcutter batch watch {ID}")), "{hint}");
    assert!(service.seen()[1].header("idempotency-key").is_some());
}

#[tokio::test]
async fn what_the_server_refuses_ends_with_2() {
    let refusal = json!({"status": "error", "message": "Cannot cancel a batch that is already completed.", "code": "ALREADY_TERMINAL"});
    let service = StandIn::start(move |_| answer(409, refusal.clone())).await;
    let (exit, out, err) = batch_command(&service, &["cancel", ID]).await;
    assert_eq!((exit, out.as_str()), (Exit::Refused, ""));
    assert_eq!(err, "leafcutter: Cannot cancel a batch that is already completed. (ALREADY_TERMINAL)");
}

#[tokio::test]
async fn a_history_is_a_table_of_events_with_who_how_long_and_why() {
    let event = json!({
        "revision": 4, "position": "9", "id": ID, "type": "ItemFailed", "at": "2030-01-01T00:00:07.000Z",
        "items": [3], "url": null, "round": 1, "attempt": 2, "worker": "0198c5a0-0000-7000-8000-00000000beef",
        "proxyCountry": "de", "durationMs": 1250, "httpStatus": null, "code": "BLOCKED",
        "reason": "The site showed a block page.\u{1b}", "credits": 0, "tokens": 0, "captchas": 0,
    });
    let body = json!({"batchId": ID, "events": [event]});
    let service = StandIn::start(move |_| answer(200, body.clone())).await;
    let (exit, out, _) = batch_command(&service, &["history", ID]).await;
    assert_eq!(exit, Exit::Completed);
    assert_eq!(service.seen()[0].target, format!("/api/batch/scrape/{ID}/history"));
    for part in
        ["ItemFailed", "00000000beef", " de ", "1250 ms", "BLOCKED: The site showed a block page.\u{fffd}"]
    {
        assert!(out.contains(part), "{part} is not in {out}");
    }
}
