//! Following the log: one page of events becomes one transaction with its checkpoint. One process at a time has the
//! turn to write; the others stand by. Whatever fails is begun again with another turn, from the stored checkpoint,
//! later and later up to a bound, for as long as the service runs.

use crate::{
    Activity, Settings,
    apply::{Applier, ApplyError},
};
use leafcutter_event_store::{EventStore, Position};
use leafcutter_read_models::{LiveModels, ReadModels, Turn};
use std::{sync::Arc, time::Duration};
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

/// Why following ended, if nothing went wrong.
enum Ended {
    /// It was told to, or is paused.
    Stopped,
    /// Another version of the read models is live.
    Replaced,
}

/// What a running projector tells of itself.
pub(crate) struct Signals {
    pub(crate) caught_up: watch::Sender<bool>,
    pub(crate) activity: watch::Sender<Activity>,
}

pub(crate) async fn run(
    store: Arc<dyn EventStore>,
    live: LiveModels,
    settings: Settings,
    stop: CancellationToken,
    signals: Signals,
) {
    let mut follower = Follower { store, live, settings, signals, goal: None, applied: false };
    let mut backoff_ms = BACKOFF_FIRST_MS;
    loop {
        let error = match follower.follow(&stop).await {
            Ok(Ended::Stopped) => return,
            Ok(Ended::Replaced) => continue,
            Err(error) => error,
        };
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
    live: LiveModels,
    settings: Settings,
    signals: Signals,
    /// The head that the log had at the start.
    goal: Option<Position>,
    /// Whether anything was applied since the last failure.
    applied: bool,
}

impl Follower {
    /// Keeps the live version true until another one is, or until told to stop.
    async fn follow(&mut self, stop: &CancellationToken) -> Result<Ended, ApplyError> {
        let goal = match self.goal {
            Some(goal) => goal,
            None => *self.goal.insert(self.store.head().await?),
        };
        let models = self.live.latest();
        let turn = match self.stand_by(&models, goal, stop).await? {
            Ok(turn) => turn,
            Err(ended) => return Ok(ended),
        };
        let mut applier = Applier::begin(Arc::clone(&self.store), models, turn).await?;
        self.signals.activity.send_replace(Activity::Active);
        let ended = self.project(&mut applier, goal, stop).await;
        self.signals.activity.send_replace(Activity::Standby);
        applier.give_back().await;
        ended
    }

    /// Waits for the turn to write; how it ended when told to stop, when another version is live, or when paused and the
    /// tables are as far as they should be. A standby has caught up when somebody has brought the tables there.
    async fn stand_by(
        &mut self,
        models: &ReadModels,
        goal: Position,
        stop: &CancellationToken,
    ) -> Result<Result<Turn, Ended>, ApplyError> {
        let look_every = Duration::from_millis(STANDBY_LOOK_MS);
        let mut look = interval_at(Instant::now() + look_every, look_every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let turn = models.projector_turn();
        tokio::pin!(turn);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Err(Ended::Stopped)),
                () = self.live.changed() => return Ok(Err(Ended::Replaced)),
                turn = &mut turn => return Ok(Ok(turn?)),
                _ = look.tick() => {
                    if models.checkpoint().await? >= goal && self.reached_goal() {
                        return Ok(Err(Ended::Stopped));
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
        applier: &mut Applier,
        goal: Position,
        stop: &CancellationToken,
    ) -> Result<Ended, ApplyError> {
        let mut subscription = self.store.subscribe(applier.checkpoint(), None);
        let mut check = interval(Duration::from_millis(TURN_CHECK_MS));
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if applier.checkpoint() >= goal && self.reached_goal() {
                return Ok(Ended::Stopped);
            }
            let page = {
                // Kept over the checks of the turn, so that no page is asked for twice.
                let next = subscription.next();
                tokio::pin!(next);
                loop {
                    tokio::select! {
                        () = stop.cancelled() => return Ok(Ended::Stopped),
                        () = self.live.changed() => return Ok(Ended::Replaced),
                        page = &mut next => break page?,
                        _ = check.tick() => applier.check().await?,
                    }
                }
            };
            applier.apply(&page.events, page.up_to).await?;
            self.applied = true;
        }
    }
}
