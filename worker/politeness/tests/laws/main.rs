//! The laws of politeness: of the gate and the room under random work, and of `robots.txt` by the examples of RFC 9309.

mod robots;
mod waiting;
