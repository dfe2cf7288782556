//! The reactions: what the service does because something has happened. One reader of the log remembers open work
//! (`memory`), in one transaction with its checkpoint, and after each page offers pending items (`dispatch`),
//! settles outcomes, ends expired leases (`watchdog`) and gives back credits of rounds that never began. Everything
//! here may be done twice without harm. Reads no request and answers none.

mod act;
mod dispatch;
mod memory;
mod persist;

use crate::Commands;
use act::Actor;
use leafcutter_dispatch::Dispatch;
use leafcutter_domain::WorkerId;
use leafcutter_event_store::{EventStore, Position, Subscription};
use leafcutter_reaction_memory::ReactionMemory;
use memory::Memory;
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::{task::JoinHandle, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Pause before a failed step is repeated.
const REPEAT_MS: u64 = 500;
/// How often time itself is looked at: expired leases, rounds that never began, offers that nobody took.
const TICK_MS: u64 = 500;

/// What the operator and the deployment set.
#[derive(Debug, Clone)]
pub struct ReactionSettings {
    /// Slots of all workers together: how much is offered at a time.
    pub slots: usize,
    /// The present workers, when they live in this very process: items that others have started are put back at
    /// start, since those workers are gone.
    pub own_worker: Option<WorkerId>,
    /// How long an unnamed reservation may wait for its batch, in milliseconds.
    pub sweep_grace_ms: i64,
}

/// The running reactions.
pub struct Reactions {
    stop: CancellationToken,
    task: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Reactions {
    /// Starts the reactions where they left off.
    ///
    /// # Errors
    /// Their tables cannot be read.
    pub async fn start(
        commands: Commands,
        store: &dyn EventStore,
        dispatch: Arc<dyn Dispatch>,
        tables: ReactionMemory,
        settings: ReactionSettings,
    ) -> Result<Self, leafcutter_reaction_memory::MemoryError> {
        let (rows, position) = tables.load().await?;
        let memory = Memory::from_rows(rows);
        let stop = CancellationToken::new();
        let reader = Reader {
            subscription: store.subscribe(position, None),
            actor: Actor::new(commands, dispatch, settings),
            tables,
            memory,
            stop: stop.clone(),
            read_to: position,
            recover_up_to: store.head().await.unwrap_or(position),
            recovered: false,
        };
        let task = tokio::spawn(reader.run());
        Ok(Self { stop, task: std::sync::Mutex::new(Some(task)) })
    }

    /// Stops reading; what is open is taken up at the next start.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }
}

struct Reader {
    subscription: Box<dyn Subscription>,
    actor: Actor,
    tables: ReactionMemory,
    memory: Memory,
    stop: CancellationToken,
    read_to: Position,
    /// Where the log ended at start: what is open there was started by former workers.
    recover_up_to: Position,
    recovered: bool,
}

impl Reader {
    async fn run(mut self) {
        let mut tick = tokio::time::interval(Duration::from_millis(TICK_MS));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.stop.clone();
        loop {
            if !self.recovered && self.read_to >= self.recover_up_to {
                self.recovered = true;
                self.actor.put_back_orphans(&self.memory).await;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                page = self.subscription.next() => match page {
                    Ok(page) => {
                        self.memory.apply_page(&page);
                        self.save(self.read_to, page.up_to).await;
                        self.read_to = page.up_to;
                        self.actor.after_page(&mut self.memory).await;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the reactions cannot read the log; trying again");
                        pause(&stop).await;
                    }
                },
                _ = tick.tick() => self.actor.tick(&mut self.memory).await,
            }
        }
        self.tables.close().await;
    }

    /// Saves what has changed, and tries again until it can or the service stops: the checkpoint must not pass what
    /// is not remembered.
    async fn save(&mut self, from: Position, to: Position) {
        let changes = self.memory.take_changes();
        while let Err(error) = self.tables.save(&changes, from, to).await {
            tracing::warn!(%error, "the reactions' memory cannot be written; trying again");
            if self.stop.is_cancelled() {
                return;
            }
            pause(&self.stop).await;
        }
    }
}

async fn pause(stop: &CancellationToken) {
    let pause = tokio::time::sleep(Duration::from_millis(REPEAT_MS));
    tokio::select! { () = pause => {}, () = stop.cancelled() => {} }
}
