//! The live version, for those who read it and for the one that keeps it true. When another version is made live, in
//! this process or elsewhere, everybody has it within a second; whoever is in the middle of a question ends it with the
//! version that it began with.

use super::place::Place;
use crate::{ReadModelError, ReadModels};
use leafcutter_event_store::Position;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

/// How often it is looked up which version is live.
const LOOK_EVERY_MS: u64 = 250;

/// The tables of whichever version is live. Clones share the same connections.
#[derive(Clone)]
pub struct LiveModels {
    live: watch::Receiver<ReadModels>,
    shared: Arc<Shared>,
}

struct Shared {
    sender: watch::Sender<ReadModels>,
    place: Option<Arc<Place>>,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl std::fmt::Debug for LiveModels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveModels").field("now", &*self.live.borrow()).finish_non_exhaustive()
    }
}

/// Tables that are the only version.
impl From<ReadModels> for LiveModels {
    fn from(models: ReadModels) -> Self {
        Self::new(models, None)
    }
}

impl LiveModels {
    fn new(models: ReadModels, place: Option<Arc<Place>>) -> Self {
        let (sender, live) = watch::channel(models);
        let (stop, task) = (CancellationToken::new(), Mutex::new(None));
        Self { live, shared: Arc::new(Shared { sender, place, stop, task }) }
    }

    pub(super) async fn follow(place: Arc<Place>) -> Result<Self, ReadModelError> {
        let number = place.live().await?;
        let models = Self::new(place.tables(number).await?, Some(Arc::clone(&place)));
        let look = look(place, number, models.shared.sender.clone(), models.shared.stop.clone());
        *models.shared.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(tokio::spawn(look));
        Ok(models)
    }

    /// The live version, now. A question of several parts asks all of them of one answer of this.
    #[must_use]
    pub fn now(&self) -> ReadModels {
        self.live.borrow().clone()
    }

    /// As [`Self::now`]; `changed` waits for another one than this.
    pub fn latest(&mut self) -> ReadModels {
        self.live.borrow_and_update().clone()
    }

    /// Waits until another version is live than the latest that was asked for.
    pub async fn changed(&mut self) {
        // The sender lives in `self`.
        let _ = self.live.changed().await;
    }

    /// The live version once it has applied the log up to `position`; `None` when `patience` ends first.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub async fn current(
        &self,
        position: Position,
        patience: Duration,
    ) -> Result<Option<ReadModels>, ReadModelError> {
        let deadline = Instant::now() + patience;
        let mut live = self.live.clone();
        loop {
            let models = live.borrow_and_update().clone();
            let left = deadline.saturating_duration_since(Instant::now());
            tokio::select! {
                biased;
                reached = models.wait_until(position, left) => return Ok(reached?.then_some(models)),
                // A version that is live no more is not brought any further.
                _ = live.changed() => {}
            }
        }
    }

    /// Ends what is under way and closes the connections.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        let task = self.shared.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // It ends with the look under way.
            let _ = task.await;
        }
        self.now().close().await;
        if let Some(place) = &self.shared.place {
            place.close().await;
        }
    }
}

/// Looks up which version is live, again and again. While nobody answers, the last answer holds.
async fn look(place: Arc<Place>, mut number: u32, live: watch::Sender<ReadModels>, stop: CancellationToken) {
    let mut every = interval(Duration::from_millis(LOOK_EVERY_MS));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => {}
        }
        let Ok(found) = place.live().await else { continue };
        if found == number {
            continue;
        }
        match place.tables(found).await {
            Ok(models) => {
                tracing::info!(version = found, "another version of the read models is live");
                number = found;
                live.send_replace(models);
            }
            Err(error) => tracing::error!(%error, version = found, "the live read models cannot be opened"),
        }
    }
}
