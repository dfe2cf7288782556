//! Challenges in the place of pages: named for what they are, passed where that is possible, counted where it was
//! paid for.

use crate::{
    site::Site,
    solver_service::{Manner, StandIn},
    support::{Order, System},
    walls::BEHIND,
};
use leafcutter_dispatch::{FailedPage, Outcome, Report};
use leafcutter_domain::{ErrorCode, ScrapeMode, ScrapeOptions, Screenshot};

/// A worker that may ask `service`.
async fn with_solver(site: &Site, service: &StandIn) -> System {
    let solver = service.settings();
    System::with(site, |settings| settings.solver = Some(solver)).await
}

async fn report(system: &System, order: Order) -> Report {
    let batch = system.offer(&[order]).await;
    system.report(batch, 0).await
}

fn failure(report: &Report) -> &FailedPage {
    match &report.outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("not failed: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_from_errors_of_http_in_both_modes() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    for mode in [ScrapeMode::Default, ScrapeMode::Fast] {
        for (path, code, status) in [
            ("/wall/blocked", ErrorCode::Blocked, 403),
            ("/wall/members", ErrorCode::HttpStatus, 403),
            ("/wall/empty", ErrorCode::HttpStatus, 403),
            ("/wall/data", ErrorCode::HttpStatus, 403),
            ("/wall/nothing", ErrorCode::HttpStatus, 404),
            ("/wall/callback", ErrorCode::CaptchaUnsolved, 200),
            ("/wall/bare-form", ErrorCode::CaptchaUnsolved, 403),
        ] {
            let options = ScrapeOptions { mode, ..ScrapeOptions::default() };
            let failed = system.failed(Order { options, ..Order::of(site.url(path)) }).await;
            assert_eq!(
                (failed.code, failed.http_status),
                (code, Some(status)),
                "{mode:?} {path}: {failed:?}"
            );
            assert_eq!(failed.final_url, Some(site.url(path)), "{mode:?}");
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_never_ends_is_an_error_of_http_and_hurts_no_other_item() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let failed = system.failed(Order::of(site.url("/wall/endless"))).await;
    assert_eq!((failed.code, failed.http_status), (ErrorCode::HttpStatus, Some(403)));
    let (_, text) = system.completed(Order::of(site.url("/plain"))).await;
    assert!(text.contains("Plain page"), "{text}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_lets_the_browser_pass_after_a_while_is_waited_for() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let options = ScrapeOptions { screenshot: Screenshot::Viewport, ..ScrapeOptions::default() };
    let order = Order { options, ..Order::of(site.url("/wall/settles")) };
    let (page, text) = system.completed(order).await;
    assert!(
        text.contains(BEHIND) && page.http_status == 200 && page.screenshot.is_some(),
        "{page:?}: {text}"
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_solved_captcha_leads_to_the_page_and_is_counted() {
    let (site, service) = (Site::start(None).await, StandIn::start(Manner::Works).await);
    let system = with_solver(&site, &service).await;
    for (path, kind, key) in [
        ("/wall/callback", "RecaptchaV2TaskProxyless", "SITE-KEY-1"),
        ("/wall/form", "HCaptchaTaskProxyless", "SITE-KEY-2"),
        ("/wall/bare-form", "TurnstileTaskProxyless", "SITE-KEY-3"),
        ("/wall/in-place", "RecaptchaV2TaskProxyless", "SITE-KEY-4"),
    ] {
        let report = report(&system, Order::of(site.url(path))).await;
        let Outcome::Completed(page) = &report.outcome else { panic!("{path}: {:?}", report.outcome) };
        let text = system.objects.get(&page.result.key, 100_000).await.unwrap();
        assert!(String::from_utf8_lossy(&text).contains(BEHIND), "{path}");
        assert_eq!((report.usage.captchas, page.http_status), (1, 200), "{path}");
        let task = &service.asked("task").pop().unwrap()["task"];
        assert_eq!((&task["type"], &task["websiteKey"]), (&kind.into(), &key.into()), "{path}");
        assert_eq!(task["websiteURL"], site.url(path));
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_without_a_captcha_counts_none() {
    let (site, service) = (Site::start(None).await, StandIn::start(Manner::Works).await);
    let system = with_solver(&site, &service).await;
    for path in ["/wall/callback", "/plain", "/wall/blocked", "/wall/hidden-key"] {
        let report = report(&system, Order::of(site.url(path))).await;
        assert_eq!(report.usage.captchas, u32::from(path == "/wall/callback"), "{path}");
    }
    let fast = ScrapeOptions { mode: ScrapeMode::Fast, ..ScrapeOptions::default() };
    let report = report(&system, Order { options: fast, ..Order::of(site.url("/wall/callback")) }).await;
    assert_eq!((failure(&report).code, report.usage.captchas), (ErrorCode::CaptchaUnsolved, 0));
    assert_eq!(service.asked("task").len(), 1);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_the_site_does_not_take_was_paid_all_the_same() {
    let (site, service) = (Site::start(None).await, StandIn::start(Manner::WorksWrong).await);
    let system = with_solver(&site, &service).await;
    let report = report(&system, Order::of(site.url("/wall/callback"))).await;
    let failed = failure(&report);
    assert_eq!((failed.code, report.usage.captchas), (ErrorCode::CaptchaUnsolved, 1), "{failed:?}");
    assert_eq!(service.asked("task").len(), 1, "one answer an attempt");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_solver_that_fails_leaves_the_captcha_unsolved_for_its_reason() {
    for (manner, reason) in [
        (Manner::Refuses("ERROR_ZERO_BALANCE"), "ERROR_ZERO_BALANCE"),
        (Manner::GivesUp, "ERROR_CAPTCHA_UNSOLVABLE"),
        (Manner::Malformed, "cannot be read"),
        (Manner::NeverReady, "not ready in time"),
        (Manner::Hangs, "cannot be reached"),
    ] {
        let (site, service) = (Site::start(None).await, StandIn::start(manner).await);
        let system = with_solver(&site, &service).await;
        let report = report(&system, Order::of(site.url("/wall/callback"))).await;
        let failed = failure(&report);
        assert_eq!((failed.code, report.usage.captchas), (ErrorCode::CaptchaUnsolved, 0), "{manner:?}");
        assert!(failed.message.contains(reason), "{manner:?}: {}", failed.message);
        system.stop().await;
    }
}
