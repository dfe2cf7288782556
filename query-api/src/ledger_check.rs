//! Recomputes an account's ledger from its events: the hash chain, whether each event can be read, and whether the sums
//! add up, both as the rules fold them and as a statement tells them. Pure; what reads the log is in `ledger_log`.

use crate::ledger_log::entry;
use leafcutter_domain::{
    Decider,
    ledger::{Ledger, LedgerEvent, LedgerState},
};
use leafcutter_event_store::{StoredEvent, decode};
use leafcutter_ledger_proof::{Fault, FaultKind, Walk, Walked};
use leafcutter_read_models::{LedgerBalance, LedgerEntry, RecordedEntry};

/// A ledger on its way to be recomputed.
#[derive(Default)]
pub(crate) struct LedgerCheck {
    walk: Walk,
    state: LedgerState,
    books: Option<LedgerBalance>,
    fault: Option<Fault>,
}

/// What an event came to.
pub(crate) enum Step {
    /// It is right, and this is its entry in the statement.
    Entry(Box<RecordedEntry>),
    /// It is not right, or comes after one that is not: what follows tells more.
    Doubt,
    /// The first fault is known.
    Fault,
}

impl LedgerCheck {
    /// Takes the next event of the ledger.
    pub(crate) fn step(&mut self, stored: &StoredEvent) -> Step {
        if self.fault.is_some() || !self.walk.step(&entry(stored)) {
            return Step::Fault;
        }
        if !self.walk.is_sound() {
            return Step::Doubt;
        }
        match self.enter(stored) {
            Ok(entry) => Step::Entry(Box::new(entry)),
            Err(fault) => {
                self.fault = Some(fault);
                Step::Fault
            }
        }
    }

    /// What was recomputed, with the first fault of all.
    pub(crate) fn finish(self) -> Walked {
        let walked = self.walk.finish();
        match self.fault {
            // The walk found nothing wrong with that event, and counted it.
            Some(fault) => Walked { entries: walked.entries - 1, fault: Some(fault), ..walked },
            None => walked,
        }
    }

    fn enter(&mut self, stored: &StoredEvent) -> Result<RecordedEntry, Fault> {
        let fault = |kind, what: String| Fault {
            stream: stored.stream.to_string(),
            revision: stored.revision,
            kind,
            what,
        };
        if stored.revision == 0 {
            (self.state, self.books) = (Ledger::initial(), None);
        }
        let (event, _) =
            decode::<LedgerEvent>(stored).map_err(|error| fault(FaultKind::Unreadable, error.to_string()))?;
        self.state = Ledger::evolve(std::mem::take(&mut self.state), &event);
        let entry = LedgerBalance::enter(&mut self.books, &event, stored.revision)
            .map_err(|error| fault(FaultKind::Unbalanced, error.to_string()))?;
        let agrees = self.books.as_ref().is_some_and(|books| is_balanced(&self.state, books));
        match (entry, &self.books) {
            (Some(entry), Some(books)) if agrees => Ok(recorded(books, entry, stored)),
            _ => Err(fault(
                FaultKind::Unbalanced,
                "after it, granted is not available + held + spent + expired + carried out".to_owned(),
            )),
        }
    }
}

/// Whether every credit is in one place, and both ways to count say the same place.
fn is_balanced(state: &LedgerState, books: &LedgerBalance) -> bool {
    let folded = [state.granted, state.available.total(), state.held(), state.spent];
    state.is_balanced() && folded == [books.granted, books.available, books.held, books.spent]
}

fn recorded(books: &LedgerBalance, entry: LedgerEntry, stored: &StoredEvent) -> RecordedEntry {
    RecordedEntry { account: books.account, entry, event: stored.id, position: stored.position }
}
