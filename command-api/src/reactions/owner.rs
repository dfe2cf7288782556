//! Whose turn it is: waits for the lease, reads the tables, reads the log and acts, until the lease is lost or the
//! tables show that another owner writes them; then everything remembered is dropped and it begins anew. What is
//! done about the log is next door in `act`.

use super::{ReactionSettings, ReactionState, act::Actor, memory::Memory};
use crate::Commands;
use leafcutter_dispatch::{Dispatch, Lease};
use leafcutter_event_store::{EventStore, Position, Subscription};
use leafcutter_reaction_memory::{MemoryError, ReactionMemory};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

/// Pause before a failed step is repeated.
const REPEAT_MS: u64 = 500;
/// How often time itself is looked at: expired leases, rounds that never began, offers that nobody took.
const TICK_MS: u64 = 500;

/// What the reactions are made of.
pub(super) struct Parts {
    pub(super) commands: Commands,
    pub(super) store: Arc<dyn EventStore>,
    pub(super) dispatch: Arc<dyn Dispatch>,
    pub(super) tables: ReactionMemory,
    pub(super) lease: Arc<dyn Lease>,
    pub(super) settings: ReactionSettings,
}

/// Another owner has written the tables.
struct Rivalled;

/// Takes turns with the other replicas.
pub(super) struct Owner {
    parts: Parts,
    state: watch::Sender<ReactionState>,
    orphans: Orphans,
}

/// How far the search for items of former workers has come.
#[derive(Clone, Copy)]
enum Orphans {
    /// It is not known where the log ended at start.
    Unknown,
    /// What runs at this position was started by former workers.
    UpTo(Position),
    /// They were put back, or belong to workers of other processes.
    Done,
}

impl Owner {
    pub(super) fn new(parts: Parts, state: watch::Sender<ReactionState>) -> Self {
        let orphans = if parts.settings.own_worker.is_some() { Orphans::Unknown } else { Orphans::Done };
        Self { parts, state, orphans }
    }

    /// Runs until `stop`. Every step may be left in the middle: the tables change all or nothing, commands that were
    /// begun run to their end by themselves, and whoever comes next does the rest.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.take_turns()).await;
        self.state.send_replace(ReactionState::Standby);
        self.parts.tables.close().await;
    }

    async fn take_turns(&mut self) {
        loop {
            self.state.send_replace(ReactionState::Standby);
            let held = self.parts.lease.acquire().await;
            tracing::info!("the reactions run here");
            let lost = held.lost().clone();
            let ended = lost.run_until_cancelled(self.react()).await;
            drop(held);
            match ended {
                Some(Rivalled) => {
                    tracing::warn!("another replica writes the reactions' tables; beginning anew")
                }
                None => tracing::warn!("the lease of the reactions is lost; waiting for it again"),
            }
            pause().await;
        }
    }

    /// Reacts until another owner shows. Everything open is offered anew, since nothing offered is remembered.
    async fn react(&mut self) -> Rivalled {
        let (memory, position) = self.load().await;
        if let Orphans::Unknown = self.orphans {
            self.orphans = Orphans::UpTo(self.head().await);
        }
        let Parts { commands, store, dispatch, tables, settings, .. } = &self.parts;
        let mut tick = tokio::time::interval(Duration::from_millis(TICK_MS));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let turn = Turn {
            store: store.as_ref(),
            subscription: store.subscribe(position, None),
            actor: Actor::new(commands.clone(), Arc::clone(store), Arc::clone(dispatch), settings.clone()),
            tables,
            memory,
            read_to: position,
            tick,
            state: &self.state,
            orphans: &mut self.orphans,
        };
        say(&self.state, ReactionState::Active);
        turn.run().await
    }

    async fn load(&self) -> (Memory, Position) {
        loop {
            match self.parts.tables.load().await {
                Ok((rows, position)) => return (Memory::from_rows(rows), position),
                Err(error) => missing(&self.state, "the reactions' tables cannot be read", &error),
            }
            pause().await;
        }
    }

    async fn head(&self) -> Position {
        loop {
            match self.parts.store.head().await {
                Ok(head) => return head,
                Err(error) => missing(&self.state, "the reactions cannot read the log", &error),
            }
            pause().await;
        }
    }
}

/// One ownership, from the lease until it is lost.
struct Turn<'a> {
    store: &'a dyn EventStore,
    subscription: Box<dyn Subscription>,
    actor: Actor,
    tables: &'a ReactionMemory,
    memory: Memory,
    read_to: Position,
    tick: Interval,
    state: &'a watch::Sender<ReactionState>,
    orphans: &'a mut Orphans,
}

impl Turn<'_> {
    async fn run(mut self) -> Rivalled {
        loop {
            self.put_back_orphans().await;
            tokio::select! {
                page = self.subscription.next() => match page {
                    Ok(page) => {
                        self.memory.apply_page(&page);
                        if let Err(rivalled) = self.save(page.up_to).await {
                            return rivalled;
                        }
                        say(self.state, ReactionState::Active);
                        self.actor.after_page(&mut self.memory).await;
                    }
                    Err(error) => {
                        missing(self.state, "the reactions cannot read the log", &error);
                        pause().await;
                    }
                },
                _ = self.tick.tick() => {
                    self.actor.tick(&mut self.memory, self.read_to).await;
                    self.look_for_the_log().await;
                }
            }
        }
    }

    /// Notices that the log is back, also when nothing is in it that was not read before.
    async fn look_for_the_log(&mut self) {
        let missing = matches!(&*self.state.borrow(), ReactionState::Missing(_));
        if missing && self.store.head().await.is_ok() {
            say(self.state, ReactionState::Active);
        }
    }

    async fn put_back_orphans(&mut self) {
        if let Orphans::UpTo(position) = *self.orphans
            && self.read_to >= position
        {
            self.actor.put_back_orphans(&self.memory).await;
            *self.orphans = Orphans::Done;
        }
    }

    /// Saves what has changed, again and again until it is done: the checkpoint must not pass what is not remembered.
    async fn save(&mut self, to: Position) -> Result<(), Rivalled> {
        let changes = self.memory.take_changes();
        loop {
            match self.tables.save(&changes, self.read_to, to).await {
                Ok(()) => {
                    self.read_to = to;
                    return Ok(());
                }
                Err(MemoryError::CheckpointMoved { .. }) => return Err(Rivalled),
                Err(error) => missing(self.state, "the reactions' tables cannot be written", &error),
            }
            pause().await;
        }
    }
}

/// Says what the reactions are doing, once for each change.
fn say(state: &watch::Sender<ReactionState>, now: ReactionState) -> bool {
    state.send_if_modified(|before| {
        let changed = *before != now;
        *before = now;
        changed
    })
}

/// Says what is missed; in the log once for each time that it begins to be missed.
fn missing(state: &watch::Sender<ReactionState>, what: &str, error: &impl std::error::Error) {
    if say(state, ReactionState::Missing(what.to_owned())) {
        tracing::warn!(%error, source = ?error.source().map(ToString::to_string), "{what}; trying again");
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(REPEAT_MS)).await;
}
