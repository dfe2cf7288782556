//! The credits of one account in one month: what was granted, is held, was spent, expired or carried on.
//! A month is a stream of its own; `PeriodClosed` ends it and the next `PeriodOpened` carries on. What a page is
//! worth is not here (`pricing`), nor which page ended how (`batch`).

mod command;
mod decide;
mod event;
mod evolve;
mod funds;
mod state;

#[cfg(test)]
mod tests;

pub use command::{
    ClosePeriod, Grant, LedgerCommand, LedgerRejection, OpenPeriod, Reserve, Settle, Settlement,
    SettlementEntry,
};
pub use event::{
    CreditsCharged, CreditsGranted, CreditsRefunded, CreditsReserved, LedgerEvent, PeriodClosed,
    PeriodOpened, PreviousPeriod, RefundReason,
};
pub use funds::Funds;
pub use state::{LedgerState, Reservation};

use crate::Decider;

/// The ledger aggregate; see [`LedgerState`] for what it remembers.
#[derive(Debug)]
pub enum Ledger {}

impl Decider for Ledger {
    type State = LedgerState;
    type Command = LedgerCommand;
    type Event = LedgerEvent;
    type Rejection = LedgerRejection;

    fn initial() -> LedgerState {
        LedgerState::default()
    }

    fn decide(state: &LedgerState, command: &LedgerCommand) -> Result<Vec<LedgerEvent>, LedgerRejection> {
        decide::decide(state, command)
    }

    fn evolve(state: LedgerState, event: &LedgerEvent) -> LedgerState {
        evolve::evolve(state, event)
    }
}
