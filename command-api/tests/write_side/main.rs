//! The write side as a whole, without HTTP surface or browser: real log, real reactions, a clock that the test
//! drives, and the test itself as the worker.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop with what it met")]

mod clocks;
mod cookies;
mod desk;
mod erasing;
mod keys;
mod months;
mod options;
mod owners;
mod politeness;
mod prices;
mod reactions;
mod repeats;
mod replicas;
mod stand_ins;
mod submits;
mod support;
mod to_zero;
