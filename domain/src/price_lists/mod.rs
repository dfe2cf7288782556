//! The price lists that were ever in force, by their versions: once published, a version keeps its prices for good,
//! so that a batch is charged by the list under which it was submitted, whatever the operator's file says later. What
//! a page costs under a list is in `pricing`.

#[cfg(test)]
mod tests;

use crate::{
    Decider, Moment, PriceFault, PriceList, batch::command::commands_macro as commands, event::events,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

events! {
    /// Everything that can happen to price lists.
    PriceListEvent { PriceListPublished }
}

/// A price list may be used from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceListPublished {
    /// The list.
    pub list: PriceList,
    /// When.
    pub at: Moment,
}

commands! {
    /// Everything that can be asked of the price lists.
    PriceListCommand { PublishPriceList }
}

/// Let a price list be used. The same list again, or one that is built in: nothing to record.
#[derive(Debug, Clone)]
pub struct PublishPriceList {
    /// The list.
    pub list: PriceList,
    /// Now.
    pub at: Moment,
}

/// Why a list was refused; nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceListRejection {
    /// It cannot be used.
    #[error(transparent)]
    Unusable(#[from] PriceFault),
    /// The version has other prices.
    #[error(
        "price list {version} has other prices already, and those of a version never change: give the changed list a \
         higher version"
    )]
    VersionTaken {
        /// The version.
        version: u32,
    },
}

/// The lists that were published.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PriceListState {
    /// By version.
    pub lists: BTreeMap<u32, PriceList>,
    /// Time of the last event.
    pub last_at: Option<Moment>,
}

impl PriceListState {
    /// The list of this version, published or built in.
    #[must_use]
    pub fn of_version(&self, version: u32) -> Option<PriceList> {
        PriceList::built_in_of(version).or_else(|| self.lists.get(&version).cloned())
    }
}

/// The aggregate of the price lists, of which there is one; see [`PriceListState`] for what it remembers.
#[derive(Debug)]
pub enum PriceLists {}

impl Decider for PriceLists {
    type State = PriceListState;
    type Command = PriceListCommand;
    type Event = PriceListEvent;
    type Rejection = PriceListRejection;

    fn initial() -> PriceListState {
        PriceListState::default()
    }

    fn decide(
        state: &PriceListState,
        command: &PriceListCommand,
    ) -> Result<Vec<PriceListEvent>, PriceListRejection> {
        match command {
            PriceListCommand::PublishPriceList(command) => publish(state, command),
        }
    }

    fn evolve(mut state: PriceListState, event: &PriceListEvent) -> PriceListState {
        match event {
            PriceListEvent::PriceListPublished(published) => {
                state.lists.entry(published.list.version).or_insert_with(|| published.list.clone());
                state.last_at = Some(published.at);
            }
        }
        state
    }
}

fn publish(
    state: &PriceListState,
    command: &PublishPriceList,
) -> Result<Vec<PriceListEvent>, PriceListRejection> {
    let PublishPriceList { list, at } = command;
    list.check()?;
    match state.of_version(list.version) {
        Some(known) if known == *list => Ok(vec![]),
        Some(_) => Err(PriceListRejection::VersionTaken { version: list.version }),
        None => {
            let at = state.last_at.map_or(*at, |last| last.max(*at));
            Ok(vec![PriceListPublished { list: list.clone(), at }.into()])
        }
    }
}
