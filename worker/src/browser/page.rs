//! One page in a slot's tab: opened and waited for. Every wait here is bounded by the caller's limit or by a constant.
//! Not here: how its document is read (`read`), how it is pictured (`picture`), and what is made of it.

use super::{
    context::{Tab, lost},
    net_error::{failed, from_chromium, refused},
    read,
    seen::{ABORTED, Answer, Seen},
};
use crate::content::{Document, Kind, unsupported};
use chromiumoxide::{
    cdp::browser_protocol::page::{NavigateParams, NavigateReturns},
    error::CdpError,
    types::CommandResponse,
};
use leafcutter_challenge::may_hide_a_challenge;
use leafcutter_dispatch::FailedPage;
use leafcutter_domain::ErrorCode;
use leafcutter_egress::Proxy;
use std::{future::Future, pin::Pin, time::Duration};
use tokio::{
    sync::watch::Receiver,
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use url::Url;

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
/// How long after a navigation was given up another may begin, in milliseconds.
const GIVEN_UP_MS_MAX: u64 = 1_000;
/// A page that has not loaded after so long may wait for frames, and gets them, in milliseconds.
const UNPAINTED_LOAD_MS_MAX: u64 = 3_000;

/// Documents that scripts and refreshes of an item may lead to, one after the other: twice what logins do.
const DOCUMENTS_MAX: usize = 10;

/// A redirect leads to what no browser opens.
const UNOPENED: &str = "net::ERR_UNKNOWN_URL_SCHEME";

type Navigation<'a> =
    Pin<Box<dyn Future<Output = Result<CommandResponse<NavigateReturns>, CdpError>> + Send + 'a>>;

/// What a page turned out to be.
pub(crate) enum Opened {
    /// A document, as it stood when the page had settled.
    Document(Document),
    /// Something that browsers do not show but that is read here, once it is fetched from this address.
    ToFetch(Url),
}

/// Opens `url`. `load_until` bounds the wait for the load event.
pub(crate) async fn open(
    tab: &mut Tab,
    url: &Url,
    proxy: &Proxy,
    load_until: Instant,
) -> Result<Opened, FailedPage> {
    tab.watch().begin().await?;
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
) -> Result<Opened, FailedPage> {
    let mut seen = tab.watch().seen();
    for _ in 0..=DOCUMENTS_MAX {
        let loaded = timeout_at(load_until, load(tab, &mut seen, navigation, navigated, proxy)).await;
        let answer = loaded.map_err(|_| {
            let late = failed(ErrorCode::NavigationTimeout, "the page did not finish loading in time");
            match &seen.borrow().answer {
                Some(answer) if answer.status >= 400 => refused_by_status(answer),
                Some(answer) => known(answer, late),
                None => late,
            }
        })??;
        let answer = match answer {
            Loaded::Shown(answer) => answer,
            Loaded::ToFetch(url) => return Ok(Opened::ToFetch(url)),
        };
        let reading = read::document(tab, &mut seen, &answer, load_until).await;
        match reading.map_err(|failure| known(&answer, failure))? {
            read::Reading::Document(document) => {
                // It may have led on meanwhile, once too often.
                judge(&seen.borrow(), proxy)?;
                return Ok(Opened::Document(document));
            }
            // Its next document is waited for like the first.
            read::Reading::Left => {}
            read::Reading::LedNowhere => {
                let state = seen.borrow();
                let text = state.failed.as_ref().map_or(ABORTED, |(_, text)| text.as_str());
                return Err(refusal(state.asked.as_deref(), proxy).unwrap_or_else(|| from_chromium(text)));
            }
        }
    }
    Err(from_chromium("net::ERR_TOO_MANY_REDIRECTS"))
}

/// A main document that has come.
enum Loaded {
    /// Its load event has fired.
    Shown(Answer),
    /// It will not be shown.
    ToFetch(Url),
}

/// Waits until the main document has loaded, or its failure is known.
async fn load(
    tab: &Tab,
    seen: &mut Receiver<Seen>,
    navigation: &mut Navigation<'_>,
    navigated: &mut bool,
    proxy: &Proxy,
) -> Result<Loaded, FailedPage> {
    let mut refused_until = None;
    let paint = async {
        sleep(Duration::from_millis(UNPAINTED_LOAD_MS_MAX)).await;
        tab.show().await
    };
    tokio::pin!(paint);
    let mut painted = tab.shown();
    loop {
        let given_up;
        {
            let state = seen.borrow_and_update();
            given_up = state.given_up();
            if let Some(url) = to_fetch(&state, false) {
                return Ok(Loaded::ToFetch(url));
            }
            if let Some(answer) = judge(&state, proxy)? {
                if state.loaded() || refused_until.is_some_and(|until| until <= Instant::now()) {
                    return Ok(Loaded::Shown(answer));
                }
                if answer.status >= 400 && refused_until.is_none() {
                    refused_until = Some(Instant::now() + Duration::from_millis(REFUSED_LOAD_MS_MAX));
                }
            }
        }
        tokio::select! {
            changed = seen.changed() => changed.map_err(|_| lost())?,
            // Who loads for longer than that is read as it is.
            () = sleep_until(refused_until.unwrap_or_else(Instant::now)), if refused_until.is_some() => {}
            // The library says nothing of it. What comes in its place may come a little later.
            () = sleep(Duration::from_millis(GIVEN_UP_MS_MAX)), if given_up => return Err(from_chromium(UNOPENED)),
            shown = &mut paint, if !painted => {
                painted = true;
                shown?;
            }
            answer = &mut *navigation, if !*navigated => {
                *navigated = true;
                let answer = answer.map_err(|_| lost())?.result;
                if let Some(text) = answer.error_text {
                    return unanswered(seen, &text, proxy).await;
                }
            }
        }
    }
}

/// What to fetch of an answer that a browser does not show but that is read here: it takes most of these for
/// downloads. A page that is offered as a file is none to read; a table or a report is.
fn to_fetch(seen: &Seen, aborted: bool) -> Option<Url> {
    let answer = seen.answer.as_ref().filter(|answer| answer.status < 400 && !answer.refused)?;
    let kind = Kind::of(&answer.mime, &answer.url)?;
    let failed = |(loader, text): &(String, String)| *loader == answer.loader && text == ABORTED;
    let download = aborted || seen.failed.as_ref().is_some_and(failed);
    let wanted = !kind.is_shown() || download && kind != Kind::Html;
    Url::parse(&answer.url).ok().filter(|_| wanted)
}

/// Why a navigation gave no document, from all that is known.
async fn unanswered(seen: &mut Receiver<Seen>, text: &str, proxy: &Proxy) -> Result<Loaded, FailedPage> {
    // The events come another way than the answer to the command, and may come a little later.
    let failed = |state: &Seen| state.failed.as_ref().is_some_and(|(_, text)| text != ABORTED);
    let told = |state: &Seen| state.crashed || state.answer.is_some() || failed(state);
    let _ = timeout(Duration::from_millis(EVENTS_LATE_MS_MAX), seen.wait_for(told)).await;
    let state = seen.borrow();
    if let Some(url) = to_fetch(&state, text == ABORTED) {
        return Ok(Loaded::ToFetch(url));
    }
    judge(&state, proxy)?;
    Err(match &state.answer {
        // Chromium has a page of its own in the place of an error without content.
        Some(answer) if answer.status >= 400 => refused_by_status(answer),
        Some(answer) => known(answer, from_chromium(text)),
        // Nothing but a dead renderer aborts a request that nobody has answered.
        None if text == ABORTED => lost(),
        None => refusal(state.asked.as_deref(), proxy).unwrap_or_else(|| from_chromium(text)),
    })
}

/// The main document's answer if there is one that can be used; the failure if there is one.
fn judge(seen: &Seen, proxy: &Proxy) -> Result<Option<Answer>, FailedPage> {
    if seen.crashed {
        return Err(failed(ErrorCode::BrowserCrashed, "the page crashed its renderer"));
    }
    if seen.documents > DOCUMENTS_MAX {
        return Err(from_chromium("net::ERR_TOO_MANY_REDIRECTS"));
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
    let may_be_more =
        may_hide_a_challenge(answer.status) && Kind::of(&answer.mime, &answer.url) == Some(Kind::Html);
    if answer.status >= 400 && !may_be_more {
        return Err(refused_by_status(answer));
    }
    if Kind::of(&answer.mime, &answer.url).is_none() {
        return Err(known(unsupported(&answer.mime)));
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
    let document = timeout(Duration::from_millis(LOOK_MS_MAX), read::at_once(tab, &answer)).await;
    Ok(document.ok().and_then(Result::ok).map(|document| (answer, document)))
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
