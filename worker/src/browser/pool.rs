//! Generations of browsers: one is current and takes new items; a retired one drains, and its last tab ends it.
//! A task of the pool replaces the current browser when it retires or is lost.

use super::launch::Browser;
use crate::{
    Readiness, WorkerError, WorkerSettings,
    memory::{Memory, Supply},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Wait before the second launch after a failed one, in milliseconds; it doubles with each further one.
const RELAUNCH_WAIT_MS: u64 = 250;
/// The longest wait between two launches, in milliseconds.
const RELAUNCH_WAIT_MS_MAX: u64 = 15_000;
/// How long an offer in hand waits for memory before it goes back to the broker, in milliseconds.
const OFFER_WAIT_MS_MAX: u64 = 10_000;
/// Failed launches in a row after which the worker says that it is not available (and keeps trying).
const FAILED_LAUNCHES_MAX: u32 = 3;

/// The browsers of a worker.
#[derive(Clone)]
pub(crate) struct Pool {
    current: watch::Receiver<Option<Arc<Browser>>>,
    memory: Memory,
}

impl Pool {
    /// Begins to launch. The pool's task ends, with every browser, when `stop` is cancelled; `tasks` then holds
    /// what has to be waited for.
    pub(crate) fn start(
        settings: Arc<WorkerSettings>,
        readiness: watch::Sender<Readiness>,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let (sender, current) = watch::channel(None);
        let (memory, watch) = Memory::watch(settings.memory_reserve_bytes);
        tasks.spawn(stop.clone().run_until_cancelled_owned(watch));
        let keeper = Keeper { settings, readiness, sender, memory: memory.clone(), tasks: tasks.clone() };
        tasks.spawn(async move {
            // The last values go with the keeper, so that nobody holds a browser after this.
            stop.run_until_cancelled_owned(keeper.keep()).await;
        });
        Self { current, memory }
    }

    /// Returns when a page can be begun: there is a browser, and memory; `None` when the pool has stopped.
    pub(crate) async fn can_begin(&self) -> Option<()> {
        self.memory.enough().await;
        self.browser().await.map(drop)
    }

    /// Whether there is memory for an item of an offer in hand, after some patience.
    pub(crate) async fn has_memory(&self) -> bool {
        timeout(Duration::from_millis(OFFER_WAIT_MS_MAX), self.memory.enough()).await.is_ok()
    }

    /// The current browser, as soon as there is one; `None` when the pool has stopped.
    pub(crate) async fn browser(&self) -> Option<Arc<Browser>> {
        let mut current = self.current.clone();
        let usable = |browser: &Option<Arc<Browser>>| {
            browser.as_ref().is_some_and(|browser| !browser.lost().is_cancelled())
        };
        current.wait_for(usable).await.ok()?.clone()
    }
}

struct Keeper {
    settings: Arc<WorkerSettings>,
    readiness: watch::Sender<Readiness>,
    sender: watch::Sender<Option<Arc<Browser>>>,
    memory: Memory,
    tasks: TaskTracker,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.sender.send_replace(None);
        self.readiness.send_replace(Readiness::Starting);
    }
}

impl Keeper {
    async fn keep(mut self) {
        loop {
            let browser = self.launch().await;
            let (lost, retired) = (browser.lost().clone(), browser.retired().clone());
            // A retired browser stays current until its successor is up, so that items need not wait.
            self.sender.send_replace(Some(browser));
            tokio::select! {
                () = lost.cancelled() => {
                    tracing::warn!("Chromium ended unexpectedly; starting it again");
                    self.sender.send_replace(None);
                    self.readiness.send_replace(Readiness::Starting);
                }
                () = retired.cancelled() => tracing::debug!("a fresh Chromium takes over"),
                () = self.say_whether_ready() => {}
            }
        }
    }

    /// Says again and again whether memory lets pages be opened.
    async fn say_whether_ready(&mut self) {
        loop {
            let enough = self.memory.now() == Supply::Enough;
            self.readiness.send_replace(if enough { Readiness::Ready } else { Readiness::ShortOfMemory });
            self.memory.changed().await;
        }
    }

    /// Launches until it works. After some failures the worker says why it is not available.
    async fn launch(&self) -> Arc<Browser> {
        let mut failed = 0_u32;
        let mut wait = RELAUNCH_WAIT_MS;
        loop {
            match Browser::launch(&self.settings, &self.memory, &self.tasks).await {
                Ok(browser) => return browser,
                Err(error) => {
                    failed += 1;
                    tracing::error!(%error, failed, "Chromium could not be started");
                    let hopeless =
                        matches!(error, WorkerError::NoSandbox(_) | WorkerError::ChromiumMissing(_));
                    if (hopeless || failed >= FAILED_LAUNCHES_MAX) && self.sender.borrow().is_none() {
                        self.readiness.send_replace(Readiness::Unavailable(error.to_string().into()));
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(wait)).await;
            wait = (wait * 2).min(RELAUNCH_WAIT_MS_MAX);
        }
    }
}
