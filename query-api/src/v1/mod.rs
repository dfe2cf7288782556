//! Queries under `/v1`, where a scrape batch is a batch of sessions and an item is a session. Errors are written in
//! that format by the router.

pub(crate) mod list;
pub(crate) mod session;
mod words;
