//! Subscriptions to the global order, filtered by the beginnings of stream names. A task of its own reads ahead by
//! a page or two, so that a reader who stops waiting loses nothing. Whatever happens to the server's side, the task
//! goes on after the last place that it has handed over.

use super::{
    events::{self, stored},
    failure::{Cause, Failure},
    link::Link,
    read,
};
use crate::{Position, StoreError, StoredEvent, Subscription, SubscriptionPage, pause::pause};
use async_trait::async_trait;
use futures::FutureExt;
use leafcutter_eventstoredb_protocol::{
    AllStreamPosition, Empty,
    streams::{
        ReadReq, ReadResp,
        read_req::{
            AllOptions, Options,
            all_options::AllOption,
            options::{CountOption, FilterOption, StreamOption},
        },
        read_resp::Content,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tonic::Streaming;

/// Events in one page.
const PAGE_EVENTS_MAX: usize = 512;
/// Data and metadata in one page, unless one event alone is larger.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Pages that wait for the reader.
const PAGES_WAITING_MAX: usize = 1;
/// Silence after which a subscription to all our streams is compared with the log.
const SILENCE_MS: u64 = 5_000;
/// The same for one category: the server says only now and then how far it has come past the others, and some
/// readers wait to be told. Short against the second within which a revoked key must be noticed, and long enough that
/// an idle reader costs the server next to nothing.
const CATEGORY_SILENCE_MS: u64 = 200;
/// Pauses before a subscription that did not begin is asked for again.
const PAUSE_FIRST_MS: u64 = 50;
const PAUSE_MAX_MS: u64 = 2_000;

/// A place in the log, and the task that reads on from it once somebody waits.
pub(super) struct Live {
    link: Arc<Link>,
    prefixes: Vec<String>,
    silence: Duration,
    after: Position,
    feed: Option<Feed>,
}

struct Feed {
    pages: mpsc::Receiver<Result<SubscriptionPage, StoreError>>,
    task: JoinHandle<()>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Live {
    /// Reads on after `after` what is in streams whose names begin so.
    pub(super) fn new(link: Arc<Link>, prefixes: Vec<String>, is_category: bool, after: Position) -> Self {
        let silence = Duration::from_millis(if is_category { CATEGORY_SILENCE_MS } else { SILENCE_MS });
        Self { link, prefixes, silence, after, feed: None }
    }

    fn begin(&self) -> Feed {
        let (sender, pages) = mpsc::channel(PAGES_WAITING_MAX);
        let reader = Reader {
            link: Arc::clone(&self.link),
            prefixes: self.prefixes.clone(),
            silence: self.silence,
            after: self.after,
            pages: sender,
        };
        Feed { pages, task: tokio::spawn(reader.run()) }
    }
}

#[async_trait]
impl Subscription for Live {
    async fn next(&mut self) -> Result<SubscriptionPage, StoreError> {
        if self.feed.is_none() {
            self.feed = Some(self.begin());
        }
        let page = match &mut self.feed {
            Some(feed) => feed.pages.recv().await,
            None => None,
        };
        match page {
            Some(Ok(page)) => {
                self.after = page.up_to;
                Ok(page)
            }
            Some(Err(error)) => Err(error),
            None => {
                self.feed = None;
                Err(StoreError::Unavailable(Box::new(Cause::Ended)))
            }
        }
    }
}

/// Why the server's side is asked for again.
enum Again {
    /// It ended or broke after it had begun, or it has been silent while the log went on.
    AtOnce,
    /// It did not even begin.
    Later(Failure),
    /// Nobody reads any more.
    Never,
}

struct Reader {
    link: Arc<Link>,
    prefixes: Vec<String>,
    silence: Duration,
    /// Everything up to here was handed over.
    after: Position,
    pages: mpsc::Sender<Result<SubscriptionPage, StoreError>>,
}

impl Reader {
    async fn run(mut self) {
        let mut vain = 0;
        loop {
            let after = self.after;
            match self.follow().await {
                Again::AtOnce if self.after > after => vain = 0,
                Again::AtOnce => {}
                Again::Later(failure) => {
                    if self.pages.send(Err(failure.into_unavailable())).await.is_err() {
                        return;
                    }
                }
                Again::Never => return,
            }
            if self.after == after {
                let longest = Duration::from_millis(PAUSE_MAX_MS);
                sleep(pause(vain, Duration::from_millis(PAUSE_FIRST_MS), longest)).await;
                vain += 1;
            }
        }
    }

    /// Asks for a subscription and hands over what it brings, until it ends.
    async fn follow(&mut self) -> Again {
        let options = self.options();
        let begun = self
            .link
            .call(|mut client| {
                let request = ReadReq { options: Some(options.clone()) };
                async move { Ok(client.read(request).await?.into_inner()) }
            })
            .await;
        let mut messages = match begun {
            Ok(messages) => messages,
            Err(failure) => return Again::Later(failure),
        };
        let mut begun = false;
        loop {
            let mut page = Page::after(self.after);
            let ended = match timeout(self.silence, messages.message()).await {
                Ok(message) => page.take(message).and_then(|()| page.take_what_is_there(&mut messages)),
                Err(_) => self.compare().await,
            };
            if let Some(page) = page.filled() {
                let up_to = page.up_to;
                if self.pages.send(Ok(page)).await.is_err() {
                    return Again::Never;
                }
                self.after = up_to;
            }
            match ended {
                Ok(()) => begun = true,
                // The way of a category's reader to hear how far it has come; nothing is wrong.
                Err(Failure::Unknown(Cause::Silent)) if begun => return Again::AtOnce,
                Err(failure) if begun => {
                    tracing::info!(?failure, after = %self.after, "a subscription ended and is begun anew");
                    return Again::AtOnce;
                }
                Err(failure) => return Again::Later(failure),
            }
        }
    }

    /// Whether the log has gone on while nothing came. Then the subscription is begun anew, which also tells how
    /// far it has come.
    async fn compare(&self) -> Result<(), Failure> {
        let newest = read::newest(&self.link, &super::prefixes(None)).await?;
        match newest {
            Some(newest) if newest.position > self.after => Err(Failure::Unknown(Cause::Silent)),
            Some(_) | None => Ok(()),
        }
    }

    fn options(&self) -> Options {
        let from = if self.after == Position::START {
            AllOption::Start(Empty {})
        } else {
            let (commit_position, prepare_position) = self.after.parts();
            AllOption::Position(AllStreamPosition { commit_position, prepare_position })
        };
        Options {
            stream_option: Some(StreamOption::All(AllOptions { all_option: Some(from) })),
            count_option: Some(CountOption::Subscription(Empty {})),
            filter_option: Some(FilterOption::Filter(read::by_prefix(&self.prefixes))),
            ..read::common()
        }
    }
}

/// A page while it is filled.
struct Page {
    from: Position,
    page: SubscriptionPage,
    bytes: usize,
}

impl Page {
    fn after(from: Position) -> Self {
        Self { from, page: SubscriptionPage { events: Vec::new(), up_to: from }, bytes: 0 }
    }

    /// Takes in one message; an error is the end of the subscription.
    fn take(&mut self, message: Result<Option<ReadResp>, tonic::Status>) -> Result<(), Failure> {
        let message = message?.ok_or(Failure::Unknown(Cause::Ended))?;
        match message.content {
            Some(Content::Event(event)) => self.take_event(stored(event)?),
            Some(Content::Checkpoint(at)) => {
                let (commit_position, prepare_position) = (at.commit_position, at.prepare_position);
                let at = events::position(AllStreamPosition { commit_position, prepare_position });
                self.page.up_to = self.page.up_to.max(at);
            }
            // A confirmation, or a word about being caught up or behind.
            Some(_) | None => {}
        }
        Ok(())
    }

    fn take_event(&mut self, event: StoredEvent) {
        if event.position <= self.page.up_to {
            return;
        }
        self.page.up_to = event.position;
        // The server's own events, such as the tombstone of a stream that was deleted by hand, are no facts of ours.
        if !event.name.starts_with('$') {
            self.bytes += event.data.len() + event.metadata.len();
            self.page.events.push(event);
        }
    }

    /// Takes in what has come already, as far as the page's bounds allow.
    fn take_what_is_there(&mut self, messages: &mut Streaming<ReadResp>) -> Result<(), Failure> {
        while self.page.events.len() < PAGE_EVENTS_MAX && self.bytes < PAGE_BYTES_MAX {
            match messages.message().now_or_never() {
                Some(message) => self.take(message)?,
                None => break,
            }
        }
        Ok(())
    }

    /// The page, if it moves on.
    fn filled(self) -> Option<SubscriptionPage> {
        (self.page.up_to > self.from).then_some(self.page)
    }
}
