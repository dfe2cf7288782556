//! Following the log: one page of events becomes one transaction with its checkpoint. One process at a time has the
//! turn to write; the others stand by. Whatever fails is begun again with another turn, from the stored checkpoint,
//! later and later up to a bound, for as long as the service runs.

use crate::{
    Activity, Settings,
    project::{Known, project},
};
use leafcutter_crash_points::reach;
use leafcutter_domain::BatchId;
use leafcutter_event_store::{Aggregate, EventStore, Position, StoreError, StoredEvent, StreamName};
use leafcutter_read_models::{Changes, Quarantined, ReadModelError, ReadModels, Turn};
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, interval_at},
};
use tokio_util::sync::CancellationToken;

/// The first wait after a failure; doubles with each further one.
const BACKOFF_FIRST_MS: u64 = 100;
/// The longest wait after a failure.
const BACKOFF_MAX_MS: u64 = 5_000;
/// How often a standby looks how far the tables are.
const STANDBY_LOOK_MS: u64 = 500;
/// How often a projector without events looks whether it still has the turn.
const TURN_CHECK_MS: u64 = 2_000;
/// Events in one read of a stream that was in quarantine.
const STREAM_PAGE_EVENTS: usize = 500;

/// Why a page was not applied.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    ReadModels(#[from] ReadModelError),
}

/// What a running projector tells of itself.
pub(crate) struct Signals {
    pub(crate) caught_up: watch::Sender<bool>,
    pub(crate) activity: watch::Sender<Activity>,
}

pub(crate) async fn run(
    store: Arc<dyn EventStore>,
    models: ReadModels,
    settings: Settings,
    stop: CancellationToken,
    signals: Signals,
) {
    let mut follower = Follower { store, models, settings, signals, goal: None, applied: false };
    let mut backoff_ms = BACKOFF_FIRST_MS;
    loop {
        let Err(error) = follower.follow(&stop).await else { return };
        if std::mem::take(&mut follower.applied) {
            backoff_ms = BACKOFF_FIRST_MS;
        }
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(%error, cause, backoff_ms, "the read models stand still; trying again");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(backoff_ms)) => {}
        }
        backoff_ms = (backoff_ms * 2).min(BACKOFF_MAX_MS);
    }
}

struct Follower {
    store: Arc<dyn EventStore>,
    models: ReadModels,
    settings: Settings,
    signals: Signals,
    /// The head that the log had at the start.
    goal: Option<Position>,
    /// Whether anything was applied since the last failure.
    applied: bool,
}

impl Follower {
    /// Ends well when told to stop, or when paused.
    async fn follow(&mut self, stop: &CancellationToken) -> Result<(), FollowError> {
        let goal = match self.goal {
            Some(goal) => goal,
            None => *self.goal.insert(self.store.head().await?),
        };
        let Some(mut turn) = self.stand_by(goal, stop).await? else { return Ok(()) };
        self.signals.activity.send_replace(Activity::Active);
        let ended = self.project(&mut turn, goal, stop).await;
        self.signals.activity.send_replace(Activity::Standby);
        turn.give_back().await;
        ended
    }

    /// Waits for the turn to write; `None` when told to stop, or when paused and the tables are as far as they should
    /// be. A standby has caught up when somebody has brought the tables there.
    async fn stand_by(&self, goal: Position, stop: &CancellationToken) -> Result<Option<Turn>, FollowError> {
        let look_every = Duration::from_millis(STANDBY_LOOK_MS);
        let mut look = interval_at(Instant::now() + look_every, look_every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let turn = self.models.projector_turn();
        tokio::pin!(turn);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(None),
                turn = &mut turn => return Ok(Some(turn?)),
                _ = look.tick() => {
                    if self.models.checkpoint().await? >= goal && self.reached_goal() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Says whether that is the end.
    fn reached_goal(&self) -> bool {
        self.signals.caught_up.send_replace(true);
        self.settings.paused
    }

    async fn project(
        &mut self,
        turn: &mut Turn,
        goal: Position,
        stop: &CancellationToken,
    ) -> Result<(), FollowError> {
        let mut from = self.models.checkpoint().await?;
        let mut waiting = self.release_quarantined(turn, from).await?;
        let mut subscription = self.store.subscribe(from, None);
        let mut check = interval(Duration::from_millis(TURN_CHECK_MS));
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if from >= goal && self.reached_goal() {
                return Ok(());
            }
            let page = {
                // Kept over the checks of the turn, so that no page is asked for twice.
                let next = subscription.next();
                tokio::pin!(next);
                loop {
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        page = &mut next => break page?,
                        _ = check.tick() => turn.check().await?,
                    }
                }
            };
            let changes = self.changes(&page.events, &mut waiting).await?;
            reach("project");
            turn.apply(&changes, from, page.up_to).await?;
            reach("checkpoint");
            self.applied = true;
            from = page.up_to;
        }
    }

    /// What the events change; streams that must wait from now on are added to `waiting`.
    async fn changes(
        &self,
        events: &[StoredEvent],
        waiting: &mut HashSet<StreamName>,
    ) -> Result<Changes, FollowError> {
        let known = self.known(events).await?;
        let changes = project(events, known, waiting);
        for Quarantined { stream, revision, reason, .. } in &changes.quarantined {
            tracing::error!(%stream, revision, reason, "an event cannot be applied; its stream waits, others go on");
            waiting.insert(stream.clone());
        }
        Ok(changes)
    }

    /// What the tables hold of the streams that the events are in.
    async fn known(&self, events: &[StoredEvent]) -> Result<Known, FollowError> {
        let (mut batches, mut ledgers) = (BTreeSet::new(), BTreeSet::new());
        for stream in events.iter().map(|event| &event.stream) {
            if let Some(batch) = batch_of(stream) {
                batches.insert(batch);
            } else if is_ledger(stream) {
                ledgers.insert(stream.clone());
            }
        }
        let mut known = Known::default();
        if !ledgers.is_empty() {
            let ledgers: Vec<StreamName> = ledgers.into_iter().collect();
            known.ledgers = self.models.ledgers(&ledgers).await?;
        }
        if !batches.is_empty() {
            let batches: Vec<BatchId> = batches.into_iter().collect();
            known.batches = self.models.batches(&batches).await?;
        }
        Ok(known)
    }

    /// Tries the streams in quarantine again, since this version may read what an earlier one could not. Answers
    /// those that still wait.
    async fn release_quarantined(
        &self,
        turn: &mut Turn,
        checkpoint: Position,
    ) -> Result<HashSet<StreamName>, FollowError> {
        let mut waiting = HashSet::new();
        for Quarantined { stream, revision, .. } in self.models.quarantined().await? {
            let mut next = revision;
            loop {
                let events = self.store.read(&stream, next, STREAM_PAGE_EVENTS).await?;
                let mut changes = self.changes(&events, &mut waiting).await?;
                let more = events.len() == STREAM_PAGE_EVENTS && !waiting.contains(&stream);
                if !more && !waiting.contains(&stream) {
                    tracing::info!(%stream, "the stream can be applied and waits no more");
                    changes.released.push(stream.clone());
                }
                turn.apply(&changes, checkpoint, checkpoint).await?;
                next += events.len() as u64;
                if !more {
                    break;
                }
            }
        }
        Ok(waiting)
    }
}

pub(crate) fn batch_of(stream: &StreamName) -> Option<BatchId> {
    let ours = stream.category() == leafcutter_domain::batch::Batch::CATEGORY;
    if ours { stream.key().parse().ok() } else { None }
}

pub(crate) fn is_ledger(stream: &StreamName) -> bool {
    stream.category() == leafcutter_domain::ledger::Ledger::CATEGORY
}
