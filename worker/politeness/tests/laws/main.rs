//! The laws of politeness: of the gate and the room under random work, and of `robots.txt` by the examples of RFC 9309.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod robots;
mod waiting;
