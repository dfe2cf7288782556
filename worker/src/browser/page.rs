//! One page in a slot's tab: opened, waited for, read, pictured. Every wait here is bounded by the caller's limit
//! or by a constant. Not here: what is made of the content.

use super::{
    command_line::{WINDOW_HEIGHT_PX, WINDOW_WIDTH_PX},
    context::{Tab, lost},
    net_error::{failed, from_chromium, refused},
    watch::{Answer, Seen},
};
use crate::content::{Document, Kind};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chromiumoxide::{
    cdp::{
        browser_protocol::{
            network::{GetResponseBodyParams, RequestId},
            page::{
                CaptureScreenshotFormat, CaptureScreenshotParams, GetLayoutMetricsParams, NavigateParams,
                NavigateReturns, Viewport,
            },
        },
        js_protocol::runtime::EvaluateParams,
    },
    error::CdpError,
    types::CommandResponse,
};
use leafcutter_challenge::may_hide_a_challenge;
use leafcutter_dispatch::FailedPage;
use leafcutter_domain::ErrorCode;
use leafcutter_egress::Proxy;
use serde::Deserialize;
use std::{future::Future, pin::Pin, time::Duration};
use tokio::{
    sync::watch::Receiver,
    time::{Instant, sleep_until, timeout, timeout_at},
};
use url::Url;

/// The network is quiet when no request was in flight for this long, in milliseconds.
const QUIET_MS: u64 = 150;
/// How long quiet is waited for after the load event, in milliseconds.
const QUIET_WAIT_MS_MAX: u64 = 3_000;
/// How long the browser may take to finish a load whose outcome is known, in milliseconds. Then the tab is not
/// used again.
const SETTLE_MS: u64 = 1_000;
/// How long a page that answered with an error may load before it is read as it is, in milliseconds.
const REFUSED_LOAD_MS_MAX: u64 = 5_000;
/// A page whose last request began or ended so long ago is looked at although it has others, in milliseconds.
const BUSY_MS_MAX: u64 = 2_000;
/// How long one look at a page may take, in milliseconds.
const LOOK_MS_MAX: u64 = 5_000;
/// How long events may trail the answer to a command, in milliseconds.
const EVENTS_LATE_MS_MAX: u64 = 200;
/// Height of a picture of a whole page, in CSS pixels.
const PICTURE_HEIGHT_PX_MAX: f64 = 16_384.0;

/// A navigation ended without a document: a download, an answer without content, or a dead renderer.
const ABORTED: &str = "net::ERR_ABORTED";

type Navigation<'a> =
    Pin<Box<dyn Future<Output = Result<CommandResponse<NavigateReturns>, CdpError>> + Send + 'a>>;

/// Opens `url` and answers with the document as it stands when its network is quiet.
///
/// `load_until` bounds the wait for the load event.
pub(crate) async fn open(
    tab: &mut Tab,
    url: &Url,
    proxy: &Proxy,
    load_until: Instant,
) -> Result<Document, FailedPage> {
    tab.watch().begin();
    tab.browser().count_page();
    let page = tab.page().clone();
    let mut navigation: Navigation<'_> = Box::pin(page.execute(NavigateParams::new(url.as_str())));
    let mut navigated = false;
    let outcome = visit(tab, &mut navigation, &mut navigated, proxy, load_until).await;
    // The library takes no new navigation before the last one has ended, so a tab with an open one is spoilt.
    let late = matches!(&outcome, Err(failure) if failure.code == ErrorCode::NavigationTimeout);
    if !navigated && (late || timeout(Duration::from_millis(SETTLE_MS), &mut navigation).await.is_err()) {
        tab.spoil();
    }
    outcome
}

async fn visit(
    tab: &Tab,
    navigation: &mut Navigation<'_>,
    navigated: &mut bool,
    proxy: &Proxy,
    load_until: Instant,
) -> Result<Document, FailedPage> {
    let mut seen = tab.watch().seen();
    let loaded = timeout_at(load_until, load(&mut seen, navigation, navigated, proxy)).await;
    loaded.map_err(|_| {
        let late = failed(ErrorCode::NavigationTimeout, "the page did not finish loading in time");
        match &seen.borrow().answer {
            Some(answer) if answer.status >= 400 => refused_by_status(answer),
            Some(answer) => known(answer, late),
            None => late,
        }
    })??;
    let quiet_until = Instant::now() + Duration::from_millis(QUIET_WAIT_MS_MAX);
    // A page that never gets quiet is read as it is.
    let _ = timeout_at(quiet_until, quiet(&mut seen)).await;
    let answer = judge(&seen.borrow(), proxy)?.ok_or_else(lost)?;
    read(tab, answer).await
}

/// Waits until the main document has loaded, or its failure is known.
async fn load(
    seen: &mut Receiver<Seen>,
    navigation: &mut Navigation<'_>,
    navigated: &mut bool,
    proxy: &Proxy,
) -> Result<(), FailedPage> {
    let mut refused_until = None;
    loop {
        {
            let state = seen.borrow_and_update();
            if let Some(answer) = judge(&state, proxy)? {
                if state.loaded() {
                    return Ok(());
                }
                if answer.status >= 400 && refused_until.is_none() {
                    refused_until = Some(Instant::now() + Duration::from_millis(REFUSED_LOAD_MS_MAX));
                }
            }
        }
        tokio::select! {
            changed = seen.changed() => changed.map_err(|_| lost())?,
            // Who loads for longer than that is read as it is.
            () = sleep_until(refused_until.unwrap_or_else(Instant::now)), if refused_until.is_some() => {
                return Ok(());
            }
            answer = &mut *navigation, if !*navigated => {
                *navigated = true;
                let answer = answer.map_err(|_| lost())?.result;
                if let Some(text) = answer.error_text {
                    return Err(unanswered(seen, &text, proxy).await);
                }
            }
        }
    }
}

/// Why a navigation gave no document, from all that is known.
async fn unanswered(seen: &mut Receiver<Seen>, text: &str, proxy: &Proxy) -> FailedPage {
    // The events come another way than the answer to the command, and may come a little later.
    let failed = |state: &Seen| state.failed.as_ref().is_some_and(|(_, text)| text != ABORTED);
    let told = |state: &Seen| state.crashed || state.answer.is_some() || failed(state);
    let _ = timeout(Duration::from_millis(EVENTS_LATE_MS_MAX), seen.wait_for(told)).await;
    let state = seen.borrow();
    if let Err(failure) = judge(&state, proxy) {
        return failure;
    }
    match &state.answer {
        // Chromium has a page of its own in the place of an error without content.
        Some(answer) if answer.status >= 400 => refused_by_status(answer),
        Some(answer) => known(answer, from_chromium(text)),
        // Nothing but a dead renderer aborts a request that nobody has answered.
        None if text == ABORTED => lost(),
        None => refusal(state.asked.as_deref(), proxy).unwrap_or_else(|| from_chromium(text)),
    }
}

/// The main document's answer if there is one that can be used; the failure if there is one.
fn judge(seen: &Seen, proxy: &Proxy) -> Result<Option<Answer>, FailedPage> {
    if seen.crashed {
        return Err(failed(ErrorCode::BrowserCrashed, "the page crashed its renderer"));
    }
    let Some(answer) = &seen.answer else {
        return match &seen.failed {
            // An aborted request tells nothing by itself: see `unanswered`.
            Some((_, text)) if seen.asked.is_some() && text != ABORTED => {
                Err(refusal(seen.asked.as_deref(), proxy).unwrap_or_else(|| from_chromium(text)))
            }
            _ => Ok(None),
        };
    };
    let known = |failure| known(answer, failure);
    if answer.refused
        && let Some(failure) = refusal(Some(&answer.url), proxy)
    {
        return Err(known(failure));
    }
    // What may be a challenge is read before it counts as refused: see `challenge`.
    let may_be_more = may_hide_a_challenge(answer.status) && Kind::of(&answer.mime) == Some(Kind::Html);
    if answer.status >= 400 && !may_be_more {
        return Err(refused_by_status(answer));
    }
    if Kind::of(&answer.mime).is_none() {
        let message = format!("the page is of the kind '{}', which is not read", answer.mime);
        return Err(known(failed(ErrorCode::UnsupportedContent, message)));
    }
    if let Some((loader, text)) = &seen.failed
        && *loader == answer.loader
    {
        if let Some(failure) = refusal(Some(&answer.url), proxy) {
            return Err(known(failure));
        }
        // A document that was cut off but has loaded is shown by every browser, and read here.
        if !seen.loaded() {
            return Err(known(from_chromium(text)));
        }
    }
    Ok(Some(answer.clone()))
}

/// The site answered with a status of 400 or above, and that is all.
pub(super) fn refused_by_status(answer: &Answer) -> FailedPage {
    let message = format!("the page answered {} {}", answer.status, answer.status_text);
    known(answer, failed(ErrorCode::HttpStatus, message.trim()))
}

/// The document as it stands now; `None` while there is none, as in the middle of a navigation.
pub(super) async fn look(tab: &Tab, proxy: &Proxy) -> Result<Option<(Answer, Document)>, FailedPage> {
    let answer = {
        let seen = tab.watch().seen();
        let state = seen.borrow();
        match judge(&state, proxy)? {
            Some(answer) if state.loaded() && state.rests(Duration::from_millis(BUSY_MS_MAX)) => answer,
            Some(_) | None => return Ok(None),
        }
    };
    // A page that has just been left cannot be read; one that never can is not waited for without end.
    let document = timeout(Duration::from_millis(LOOK_MS_MAX), read(tab, answer.clone())).await;
    Ok(document.ok().and_then(Result::ok).map(|document| (answer, document)))
}

/// Waits until the page's network is quiet, within its bound.
pub(super) async fn rest(tab: &Tab) {
    let quiet_until = Instant::now() + Duration::from_millis(QUIET_WAIT_MS_MAX);
    let _ = timeout_at(quiet_until, quiet(&mut tab.watch().seen())).await;
}

/// A failure of a page that has answered.
pub(super) fn known(answer: &Answer, failure: FailedPage) -> FailedPage {
    let http_status = Some(answer.status).filter(|_| !answer.refused);
    FailedPage { final_url: Some(answer.url.clone()), http_status, ..failure }
}

fn refusal(url: Option<&str>, proxy: &Proxy) -> Option<FailedPage> {
    let url = Url::parse(url?).ok()?;
    proxy.refusal_for(url.host_str()?).as_ref().map(refused)
}

/// Waits until no request was in flight for a while.
async fn quiet(seen: &mut Receiver<Seen>) {
    let pause = Duration::from_millis(QUIET_MS);
    loop {
        let wait = {
            let state = seen.borrow_and_update();
            if state.crashed {
                return;
            }
            state.idle().then(|| state.changed + pause)
        };
        let changed = match wait {
            Some(quiet_at) => match timeout_at(quiet_at, seen.changed()).await {
                Ok(changed) => changed,
                Err(_) => return,
            },
            None => seen.changed().await,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// What the script hands over.
#[derive(Deserialize)]
struct Handed {
    html: String,
    url: String,
}

async fn read(tab: &Tab, answer: Answer) -> Result<Document, FailedPage> {
    let final_url =
        |text: &str| Url::parse(text).map_err(|_| failed(ErrorCode::Internal, "the page has no address"));
    match Kind::of(&answer.mime) {
        Some(Kind::Html) | None => {
            let handed = hand_over(tab).await?;
            let url = final_url(&handed.url)?;
            Ok(Document { final_url: url, http_status: answer.status, kind: Kind::Html, text: handed.html })
        }
        Some(kind) => {
            let request = GetResponseBodyParams::new(RequestId::new(answer.loader));
            let body = tab.page().execute(request).await.map_err(|_| lost())?.result;
            let text = if body.base64_encoded {
                let bytes = STANDARD.decode(&body.body).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            } else {
                body.body
            };
            Ok(Document { final_url: final_url(&answer.url)?, http_status: answer.status, kind, text })
        }
    }
}

/// The document as it stands, with its open shadow trees in their places.
async fn hand_over(tab: &Tab) -> Result<Handed, FailedPage> {
    let script = include_str!("hand_over.js")
        .replace("HTML_CHARS_MAX", &leafcutter_extract::HTML_BYTES_MAX.to_string());
    let mut evaluate = EvaluateParams::new(script);
    evaluate.return_by_value = Some(true);
    let answer = tab.page().execute(evaluate).await.map_err(|_| lost())?.result;
    let value = answer.result.value.unwrap_or_default();
    if value == "too large" {
        return Err(failed(ErrorCode::TooLarge, "the page's HTML is larger than what is read"));
    }
    serde_json::from_value(value)
        .map_err(|_| failed(ErrorCode::ExtractionFailed, "the page does not hand over its HTML"))
}

/// A PNG of the page: what fits the window, or all of it down to a bound.
pub(crate) async fn picture(tab: &Tab, whole: bool) -> Result<Vec<u8>, FailedPage> {
    let (width, mut height) = (f64::from(WINDOW_WIDTH_PX), f64::from(WINDOW_HEIGHT_PX));
    if whole {
        let metrics = tab.page().execute(GetLayoutMetricsParams {}).await.map_err(|_| lost())?.result;
        height = metrics.css_content_size.height.ceil().clamp(height, PICTURE_HEIGHT_PX_MAX);
    }
    let command = CaptureScreenshotParams::builder()
        .format(CaptureScreenshotFormat::Png)
        .clip(Viewport { x: 0.0, y: 0.0, width, height, scale: 1.0 })
        .capture_beyond_viewport(whole)
        .build();
    let picture = tab.page().execute(command).await.map_err(|_| lost())?.result;
    STANDARD
        .decode(AsRef::<[u8]>::as_ref(&picture.data))
        .map_err(|_| failed(ErrorCode::Internal, "the browser's picture cannot be decoded"))
}
