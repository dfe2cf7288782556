//! What has happened in a tab since its item began, as one state. Not here: where the events come from (`watch`), and
//! what the state means for an item (`page`).

use chromiumoxide::cdp::browser_protocol::{
    network::{
        EventLoadingFailed, EventLoadingFinished, EventRequestWillBeSent, EventResponseReceived, Headers,
        ResourceType,
    },
    page::{EventJavascriptDialogOpening, EventLifecycleEvent},
};
use leafcutter_challenge::TELLING_HEADERS;
use leafcutter_egress::REFUSAL_HEADER;
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::time::Instant;

/// A navigation ended without a document: a download, an answer without content, an address that is not opened, or a
/// dead renderer.
pub(super) const ABORTED: &str = "net::ERR_ABORTED";
/// Requests in flight that are remembered; a page with more counts as busy until the bound on quiet.
const REQUESTS_MAX: usize = 4_096;
/// Length of the value of a telling header.
const TELLING_CHARS_MAX: usize = 200;

/// The answer to the request for the main document.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Which load of the tab it belongs to; also the id of its request.
    pub(crate) loader: String,
    /// Where the redirects led.
    pub(crate) url: String,
    /// HTTP status.
    pub(crate) status: u16,
    /// HTTP status text.
    pub(crate) status_text: String,
    /// Kind of document, without parameters.
    pub(crate) mime: String,
    /// Whether the egress proxy refused it.
    pub(crate) refused: bool,
    /// How long the host wants to be left alone, in its own words.
    pub(crate) retry_after: Option<String>,
    /// Headers that can tell a challenge, with names in lower case.
    pub(crate) telling: Vec<(String, String)>,
}

/// Everything seen since the item began.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Address that the main document was last asked for, redirects included.
    pub(crate) asked: Option<String>,
    /// Load of the main document that was asked for last, until it is answered or has failed.
    asking: Option<String>,
    /// The last answer for a main document.
    pub(crate) answer: Option<Answer>,
    /// Load and error text of the last main document that failed.
    pub(crate) failed: Option<(String, String)>,
    /// Loads that have fired their load event.
    loads: Vec<String>,
    /// Documents that the tab was led to, one after the other, without what the network redirected.
    pub(crate) documents: usize,
    /// Requests in flight.
    open: HashSet<String>,
    /// Requests whose end was seen before their beginning, as the kinds of events come separately.
    ended: HashSet<String>,
    /// When a request last began or ended.
    pub(crate) changed: Instant,
    /// Whether the renderer is dead.
    pub(crate) crashed: bool,
}

impl Seen {
    pub(super) fn new() -> Self {
        Self {
            asked: None,
            asking: None,
            answer: None,
            failed: None,
            loads: Vec::new(),
            documents: 0,
            open: HashSet::new(),
            ended: HashSet::new(),
            changed: Instant::now(),
            crashed: false,
        }
    }

    /// Whether the last answered main document has fired its load event.
    pub(crate) fn loaded(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| self.loads.contains(&answer.loader))
    }

    /// Whether a main document was asked for and is not answered yet.
    pub(crate) fn leaving(&self) -> bool {
        self.asking.is_some()
    }

    /// Whether the first main document was given up without an answer, and none is asked for in its place.
    pub(crate) fn given_up(&self) -> bool {
        let aborted = self.failed.as_ref().is_some_and(|(_, text)| text == ABORTED);
        aborted && self.asked.is_some() && self.answer.is_none() && self.asking.is_none()
    }

    /// Whether no request is in flight.
    pub(crate) fn idle(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether no request is in flight, or none has begun or ended for as long as `busy`.
    pub(crate) fn rests(&self, busy: Duration) -> bool {
        self.idle() || self.changed.elapsed() > busy
    }

    fn began(&mut self, event: &EventRequestWillBeSent, main: &str) {
        self.changed = Instant::now();
        let main_frame = event.frame_id.as_ref().is_some_and(|frame| frame.inner() == main);
        if event.r#type == Some(ResourceType::Document) && main_frame {
            self.asked = Some(event.request.url.clone());
            self.documents += usize::from(event.redirect_response.is_none());
            // Its answer or its end may have been seen before it, or before one that a redirect made of it.
            let loader = event.loader_id.inner();
            let answered = self.answer.as_ref().is_some_and(|answer| answer.loader == *loader);
            self.asking = Some(loader.clone()).filter(|_| !answered && !self.has_failed(loader));
        }
        // The first two are accounted for inside the page, which knows which of them it only polls.
        let endless = matches!(
            event.r#type,
            Some(
                ResourceType::Fetch
                    | ResourceType::Xhr
                    | ResourceType::EventSource
                    | ResourceType::WebSocket
                    | ResourceType::Ping
                    | ResourceType::Media
            )
        );
        let id = event.request_id.inner();
        if !endless && self.open.len() < REQUESTS_MAX && !self.has_failed(id) && !self.ended.remove(id) {
            self.open.insert(id.clone());
        }
    }

    /// Whether this request for a document has failed.
    fn has_failed(&self, id: &str) -> bool {
        self.failed.as_ref().is_some_and(|(failed, _)| failed == id)
    }

    fn over(&mut self, id: &str) {
        self.changed = Instant::now();
        if !self.open.remove(id) && self.ended.len() < REQUESTS_MAX {
            self.ended.insert(id.to_owned());
        }
    }

    fn answered(&mut self, event: &EventResponseReceived, main: &str) {
        let main_frame = event.frame_id.as_ref().is_some_and(|frame| frame.inner() == main);
        if event.r#type != ResourceType::Document || !main_frame {
            return;
        }
        let response = &event.response;
        self.asking = None;
        self.answer = Some(Answer {
            loader: event.loader_id.inner().clone(),
            url: response.url.clone(),
            status: u16::try_from(response.status).unwrap_or(0),
            status_text: response.status_text.clone(),
            mime: mime(&response.mime_type, &response.headers),
            refused: has(&response.headers, REFUSAL_HEADER),
            retry_after: header(&response.headers, "retry-after").map(str::to_owned),
            telling: telling(&response.headers),
        });
    }

    /// Folds in one event; `main` is the main frame.
    pub(super) fn apply(&mut self, event: &Event, main: &str) {
        match event {
            Event::Began(event) => self.began(event, main),
            Event::Answered(event) => self.answered(event, main),
            Event::Finished(event) => self.over(event.request_id.inner()),
            Event::Failed(event) => {
                self.over(event.request_id.inner());
                if self.asking.as_ref() == Some(event.request_id.inner()) {
                    self.asking = None;
                }
                if event.r#type == ResourceType::Document {
                    self.failed = Some((event.request_id.inner().clone(), event.error_text.clone()));
                }
            }
            Event::Life(event) => {
                if event.name == "load" && event.frame_id.inner() == main {
                    self.loads.push(event.loader_id.inner().clone());
                }
            }
            Event::Dialog(_) => {}
            Event::Crashed => self.crashed = true,
        }
    }
}

/// One event of the kinds that are followed.
pub(super) enum Event {
    Began(Arc<EventRequestWillBeSent>),
    Answered(Arc<EventResponseReceived>),
    Finished(Arc<EventLoadingFinished>),
    Failed(Arc<EventLoadingFailed>),
    Life(Arc<EventLifecycleEvent>),
    Dialog(Arc<EventJavascriptDialogOpening>),
    Crashed,
}

/// The kind of a document as its server names it. Chromium calls feeds and many others plain text, as it shows them.
fn mime(shown_as: &str, headers: &Headers) -> String {
    let mut all = headers.inner().as_object().into_iter().flatten();
    let named =
        all.find(|(name, _)| name.eq_ignore_ascii_case("content-type")).and_then(|(_, value)| value.as_str());
    let named =
        named.and_then(|value| value.split(';').next()).map(str::trim).filter(|mime| mime.contains('/'));
    named.filter(|_| shown_as == "text/plain").unwrap_or(shown_as).to_ascii_lowercase()
}

fn has(headers: &Headers, name: &str) -> bool {
    header(headers, name).is_some()
}

fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let mut all = headers.inner().as_object()?.iter();
    all.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str().unwrap_or_default())
}

fn telling(headers: &Headers) -> Vec<(String, String)> {
    let all = headers.inner().as_object().into_iter().flatten();
    let named = all.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().unwrap_or_default()));
    named
        .filter(|(name, _)| TELLING_HEADERS.contains(&name.as_str()))
        .map(|(name, value)| (name, value.chars().take(TELLING_CHARS_MAX).collect()))
        .collect()
}
