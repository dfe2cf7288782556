//! The rules of Leafcutter: what a batch, a ledger and an account may do, and what then happened.
//!
//! **Not allowed here:** async, I/O, clocks, randomness, SQL, HTTP. Time and ids arrive inside commands; ids
//! made in reaction to an event are derived from it, so that a replay makes the same ones. To see how a rule
//! meets the world, read `adapters/event-store/src/transact.rs`.

pub mod account;
pub mod batch;
mod error_code;
mod event;
mod ids;
pub mod ledger;
pub mod limits;
mod moment;
mod options;
pub mod price_lists;
mod pricing;
mod proxy_place;
pub mod quarantine;
#[cfg(test)]
mod testing;
mod tokens;

pub use error_code::ErrorCode;
pub use event::{DecodeError, DomainEvent};
pub use ids::{AccountId, BatchId, GrantId, ItemIndex, KeyId, ReservationId, WorkerId, item_uuid};
pub use moment::{Moment, ParseMomentError, Period};
pub use options::{Isolation, OutputFormat, ScrapeMode, ScrapeOptions, Screenshot};
pub use pricing::{CAPTCHAS_PER_ITEM_MAX, Extras, PriceFault, PriceList, Usage};
pub use proxy_place::{CountryCode, ParsePlaceError, ProxyPlace};
pub use tokens::{
    MODEL_FAULTS_TOKENS_MAX, MODEL_FRAME_TOKENS_MAX, MODEL_ROUNDS_MAX, ModelBudget, ModelTokens, TOKEN_BYTES,
    estimated_tokens,
};

/// An aggregate as three plain functions.
///
/// `decide` says what happens and `evolve` applies what has happened; neither can wait, look at a clock or roll
/// dice. No events means: already so, nothing to record.
pub trait Decider {
    /// What the aggregate remembers.
    type State;
    /// An imperative, with its time and ids inside.
    type Command;
    /// A fact, in the past tense.
    type Event;
    /// The rule that forbids the command.
    type Rejection;

    /// The state before the first event.
    fn initial() -> Self::State;
    /// Says what happens, or which rule forbids it.
    ///
    /// # Errors
    /// The rejection names the rule; nothing is recorded for a refused command.
    fn decide(state: &Self::State, command: &Self::Command) -> Result<Vec<Self::Event>, Self::Rejection>;
    /// Applies one fact. Facts are true already, so this cannot fail.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;

    /// Folds a history from the beginning.
    fn fold<'a>(events: impl IntoIterator<Item = &'a Self::Event>) -> Self::State
    where
        Self::Event: 'a,
    {
        events.into_iter().fold(Self::initial(), Self::evolve)
    }
}
