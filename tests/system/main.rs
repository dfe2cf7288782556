//! Whole-system tests: the program as it is shipped, real Chromium, a local site. One binary, one harness. Nothing
//! here leaves the machine, and nothing here knows the inside of a crate.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]
#![allow(clippy::print_stderr, reason = "a failed test shows the log of its service")]

mod backup;
mod batches;
mod cancel;
mod chromium;
mod cluster;
mod command_line;
mod contract;
mod crashes;
mod erasing;
mod harness;
mod history;
mod limits;
mod model;
#[path = "../../worker/model/tests/suite/stand_in.rs"]
mod model_endpoint;
mod politeness;
mod prices;
mod private_addresses;
mod projections;
mod proof;
mod reads;
mod restarts;
mod sdk;
mod secrets;
mod tenants;
