//! The model against a local server that speaks the chat protocol, with faults to order.
//!
//! **Not allowed here:** a real endpoint, sleeping.

mod asking;
mod faults;
mod hostile;
mod server;
mod tokens;
