//! Queries under `/api`: one file each, in the order request, handler, answer.

pub(crate) mod account;
pub(crate) mod batch_history;
pub(crate) mod credits;
pub(crate) mod credits_export;
pub(crate) mod credits_history;
pub(crate) mod credits_verify;
mod etag;
pub(crate) mod list;
mod results;
pub(crate) mod screenshot;
pub(crate) mod status;
pub(crate) mod usage;
mod words;
