//! A batch as clients see it: the header, its items, and the pure fold of events that makes them. No clock, no SQL.

mod fold;
mod view;

#[cfg(test)]
mod tests;

pub use fold::{Gap, fold};
pub use view::{BatchHeader, BatchView, Counts, ItemError, ItemView, Status};
