//! The document of a page that has loaded, read when the page has settled: nothing in flight, nothing in hand, no
//! change for a moment. What is in hand is known from inside the page (`at_start.js`), so that a page without
//! scripts is read at once and a busy one is waited for, within bounds. Not here: how a page gets loaded (`page`).

use super::{
    context::{Tab, lost},
    net_error::failed,
    seen::{Answer, Seen},
};
use crate::content::{Body, Document, Kind};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chromiumoxide::{
    cdp::{
        browser_protocol::{
            network::{GetResponseBodyParams, RequestId},
            page::{CreateIsolatedWorldParams, FrameId, FrameTree, GetFrameTreeParams},
        },
        js_protocol::runtime::{EvaluateParams, ExecutionContextId},
    },
    error::CdpError,
};
use leafcutter_dispatch::FailedPage;
use leafcutter_domain::ErrorCode;
use leafcutter_extract::DocumentKind;
use serde::Deserialize;
use std::time::Duration;
use tokio::{
    sync::watch::Receiver,
    time::{Instant, timeout, timeout_at},
};
use url::Url;

/// How long a page that has loaded is waited for until it has settled, in milliseconds.
const SETTLE_MS_MAX: u64 = 3_000;
/// The same for a page with hardly a word on it that still has work in hand, in milliseconds.
const SETTLE_BARE_MS_MAX: u64 = 10_000;
/// Times that a page is read again because its network was not quiet after all.
const READINGS_MAX: usize = 8;
/// How long events may trail the answer to a command, in milliseconds.
const EVENTS_LATE_MS_MAX: u64 = 200;
/// Frames of other origins of the same site that are read.
const KINDRED_FRAMES_MAX: usize = 10;
/// The page that Chromium shows in the place of one that did not come.
const ERROR_PAGE: &str = "chrome-error:";

/// What keeps account of a page's work, in every frame, before any script of the page.
pub(crate) const AT_START: &str = include_str!("at_start.js");
const HAND_OVER: &str = include_str!("hand_over.js");

/// How the reading of a page ended.
pub(crate) enum Reading {
    /// With its document.
    Document(Document),
    /// The page has begun to load another document.
    Left,
    /// The page has left for a document that did not come.
    LedNowhere,
}

/// Reads the document that `answer` brought, once the page has settled. `load_until` bounds the wait for another
/// document that the page leaves for.
pub(crate) async fn document(
    tab: &Tab,
    seen: &mut Receiver<Seen>,
    answer: &Answer,
    load_until: Instant,
) -> Result<Reading, FailedPage> {
    if let Some(Kind::Other(kind)) = Kind::of(&answer.mime, &answer.url) {
        let body = body(tab, answer, kind).await?;
        let document = Document { final_url: address(&answer.url)?, http_status: answer.status, body };
        return Ok(Reading::Document(document));
    }
    let begun = Instant::now();
    let until = begun + Duration::from_millis(SETTLE_MS_MAX);
    for reading in 1.. {
        // A page whose network never gets quiet is read as it is.
        let quiet = |state: &Seen| state.crashed || is_left(state, answer) || state.idle();
        let _ = timeout_at(until, seen.wait_for(quiet)).await;
        // One that leaves for another document is not.
        let stays = |state: &Seen| state.crashed || is_left(state, answer) || !state.leaving();
        let _ = timeout_at(load_until, seen.wait_for(stays)).await;
        let handed =
            if now(seen, answer)? { return Ok(Reading::Left) } else { settled(tab, begun.elapsed()).await? };
        if now(seen, answer)? {
            return Ok(Reading::Left);
        }
        let Some(handed) = handed else {
            // The page is being left, and soon it is known whereto.
            let next = |state: &Seen| state.crashed || state.leaving() || is_left(state, answer);
            let _ = timeout(Duration::from_millis(EVENTS_LATE_MS_MAX), seen.wait_for(next)).await;
            if reading < READINGS_MAX {
                continue;
            } else {
                break;
            };
        };
        if handed.url.starts_with(ERROR_PAGE) {
            return Ok(Reading::LedNowhere);
        }
        let quiet = {
            let state = seen.borrow();
            state.idle() && !state.leaving()
        };
        if quiet || Instant::now() >= until || reading >= READINGS_MAX {
            let html = with_kindred_frames(tab, handed.html, &handed.frames).await;
            let final_url = address(&handed.url)?;
            let document = Document { final_url, http_status: answer.status, body: Body::Html(html) };
            return Ok(Reading::Document(document));
        }
    }
    Err(failed(ErrorCode::NavigationTimeout, "the page loads itself again and again"))
}

/// Reads the document that `answer` brought as it stands now.
pub(super) async fn at_once(tab: &Tab, answer: &Answer) -> Result<Document, FailedPage> {
    let whole = Duration::from_millis(SETTLE_BARE_MS_MAX);
    let handed = settled(tab, whole).await?.ok_or_else(lost)?;
    let body = Body::Html(handed.html);
    Ok(Document { final_url: address(&handed.url)?, http_status: answer.status, body })
}

/// Waits until the page has settled, within the bounds for that.
pub(super) async fn rest(tab: &Tab) {
    let until = Instant::now() + Duration::from_millis(SETTLE_MS_MAX);
    let _ = timeout_at(until, tab.watch().seen().wait_for(|state| state.crashed || state.idle())).await;
    let _ = timeout_at(until, settled(tab, Duration::ZERO)).await;
}

/// Whether another document than the one of `answer` has come.
fn is_left(state: &Seen, answer: &Answer) -> bool {
    state.answer.as_ref().is_none_or(|last| last.loader != answer.loader)
}

/// Whether the tab shows another document by now; the failure when it shows none any more.
fn now(seen: &Receiver<Seen>, answer: &Answer) -> Result<bool, FailedPage> {
    let state = seen.borrow();
    if state.crashed {
        return Err(failed(ErrorCode::BrowserCrashed, "the page crashed its renderer"));
    }
    Ok(is_left(&state, answer))
}

fn address(text: &str) -> Result<Url, FailedPage> {
    Url::parse(text).map_err(|_| failed(ErrorCode::Internal, "the page has no address"))
}

/// The body of a document that is not HTML, as it was sent.
async fn body(tab: &Tab, answer: &Answer, kind: DocumentKind) -> Result<Body, FailedPage> {
    let request = GetResponseBodyParams::new(RequestId::new(&answer.loader));
    let body = tab.page().execute(request).await.map_err(|_| lost())?.result;
    let bytes = if body.base64_encoded {
        STANDARD.decode(&body.body).unwrap_or_default()
    } else {
        // Chromium has decoded it.
        body.body.into_bytes()
    };
    Ok(Body::Other { kind, bytes: bytes.into(), charset: Some("utf-8".to_owned()) })
}

/// What the script hands over.
#[derive(Deserialize)]
struct Handed {
    html: String,
    url: String,
    /// Addresses of the frames that only the protocol can read.
    frames: Vec<String>,
}

/// The document as it stands when the page has settled; `None` when the page was left meanwhile.
async fn settled(tab: &Tab, waited: Duration) -> Result<Option<Handed>, FailedPage> {
    let left = |limit_ms: u64| Duration::from_millis(limit_ms).saturating_sub(waited).as_millis().to_string();
    let script = script(false)
        .replace("SETTLE_MS_MAX", &left(SETTLE_MS_MAX))
        .replace("BARE_MS_MAX", &left(SETTLE_BARE_MS_MAX));
    let evaluate = |painted: bool| {
        let mut evaluate =
            EvaluateParams::new(script.replace("PAINTED", if painted { "true" } else { "false" }));
        evaluate.await_promise = Some(true);
        evaluate
    };
    match hand_over(tab, evaluate(tab.shown())).await? {
        Handing::WaitsForFrames => {
            tab.show().await?;
            hand_over(tab, evaluate(true)).await.map(Handing::document)
        }
        done => Ok(done.document()),
    }
}

fn script(inside: bool) -> String {
    HAND_OVER
        .replace("HTML_CHARS_MAX", &leafcutter_extract::HTML_BYTES_MAX.to_string())
        .replace("INSIDE", if inside { "true" } else { "false" })
}

/// What came of asking a page for its document.
enum Handing {
    Document(Handed),
    /// It can only go on when it is painted.
    WaitsForFrames,
    /// The page was left meanwhile.
    Left,
}

impl Handing {
    fn document(self) -> Option<Handed> {
        match self {
            Self::Document(handed) => Some(handed),
            Self::WaitsForFrames | Self::Left => None,
        }
    }
}

async fn hand_over(tab: &Tab, mut evaluate: EvaluateParams) -> Result<Handing, FailedPage> {
    evaluate.return_by_value = Some(true);
    let answer = match tab.page().execute(evaluate).await {
        Ok(answer) => answer.result,
        // The world in which the script ran is gone, but the tab is not.
        Err(CdpError::Chrome(_)) => return Ok(Handing::Left),
        Err(_) => return Err(lost()),
    };
    let value = answer.result.value.unwrap_or_default();
    if value == "too large" {
        return Err(failed(ErrorCode::TooLarge, "the page's HTML is larger than what is read"));
    }
    if value == "waits for frames" {
        return Ok(Handing::WaitsForFrames);
    }
    serde_json::from_value(value)
        .map(Handing::Document)
        .map_err(|_| failed(ErrorCode::ExtractionFailed, "the page does not hand over its HTML"))
}

/// Puts frames of other origins of the same site in their places. Their documents are out of reach of the page,
/// but not of the protocol; frames of other sites live in other processes, and are not asked.
async fn with_kindred_frames(tab: &Tab, mut html: String, frames: &[String]) -> String {
    if frames.is_empty() {
        return html;
    }
    let Ok(tree) = tab.page().execute(GetFrameTreeParams {}).await else { return html };
    let mut known = Vec::new();
    flatten(&tree.result.frame_tree, &mut known);
    for (nth, wanted) in frames.iter().enumerate().take(KINDRED_FRAMES_MAX) {
        let Some(at) = known.iter().position(|(_, url)| url == wanted) else { continue };
        let (frame, _) = known.swap_remove(at);
        if let Some(inner) = frame_html(tab, frame).await
            && html.len() + inner.len() <= leafcutter_extract::HTML_BYTES_MAX
        {
            html = html.replacen(&format!("<div data-leafcutter-frame=\"{nth}\"></div>"), &inner, 1);
        }
    }
    html
}

fn flatten(tree: &FrameTree, known: &mut Vec<(FrameId, String)>) {
    for child in tree.child_frames.iter().flatten() {
        known.push((child.frame.id.clone(), child.frame.url.clone()));
        flatten(child, known);
    }
}

async fn frame_html(tab: &Tab, frame: FrameId) -> Option<String> {
    let world = tab.page().execute(CreateIsolatedWorldParams::new(frame)).await.ok()?;
    let context: ExecutionContextId = world.result.execution_context_id;
    let mut evaluate = EvaluateParams::new(script(true));
    evaluate.await_promise = Some(true);
    evaluate.context_id = Some(context);
    Some(hand_over(tab, evaluate).await.ok()?.document()?.html)
}
