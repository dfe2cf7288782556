//! Building a version of the read models from the log, in large steps: from where it stands up to a place. Whoever is
//! interrupted begins again at the last step. Nothing else may write the version meanwhile.

use crate::apply::{Applier, ApplyError};
use leafcutter_domain::Moment;
use leafcutter_event_store::{EventStore, Metadata, Position, StoredEvent};
use leafcutter_read_models::ReadModels;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Events written in one step.
const STEP_EVENTS_MAX: usize = 20_000;
/// Data of the events that are written in one step, unless one page alone is larger.
const STEP_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where a build ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// At this place in the log, which the log has reached.
    Position(Position),
    /// At what the log holds now, without the events that happened after this moment.
    Time(Moment),
}

/// How far a build has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Events that this call has looked at.
    pub events: u64,
    /// How far the log was applied.
    pub at: Position,
    /// Where it will end.
    pub goal: Position,
}

/// Applies the log to these tables, from where they stand, and tells after each step how far it has come. Told to
/// stop, it ends after the step under way. Gives where the tables stand then.
///
/// # Errors
/// The log cannot be read or the tables cannot be written. What was written stays, and another call goes on there.
pub async fn build(
    store: Arc<dyn EventStore>,
    models: &ReadModels,
    until: Until,
    mut told: impl FnMut(Progress) + Send,
    stop: &CancellationToken,
) -> Result<Position, ApplyError> {
    let goal = match until {
        Until::Position(position) => position,
        Until::Time(_) => store.head().await?,
    };
    let turn = tokio::select! {
        turn = models.projector_turn() => turn?,
        () = stop.cancelled() => return Ok(models.checkpoint().await?),
    };
    let mut applier = Applier::begin(Arc::clone(&store), models.clone(), turn).await?;
    let mut subscription = store.subscribe(applier.checkpoint(), None);
    let mut events = 0;
    while applier.checkpoint() < goal && !stop.is_cancelled() {
        let mut step = Step::default();
        while step.has_room() && step.up_to < goal {
            let page = tokio::select! {
                page = subscription.next() => page?,
                () = stop.cancelled() => break,
            };
            events += page.events.len() as u64;
            step.add(page.events, page.up_to.min(goal), until);
        }
        if step.up_to == Position::START {
            break;
        }
        applier.apply(&step.events, step.up_to).await?;
        told(Progress { events, at: applier.checkpoint(), goal });
    }
    let at = applier.checkpoint();
    applier.give_back().await;
    Ok(at)
}

/// Events that are written together.
#[derive(Default)]
struct Step {
    events: Vec<StoredEvent>,
    bytes: usize,
    up_to: Position,
}

impl Step {
    fn has_room(&self) -> bool {
        self.events.len() < STEP_EVENTS_MAX && self.bytes < STEP_BYTES_MAX
    }

    fn add(&mut self, events: Vec<StoredEvent>, up_to: Position, until: Until) {
        self.up_to = up_to;
        for event in events.into_iter().filter(|event| belongs(event, up_to, until)) {
            self.bytes += event.data.len();
            self.events.push(event);
        }
    }
}

/// An event whose time cannot be read is taken along, so that it is found and held like any other that is damaged.
fn belongs(event: &StoredEvent, up_to: Position, until: Until) -> bool {
    let in_time = match until {
        Until::Position(_) => true,
        Until::Time(last) => serde_json::from_slice::<Metadata>(&event.metadata)
            .map_or(true, |metadata| metadata.occurred_at <= last),
    };
    event.position <= up_to && in_time
}

/// Brings tables that nobody else writes to where the log is now; `false` when it was stopped before.
///
/// # Errors
/// See [`build`].
pub async fn catch_up(
    store: Arc<dyn EventStore>,
    models: &ReadModels,
    told: impl FnMut(Progress) + Send,
    stop: &CancellationToken,
) -> Result<bool, ApplyError> {
    let head = store.head().await?;
    let at = build(store, models, Until::Position(head), told, stop).await?;
    Ok(at >= head)
}
