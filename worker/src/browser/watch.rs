//! Follows what a tab does, in one state that others can wait on. Also answers the dialogs of a page, as nobody else
//! would. Not here: what belongs to the state (see `seen`).

use super::{
    context::lost,
    seen::{Event, Seen},
};
use chromiumoxide::{
    Page,
    cdp::browser_protocol::{
        inspector::EventTargetCrashed,
        page::{DialogType, EventJavascriptDialogOpening, HandleJavaScriptDialogParams},
    },
    error::CdpError,
};
use futures::{Stream, StreamExt as _, stream::BoxStream};
use leafcutter_dispatch::FailedPage;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

/// How long a tab may take to tell the last of what happened in it, in milliseconds.
const BEGIN_MS_MAX: u64 = 5_000;

/// Follows a tab until it is closed or `Watch` is dropped.
pub(crate) struct Watch {
    state: watch::Sender<Seen>,
    begins: mpsc::Sender<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Watch {
    /// Begins to follow.
    pub(crate) async fn start(page: &Page) -> Result<Self, CdpError> {
        let mut events = events(page).await?;
        let (state, _) = watch::channel(Seen::new());
        let (begins, mut begun) = mpsc::channel(1);
        let (sender, page) = (state.clone(), page.clone());
        let task = tokio::spawn(async move {
            let main = page.target_id().inner().clone();
            while let Some(step) = next(&mut events, &mut begun).await {
                match step {
                    Step::Happened(event) => {
                        if let Event::Dialog(dialog) = &event {
                            answer_dialog(&page, dialog).await;
                        }
                        sender.send_modify(|seen| seen.apply(&event, &main));
                    }
                    Step::Begins(done) => {
                        sender.send_replace(Seen::new());
                        // Who has asked may not wait any more.
                        let _ = done.send(());
                    }
                }
            }
        });
        Ok(Self { state, begins, task })
    }

    /// Forgets everything seen, and whatever of the page before is still on its way here: a new item begins.
    ///
    /// # Errors
    /// The tab has gone, or its page does not come to rest.
    pub(crate) async fn begin(&self) -> Result<(), FailedPage> {
        let (done, is_done) = oneshot::channel();
        let begun = async { self.begins.send(done).await.is_ok() && is_done.await.is_ok() };
        let begun = timeout(Duration::from_millis(BEGIN_MS_MAX), begun).await;
        if begun == Ok(true) { Ok(()) } else { Err(lost()) }
    }

    /// The state and its changes.
    pub(crate) fn seen(&self) -> watch::Receiver<Seen> {
        self.state.subscribe()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the follower of a tab does next.
enum Step {
    Happened(Event),
    Begins(oneshot::Sender<()>),
}

/// The next step; an item begins only when all is known that happened before it.
async fn next(
    events: &mut (impl Stream<Item = Event> + Unpin),
    begun: &mut mpsc::Receiver<oneshot::Sender<()>>,
) -> Option<Step> {
    tokio::select! {
        biased;
        event = events.next() => event.map(Step::Happened),
        Some(done) = begun.recv() => Some(Step::Begins(done)),
    }
}

async fn events(page: &Page) -> Result<impl Stream<Item = Event> + Unpin + use<>, CdpError> {
    let streams: Vec<BoxStream<'static, Event>> = vec![
        page.event_listener().await?.map(Event::Began).boxed(),
        page.event_listener().await?.map(Event::Answered).boxed(),
        page.event_listener().await?.map(Event::Finished).boxed(),
        page.event_listener().await?.map(Event::Failed).boxed(),
        page.event_listener().await?.map(Event::Life).boxed(),
        page.event_listener().await?.map(Event::Dialog).boxed(),
        page.event_listener().await?.map(|_: Arc<EventTargetCrashed>| Event::Crashed).boxed(),
    ];
    Ok(futures::stream::select_all(streams))
}

/// Refuses what the page asks, but lets itself be left.
async fn answer_dialog(page: &Page, dialog: &EventJavascriptDialogOpening) {
    let accept = dialog.r#type == DialogType::Beforeunload;
    let _ = page.execute(HandleJavaScriptDialogParams::new(accept)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_item_begins_when_all_is_known_that_happened_before_it() {
        let (begins, mut begun) = mpsc::channel(1);
        let mut events =
            futures::stream::iter([Event::Crashed, Event::Crashed]).chain(futures::stream::pending());
        let (done, _) = oneshot::channel();
        begins.send(done).await.unwrap();
        for _ in 0..2 {
            assert!(matches!(next(&mut events, &mut begun).await, Some(Step::Happened(Event::Crashed))));
        }
        assert!(matches!(next(&mut events, &mut begun).await, Some(Step::Begins(_))));
    }
}
