//! The write side: HTTP commands, the work desk where items are claimed and reported, and the reactions that carry
//! events on (dispatch, settlement, watchdog, sweep). Not here: rules (`domain`), reads (`query-api`), SQL.

mod commands;
mod desk;
mod erasing;
mod first_account;
mod handlers;
mod ledger_keeper;
mod object_keys;
mod price_book;
mod reactions;
mod router;
mod service_key;
mod settlement;
mod submission;

pub use commands::{CommandParts, CommandSettings, Commands};
pub use desk::Desk;
pub use first_account::{ensure_first_account, new_api_key};
pub use price_book::PriceBook;
pub use reactions::{ReactionSettings, ReactionState, Reactions};
pub use router::{document, router};
pub use service_key::ServiceKey;
