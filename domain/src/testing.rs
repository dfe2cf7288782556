//! Given events, when a command, then events or a refusal: the shape of every unit test here. Compiled for tests
//! only; what an aggregate's tests share beyond it is in their own `tests` module.

use crate::{Decider, Moment};

/// A history to ask something of.
pub(crate) struct Given<D: Decider> {
    pub(crate) state: D::State,
}

/// Folds the history.
pub(crate) fn given<D: Decider>(events: impl IntoIterator<Item = D::Event>) -> Given<D> {
    let events: Vec<D::Event> = events.into_iter().collect();
    Given { state: D::fold(&events) }
}

impl<D: Decider> Given<D> {
    /// What follows the command.
    pub(crate) fn when(&self, command: impl Into<D::Command>) -> Result<Vec<D::Event>, D::Rejection> {
        D::decide(&self.state, &command.into())
    }

    /// The history with what follows the command, which must be taken.
    pub(crate) fn after(self, command: impl Into<D::Command>) -> Self
    where
        D::Rejection: std::fmt::Debug,
    {
        let events = self.when(command).unwrap();
        Self { state: events.iter().fold(self.state, D::evolve) }
    }
}

/// So many seconds after the beginning of the tests' time, which is the beginning of a month.
pub(crate) fn at(seconds: i64) -> Moment {
    "2026-11-01T00:00:00Z".parse::<Moment>().unwrap().plus_millis(seconds * 1_000)
}
