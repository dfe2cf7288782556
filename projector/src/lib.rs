//! The projector: follows the log and keeps the read models true. What an event changes is decided purely in
//! `project.rs`; how it is followed, retried and stopped is in `follow.rs`; how a version is built from the beginning in
//! `build.rs`. Not here: SQL and the fold of a batch
//! (`adapters/read-models`), effects of any kind (a rebuild must send nothing).

mod apply;
mod build;
mod compare;
mod follow;
mod project;

pub use apply::ApplyError;
pub use build::{Progress, Until, build, catch_up};
pub use compare::{CompareError, Comparison, Difference, compare};

use follow::Signals;
use leafcutter_event_store::EventStore;
use leafcutter_read_models::LiveModels;
use std::sync::Arc;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// How the projector runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Stops once it has caught up with what was in the log at its start. For tests of reads that must be right
    /// while the read models stand still.
    pub paused: bool,
}

/// What a projector does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Another process writes the read models, or this one cannot reach them; it takes over when it can.
    Standby,
    /// It has the turn to write the read models.
    Active,
}

/// A running projector. Dropped without `shutdown`, it stops soon after.
#[derive(Debug)]
pub struct Projector {
    stop: CancellationToken,
    caught_up: watch::Receiver<bool>,
    activity: watch::Receiver<Activity>,
    task: JoinHandle<()>,
}

impl Projector {
    /// Starts to follow the log from where the read models stand, whichever version is live.
    #[must_use]
    pub fn start(store: Arc<dyn EventStore>, live: impl Into<LiveModels>, settings: Settings) -> Self {
        let stop = CancellationToken::new();
        let (caught_up_sender, caught_up) = watch::channel(false);
        let (activity_sender, activity) = watch::channel(Activity::Standby);
        let signals = Signals { caught_up: caught_up_sender, activity: activity_sender };
        let task = tokio::spawn(follow::run(store, live.into(), settings, stop.clone(), signals));
        Self { stop, caught_up, activity, task }
    }

    /// True from when the read models have reached the head that the log had at the start, whichever process wrote
    /// them: a standby is ready as well.
    #[must_use]
    pub fn caught_up(&self) -> watch::Receiver<bool> {
        self.caught_up.clone()
    }

    /// Whether it writes or stands by.
    #[must_use]
    pub fn activity(&self) -> watch::Receiver<Activity> {
        self.activity.clone()
    }

    /// Finishes the transaction under way, gives the turn to write back, then stops.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the projector ended badly; it goes on where it was at the next start");
        }
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
