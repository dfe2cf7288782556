//! The reactions: what the service does because something has happened. One reader of the log remembers open work
//! (`memory`), in one transaction with its checkpoint, and after each page offers pending items (`dispatch`),
//! settles outcomes, ends expired leases (`watchdog`), gives back credits of rounds that never began, and sees to it
//! that erased results are gone (`retention`). Of several
//! replicas one does so at a time (`owner`). Everything here may be done twice, also by two at once, without harm.
//! Reads no request and answers none.

mod act;
mod dispatch;
mod memory;
mod open;
mod owner;
mod persist;
mod retention;

use crate::Commands;
use leafcutter_dispatch::{Dispatch, Lease};
use leafcutter_domain::WorkerId;
use leafcutter_event_store::EventStore;
use leafcutter_reaction_memory::ReactionMemory;
use owner::{Owner, Parts};
use std::sync::{Arc, PoisonError};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// What the operator and the deployment set.
#[derive(Debug, Clone)]
pub struct ReactionSettings {
    /// Slots of all workers together: how much is offered at a time.
    pub slots: usize,
    /// The present workers, when every worker of this log lives in this very process: items that others have started
    /// are put back at start, since those workers are gone. `None` wherever another process may run workers, whose
    /// items would be taken from them.
    pub own_worker: Option<WorkerId>,
    /// How long an unnamed reservation may wait for its batch, in milliseconds.
    pub sweep_grace_ms: i64,
    /// Results that are older, in milliseconds, are erased; `None`: none are.
    pub result_age_ms: Option<i64>,
}

/// What the reactions of this replica are doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReactionState {
    /// Waiting for the lease: another replica reacts, or it is not known who does.
    Standby,
    /// Reading the log and acting on it.
    Active,
    /// Holding the lease, and waiting for this.
    Missing(String),
}

/// The running reactions.
pub struct Reactions {
    stop: CancellationToken,
    state: watch::Receiver<ReactionState>,
    task: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Reactions {
    /// Starts the reactions where they left off, as soon as the lease is theirs and their tables can be read. Waits
    /// for neither here.
    #[must_use]
    pub fn start(
        commands: Commands,
        store: Arc<dyn EventStore>,
        dispatch: Arc<dyn Dispatch>,
        tables: ReactionMemory,
        lease: Arc<dyn Lease>,
        settings: ReactionSettings,
    ) -> Self {
        let stop = CancellationToken::new();
        let (said, state) = watch::channel(ReactionState::Standby);
        let owner = Owner::new(Parts { commands, store, dispatch, tables, lease, settings }, said);
        let task = tokio::spawn(owner.run(stop.clone()));
        Self { stop, state, task: std::sync::Mutex::new(Some(task)) }
    }

    /// What they are doing, now and from now on.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<ReactionState> {
        self.state.clone()
    }

    /// Stops, whatever they are doing, and gives the lease back; what is open is taken up at the next start.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }
}
