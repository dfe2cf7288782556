//! The worker as its owner sees it: started, ready or not, stopped. What a slot does is in `slot`.

use crate::{
    WorkerError, WorkerSettings,
    attempt::Bench,
    browser::Pool,
    by_model::ModelReader,
    hosts::Hosts,
    orphans,
    robots::RobotsFiles,
    slot::{self, Shared},
};
use leafcutter_challenge::Solver;
use leafcutter_dispatch::{WorkDesk, WorkSource};
use leafcutter_egress::{Limits, Policy, Proxy};
use leafcutter_model::Model;
use leafcutter_object_store::Objects;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Whether pages can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Chromium is being started, for the first time or again.
    Starting,
    /// Chromium has opened a page, in its sandbox.
    Ready,
    /// Chromium works, but memory is short: no page is begun until there is more.
    ShortOfMemory,
    /// Chromium cannot be started for the reason given; the worker keeps trying.
    Unavailable(Arc<str>),
}

/// A running worker. Stop it with [`Worker::shutdown`]; dropped without, its slots stop taking work and its browsers
/// are killed in the background.
pub struct Worker {
    shared: Arc<Shared>,
    readiness: watch::Receiver<Readiness>,
    slots: TaskTracker,
    browsers: TaskTracker,
    close_browsers: CancellationToken,
}

impl Worker {
    /// Starts the slots and begins to launch Chromium, after sweeping what a former worker left. Work is taken when
    /// Chromium has shown that it works.
    ///
    /// # Errors
    /// Chromium is not installed, or a folder or a loopback port cannot be used.
    pub async fn start(
        settings: WorkerSettings,
        source: Arc<dyn WorkSource>,
        desk: Arc<dyn WorkDesk>,
        objects: Objects,
        policy: Policy,
    ) -> Result<Self, WorkerError> {
        settings.program()?;
        orphans::sweep(&settings.run_folder)?;
        adopt_orphans();
        let settings = Arc::new(settings);
        let solver = settings.solver.clone().map(Solver::new).transpose().map_err(WorkerError::Solver)?;
        let hosts = Hosts::new(settings.politeness);
        let robots = RobotsFiles::new(Arc::clone(&hosts));
        let mut benches = Vec::new();
        let model =
            settings.model.clone().map(Model::new).transpose().map_err(WorkerError::Model)?.map(Arc::new);
        for _ in 0..settings.concurrency.max(1) {
            let proxy = Proxy::start(policy.clone(), Limits::default()).await.map_err(WorkerError::Egress)?;
            let model = ModelReader::new(model.clone());
            benches.push(Bench {
                proxy,
                hosts: Arc::clone(&hosts),
                robots: Arc::clone(&robots),
                proxies: settings.proxies.clone(),
                model,
                tab: None,
                solver: solver.clone(),
                captchas: 0,
            });
        }
        let (slots, browsers, close_browsers) =
            (TaskTracker::new(), TaskTracker::new(), CancellationToken::new());
        let (ready, readiness) = watch::channel(Readiness::Starting);
        let pool = Pool::start(Arc::clone(&settings), ready, close_browsers.clone(), &browsers);
        let (stop, abandon, running) =
            (CancellationToken::new(), CancellationToken::new(), AtomicUsize::new(0));
        let carry = stop.clone().run_until_cancelled_owned(Arc::clone(&hosts).carry(source));
        slots.spawn(carry);
        let shared = Arc::new(Shared { settings, hosts, desk, objects, pool, stop, abandon, running });
        for bench in benches {
            slots.spawn(slot::run(Arc::clone(&shared), bench));
        }
        Ok(Self { shared, readiness, slots, browsers, close_browsers })
    }

    /// Whether pages can be opened, now and later.
    #[must_use]
    pub fn ready(&self) -> watch::Receiver<Readiness> {
        self.readiness.clone()
    }

    /// Items that run now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.shared.running.load(Ordering::Relaxed)
    }

    /// Takes no more work, lets running items finish for `grace`, puts the others back, and ends Chromium. When it
    /// returns, no task, process or profile folder of the worker is left.
    pub async fn shutdown(self, grace: Duration) {
        self.shared.stop.cancel();
        self.slots.close();
        if timeout(grace, self.slots.wait()).await.is_err() {
            self.shared.abandon.cancel();
            self.slots.wait().await;
        }
        self.close_browsers.cancel();
        self.browsers.close();
        self.browsers.wait().await;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.abandon.cancel();
        self.close_browsers.cancel();
    }
}

/// Processes whose parent dies become children of this process, so that those of Chromium can be reaped here and
/// leave no zombies, also where the first process of a container reaps nobody.
fn adopt_orphans() {
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::warn!(%error, "processes that Chromium leaves are reaped by the system, not by the worker");
    }
}
