//! Has a language model read a page: asks any endpoint that speaks the OpenAI chat protocol for JSON in the shape of
//! a schema, and believes nothing that comes back before it was validated.
//!
//! A page is data. It goes to the model as a message of its own, between marks that it cannot forge, and what the
//! model makes of it leaves this crate only as JSON that satisfies the schema.
//!
//! **Not allowed here:** how HTML is read (`leafcutter-extract`), what tokens cost (`domain`), the network of pages.
//! The endpoint is the operator's and may be internal, so its traffic does not go through the egress proxy.
//!
//! # Where to look
//!
//! `model` is the course of a question, `talk` what is said, `page` how a page is cut to its budget, `endpoint` how
//! the endpoint is reached, `answer` how its answers are read, `strict` and `check` what is done with the schema.

mod answer;
mod check;
mod endpoint;
mod error;
mod model;
mod page;
mod settings;
mod strict;
mod talk;
mod tally;

pub use error::ModelError;
pub use model::{Model, Question};
pub use page::PageText;
pub use settings::{ApiKey, ModelSettings, ModelSettingsError};
pub use tally::Tally;

/// Log targets of the client library that may print answers and pages; never to be switched on.
pub const SECRET_LOG_TARGETS: [&str; 1] = ["async_openai"];
