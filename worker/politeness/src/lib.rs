//! Politeness towards the hosts whose pages are opened: when the next page of a host may begin, which work waits for
//! it, and what `robots.txt` says.
//!
//! Pure: the present moment is handed in, nothing waits, nothing is fetched. The worker owns the one gate, the one
//! room and the one table of its process, and does what they say.
//!
//! **Not allowed here:** async, sockets, clocks, logs, knowledge of batches, offers or browsers.
//!
//! # Where to look
//!
//! `gate` says when a host may be asked, `room` keeps the work that has to wait and says who is next, `robots` reads
//! the rules of a site, `retry_after` what a host asks for itself, `recent` is a bounded table of what was learnt.

mod gate;
mod recent;
mod retry_after;
mod robots;
mod room;

pub use gate::{CRAWL_DELAY_MS_MAX, Gate, GateSettings, HOSTS_MAX, Start, Turn};
pub use recent::Recent;
pub use retry_after::{RETRY_AFTER_MS_MAX, retry_after};
pub use robots::{PATTERN_BYTES_MAX, ROBOTS_BYTES_MAX, ROBOTS_RULES_MAX, Robots};
pub use room::{PASSED_OVER_MAX, Party, ROOM_PARTIES_MAX, Room, Taken};
