//! The client of solver services against a stand-in with every fault, on loopback.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod stand_in;

use leafcutter_challenge::{Answer, Evidence, Solver, SolverError, SolverKey, Widget, judge};
use serde_json::json;
use stand_in::{KEY, Manner, StandIn, TOKEN};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

const RECAPTCHA: &str = "<div class=g-recaptcha data-sitekey=SITE-KEY-1></div>";

/// The widget of a page that is nothing else.
fn widget(html: &str) -> Widget {
    judge(&Evidence { status: 200, headers: &[], html }).unwrap().widget.unwrap()
}

async fn solve(service: &StandIn, html: &str, limit: Duration) -> Result<Answer, SolverError> {
    let page = Url::parse("https://user:word@shop.test/wall?x=1#part").unwrap();
    let solver = Solver::new(service.settings()).unwrap();
    solver.solve(&widget(html), &page, Instant::now() + limit).await
}

async fn outcome(manner: Manner) -> Result<String, SolverError> {
    let service = StandIn::start(manner).await;
    solve(&service, RECAPTCHA, Duration::from_secs(30)).await.map(|answer| answer.token().to_owned())
}

#[tokio::test]
async fn each_kind_of_widget_is_its_own_task() {
    for (html, kind) in [
        (RECAPTCHA, "RecaptchaV2TaskProxyless"),
        ("<div class=h-captcha data-sitekey=SITE-KEY-1 data-action=no></div>", "HCaptchaTaskProxyless"),
        ("<div class=cf-turnstile data-sitekey=SITE-KEY-1></div>", "TurnstileTaskProxyless"),
    ] {
        let service = StandIn::start(Manner::Works).await;
        let answer = solve(&service, html, Duration::from_secs(30)).await.unwrap();
        assert_eq!(answer.token(), TOKEN);
        let task =
            json!({"type": kind, "websiteURL": "https://shop.test/wall?x=1", "websiteKey": "SITE-KEY-1"});
        assert_eq!(service.asked("task"), [json!({"clientKey": KEY, "task": task})]);
        assert_eq!(service.asked("taskId").len(), 2);
    }
}

#[tokio::test]
async fn what_a_turnstile_says_of_itself_is_handed_over() {
    let service = StandIn::start(Manner::WorksWithTexts).await;
    let html = "<div class=cf-turnstile data-sitekey=KEY data-action=wall data-cdata=x1></div>";
    assert_eq!(solve(&service, html, Duration::from_secs(30)).await.unwrap().token(), TOKEN);
    let task = &service.asked("task")[0]["task"];
    assert_eq!((&task["action"], &task["data"]), (&json!("wall"), &json!("x1")));
}

#[tokio::test]
async fn every_fault_is_an_error_with_a_reason() {
    let refused = |code: &str| Err(SolverError::Refused { code: code.to_owned() });
    for (manner, expected) in [
        (Manner::Refuses("ERROR_ZERO_BALANCE"), refused("ERROR_ZERO_BALANCE")),
        (Manner::Refuses("<b>hello</b>"), refused("no code")),
        (Manner::Refuses(KEY), refused("no code")),
        (Manner::GivesUp, refused("ERROR_CAPTCHA_UNSOLVABLE")),
        (Manner::Malformed, Err(SolverError::Malformed)),
        (Manner::Huge, Err(SolverError::Malformed)),
        (Manner::Empty, Err(SolverError::Malformed)),
        (Manner::NeverReady, Err(SolverError::Late)),
        (Manner::Hangs, Err(SolverError::Unreachable)),
        (Manner::Redirects, Err(SolverError::Unreachable)),
        (Manner::Breaks, Err(SolverError::Unreachable)),
        (Manner::Stumbles, Ok(TOKEN.to_owned())),
        (Manner::WorksWrong, Ok("wrong".to_owned())),
    ] {
        let found = outcome(manner).await;
        assert!(!format!("{found:?}").contains(KEY));
        assert_eq!(found, expected, "{manner:?}");
    }
}

#[tokio::test]
async fn the_limit_of_the_item_ends_the_wait() {
    let service = StandIn::start(Manner::Hangs).await;
    let late = solve(&service, RECAPTCHA, Duration::from_millis(50)).await;
    assert_eq!(late.map(drop), Err(SolverError::Late));
}

#[tokio::test]
async fn a_task_is_made_once_whatever_happens() {
    for manner in [Manner::Hangs, Manner::Malformed, Manner::NeverReady, Manner::Breaks] {
        let service = StandIn::start(manner).await;
        solve(&service, RECAPTCHA, Duration::from_secs(30)).await.unwrap_err();
        assert_eq!(service.asked("task").len(), 1, "{manner:?}");
    }
}

#[tokio::test]
async fn nobody_is_asked_about_what_cannot_be_solved() {
    let service = StandIn::start(Manner::Works).await;
    for (html, expected) in [
        ("<div class=frc-captcha data-sitekey=KEY></div>", SolverError::Unsupported),
        ("<div class=h-captcha></div>", SolverError::NoSiteKey),
    ] {
        assert_eq!(solve(&service, html, Duration::from_secs(30)).await.map(drop), Err(expected));
    }
    assert!(service.asked("clientKey").is_empty());
}

#[tokio::test]
async fn the_key_is_not_printed_and_only_plain_addresses_are_taken() {
    let mut settings = StandIn::start(Manner::Works).await.settings();
    assert!(!format!("{settings:?} {:?}", Solver::new(settings.clone())).contains(KEY));
    for wrong in ["ftp://a.test/", "https://u:p@a.test/", "https://a.test/?key=1", "data:x"] {
        settings.url = Url::parse(wrong).unwrap();
        settings.key = SolverKey::new(KEY.to_owned());
        assert_eq!(Solver::new(settings.clone()).map(drop), Err(SolverError::Address), "{wrong}");
    }
}
