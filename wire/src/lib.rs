//! What the write side and the read side share: who is calling, how fast they may, how errors look in each of the two
//! wire formats, what time it is, and which month of a ledger was the last. Not here: handlers, rules, SQL.

mod clock;
mod error;
mod gate;
mod http_error;
mod json_body;
mod key_directory;
mod ledgers;
mod rate_limit;
mod refusals;
mod unread_body;

pub use clock::{Clock, ClockJumped};
pub use error::ApiError;
pub use gate::{Caller, Gate, guard};
pub use http_error::{ErrorBody, V1ErrorBody, V1ErrorDetail, ValidationBody, WaitBody, in_v1_format};
pub use json_body::{BODY_BYTES_MAX, JsonBody, OptionalJsonBody, read_fields};
pub use key_directory::{KeyDirectory, hash_key};
pub use ledgers::{BegunMonth, Ledgers, walk_back};
pub use rate_limit::RateLimit;
pub use unread_body::read_to_the_end;
