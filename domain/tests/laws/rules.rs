//! The seam of the laws: which deciders a world runs on, and a stream that remembers what it was asked.
//! No rule and no law is here; the real deciders are in the crate, broken ones in `mutants.rs`.

use leafcutter_domain::{
    Decider,
    batch::{Batch, BatchCommand, BatchEvent, BatchRejection, BatchState},
    ledger::{Ledger, LedgerCommand, LedgerEvent, LedgerRejection, LedgerState},
};

/// The deciders that a world runs on.
pub(crate) trait Rules {
    type Batch: Decider<State = BatchState, Command = BatchCommand, Event = BatchEvent, Rejection = BatchRejection>;
    type Ledger: Decider<
            State = LedgerState,
            Command = LedgerCommand,
            Event = LedgerEvent,
            Rejection = LedgerRejection,
        >;
}

/// The rules as they are.
pub(crate) struct Real;

impl Rules for Real {
    type Batch = Batch;
    type Ledger = Ledger;
}

/// A command, its answer, and what the same command is answered right after.
pub(crate) struct Asked<D: Decider> {
    pub(crate) command: D::Command,
    /// The number of events that followed.
    pub(crate) answer: Result<usize, D::Rejection>,
    /// What the repeat would have added.
    pub(crate) again: Result<usize, D::Rejection>,
    /// Whether this is an accepted command of former times, delivered again.
    pub(crate) redelivered: bool,
}

/// One stream: its events, the state that they fold to, and every command in order.
pub(crate) struct Stream<D: Decider> {
    pub(crate) state: D::State,
    pub(crate) events: Vec<D::Event>,
    pub(crate) asked: Vec<Asked<D>>,
}

impl<D: Decider> Stream<D>
where
    D::Command: Clone,
    D::Event: Clone,
    D::Rejection: Clone,
{
    pub(crate) fn new() -> Self {
        Self { state: D::initial(), events: vec![], asked: vec![] }
    }

    /// Decides, appends and folds, as the transact loop does.
    pub(crate) fn ask(&mut self, command: impl Into<D::Command>) -> Result<Vec<D::Event>, D::Rejection> {
        self.deliver(command.into(), false)
    }

    /// Delivers an accepted command of former times again, as a broker or a slow client does.
    pub(crate) fn redeliver(&mut self, pick: usize) {
        let accepted: Vec<&Asked<D>> = self.asked.iter().filter(|asked| asked.answer.is_ok()).collect();
        if !accepted.is_empty() {
            let command = accepted[pick % accepted.len()].command.clone();
            // The answer is kept in `asked`, where the law about repeats finds it.
            self.deliver(command, true).ok();
        }
    }

    fn deliver(&mut self, command: D::Command, redelivered: bool) -> Result<Vec<D::Event>, D::Rejection> {
        let answer = D::decide(&self.state, &command);
        for event in answer.iter().flatten() {
            let state = std::mem::replace(&mut self.state, D::initial());
            self.state = D::evolve(state, event);
            self.events.push(event.clone());
        }
        let count = |events: Vec<D::Event>| events.len();
        self.asked.push(Asked {
            again: D::decide(&self.state, &command).map(count),
            answer: answer.clone().map(count),
            command,
            redelivered,
        });
        answer
    }
}
