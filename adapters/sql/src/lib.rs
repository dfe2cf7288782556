//! What the adapters that speak SQL share: how a PostgreSQL server is reached, and values that mean the same in both
//! engines though each engine stores them in its own type. Not here: tables, statements, anything of Leafcutter.

mod server;
mod values;

pub use server::{AddressError, Server, bounded};
pub use values::{Document, Text, Time};
