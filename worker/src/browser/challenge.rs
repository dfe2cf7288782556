//! Past challenges: waiting for those that let a browser pass, having a CAPTCHA answered where a solver is set, and
//! saying what the page is where neither helps. How challenges are told from pages is `leafcutter-challenge`'s.

use super::{
    context::{Tab, lost},
    net_error::failed,
    page::{self, Opened},
    read,
    seen::Answer,
};
use crate::content::{Body, Document};
use chromiumoxide::cdp::js_protocol::runtime::EvaluateParams;
use leafcutter_challenge::{Challenge, Evidence, Solver, Verdict, Widget, WidgetKind, judge};
use leafcutter_dispatch::FailedPage;
use leafcutter_domain::ErrorCode;
use leafcutter_egress::Proxy;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

/// How long a challenge may take to let the browser pass by itself, in milliseconds.
const SETTLES_MS_MAX: u64 = 15_000;
/// How long a page may take to go on after its CAPTCHA was answered, in milliseconds.
const ANSWERED_MS_MAX: u64 = 15_000;
/// How long the widget's own callback may take before the form is sent, in milliseconds.
const CALLED_BACK_MS_MAX: u64 = 2_000;
/// How often is looked whether the challenge is gone, in milliseconds.
const LOOK_EVERY_MS: u64 = 250;
/// Looks in a row that must show no challenge in a page that was not left: it may be about to be.
const CLEAR_LOOKS: u32 = 4;
/// How long the putting in of an answer may take, in milliseconds.
const PUT_IN_MS_MAX: u64 = 5_000;

/// How far an item may go to pass a challenge.
pub(crate) struct Passage<'a> {
    /// Whom to ask for answers.
    pub(crate) solver: Option<&'a Solver>,
    /// Answers that were paid so far.
    pub(crate) captchas: &'a mut u32,
    /// The load event, waits and answers are bounded by this.
    pub(crate) load_until: Instant,
    /// What comes after an answer is bounded by this.
    pub(crate) pass_until: Instant,
}

/// Opens `url` like `page::open`, and goes past what the site shows instead of its page if that can be passed.
pub(crate) async fn open_past(
    tab: &mut Tab,
    url: &Url,
    proxy: &Proxy,
    passage: Passage<'_>,
) -> Result<Opened, FailedPage> {
    let document = match page::open(tab, url, proxy, passage.load_until).await? {
        Opened::Document(document) => document,
        to_fetch @ Opened::ToFetch(_) => return Ok(to_fetch),
    };
    let answer = tab.watch().seen().borrow().answer.clone().ok_or_else(lost)?;
    match examine(&answer, &document) {
        None if answer.status >= 400 => Err(page::refused_by_status(&answer)),
        None => Ok(Opened::Document(document)),
        Some(challenge) => {
            tracing::debug!(by = challenge.by, settles = challenge.settles, "a page is a challenge");
            pass(tab, proxy, passage, challenge, answer).await.map(Opened::Document)
        }
    }
}

/// Why a challenge was not passed, for the reader of the item.
pub(crate) fn unpassed(challenge: &Challenge, reason: Option<&str>) -> FailedPage {
    let by = challenge.by;
    let widget = challenge.widget.as_ref().map_or("a proof", |widget| match widget.kind {
        WidgetKind::Recaptcha => "a reCAPTCHA",
        WidgetKind::Hcaptcha => "an hCaptcha",
        WidgetKind::Turnstile => "a Turnstile",
        WidgetKind::Other => "a CAPTCHA",
    });
    let (code, message) = match challenge.verdict {
        Verdict::Blocked => (ErrorCode::Blocked, format!("a block page instead of the page, shown by {by}")),
        Verdict::Captcha => {
            (ErrorCode::CaptchaUnsolved, format!("{by} asks for {widget} that a person is there"))
        }
    };
    failed(code, reason.map_or_else(|| message.clone(), |reason| format!("{message}: {reason}")))
}

fn examine(answer: &Answer, document: &Document) -> Option<Challenge> {
    let Body::Html(html) = &document.body else { return None };
    judge(&Evidence { status: answer.status, headers: &answer.telling, html })
}

async fn pass(
    tab: &Tab,
    proxy: &Proxy,
    passage: Passage<'_>,
    mut challenge: Challenge,
    mut answer: Answer,
) -> Result<Document, FailedPage> {
    // It may look whether anybody sees it, from frames of other sites too.
    tab.show().await?;
    if challenge.settles {
        let until = within(passage.load_until, SETTLES_MS_MAX);
        match gone(tab, proxy, until, &answer.loader).await? {
            Stand::Past(document) => return Ok(document),
            Stand::Still(Some((now, at))) => (challenge, answer) = (now, at),
            Stand::Still(None) => {}
        }
    }
    let still = |challenge: &Challenge, reason| Err(page::known(&answer, unpassed(challenge, reason)));
    let (Verdict::Captcha, Some(solver), Some(widget)) =
        (challenge.verdict, passage.solver, &challenge.widget)
    else {
        return still(&challenge, None);
    };
    let at = Url::parse(&answer.url).map_err(|_| failed(ErrorCode::Internal, "the page has no address"))?;
    let token = match solver.solve(widget, &at, passage.load_until).await {
        Ok(token) => token,
        Err(error) => {
            tracing::warn!(%error, "a CAPTCHA was not solved");
            return still(&challenge, Some(&error.to_string()));
        }
    };
    *passage.captchas += 1;
    let until = within(passage.pass_until, ANSWERED_MS_MAX);
    put_in(tab, widget, token.token(), false).await;
    // Many a callback only lets the form be sent.
    let called_back = within(until, CALLED_BACK_MS_MAX);
    if let Stand::Past(document) = gone(tab, proxy, called_back, &answer.loader).await? {
        return Ok(document);
    }
    put_in(tab, widget, token.token(), true).await;
    match gone(tab, proxy, until, &answer.loader).await? {
        Stand::Past(document) => Ok(document),
        Stand::Still(_) => still(&challenge, Some("the site did not go on after the solver's answer")),
    }
}

fn within(until: Instant, limit_ms: u64) -> Instant {
    until.min(Instant::now() + Duration::from_millis(limit_ms))
}

/// How it stands with a challenge.
enum Stand {
    Past(Document),
    /// It is still there, as it was last seen.
    Still(Option<(Challenge, Answer)>),
}

/// Waits until the challenge that was loaded as `loader` is gone: left for another page, or taken away.
async fn gone(tab: &Tab, proxy: &Proxy, until: Instant, loader: &str) -> Result<Stand, FailedPage> {
    let mut last = None;
    let mut clear = 0;
    while Instant::now() + Duration::from_millis(LOOK_EVERY_MS) < until {
        sleep(Duration::from_millis(LOOK_EVERY_MS)).await;
        let Some((answer, document)) = look(tab, proxy, loader).await? else {
            clear = 0;
            continue;
        };
        if let Some(challenge) = examine(&answer, &document) {
            clear = 0;
            last = Some((challenge, answer));
            continue;
        }
        let left = answer.loader != loader;
        clear += 1;
        match (left, answer.status >= 400) {
            (true, true) => return Err(page::refused_by_status(&answer)),
            (true, false) => return Ok(Stand::Past(document)),
            (false, false) if clear >= CLEAR_LOOKS => return Ok(Stand::Past(document)),
            // A refusal that was emptied is about to be left.
            (false, _) => {}
        }
    }
    Ok(Stand::Still(last))
}

/// The document as it stands; another one than the challenge is given time to make itself.
async fn look(tab: &Tab, proxy: &Proxy, loader: &str) -> Result<Option<(Answer, Document)>, FailedPage> {
    let seen = page::look(tab, proxy).await?;
    if seen.as_ref().is_none_or(|(answer, _)| answer.loader == loader) {
        return Ok(seen);
    }
    read::rest(tab).await;
    page::look(tab, proxy).await
}

/// Puts the answer where the widget's own script would, and tells the page; `press` sends the form instead.
async fn put_in(tab: &Tab, widget: &Widget, token: &str, press: bool) {
    let kind = match widget.kind {
        WidgetKind::Recaptcha => "recaptcha",
        WidgetKind::Hcaptcha => "hcaptcha",
        WidgetKind::Turnstile => "turnstile",
        WidgetKind::Other => return,
    };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let script = include_str!("answer_captcha.js")
        .replace("KIND", &quoted(kind))
        .replace("PRESS", if press { "true" } else { "false" })
        .replace("TOKEN", &quoted(token));
    // A page that is left at once answers with an error.
    let evaluate = tab.page().execute(EvaluateParams::new(script));
    let _ = timeout(Duration::from_millis(PUT_IN_MS_MAX), evaluate).await;
}
