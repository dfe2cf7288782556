//! What only the embedded store promises: it agrees with a plain list whatever is done to it, survives `kill -9`,
//! and a full disk costs nothing that was acknowledged. Not here: what every store promises (`tests/contract`).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod child;
mod copying;
mod disk_full;
mod killed;
mod model;
mod opening;
mod support;
