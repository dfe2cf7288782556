//! A sample shop on loopback, for the demo and for the whole-system tests.
//!
//! **Not allowed here:** anything of the service. The shop is a stranger's web site: it knows nothing of
//! who reads it, and what was read is compared with its own data. The demo itself is in `main.rs`.

pub mod shop;
