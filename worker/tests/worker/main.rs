//! The worker as a whole, with a real Chromium, a small site on loopback, a desk and a queue in the test. Nothing
//! here leaves the machine.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod challenges;
mod documents;
mod faults;
mod hostile;
mod hurtful;
mod isolation;
mod model;
#[path = "../../model/tests/suite/stand_in.rs"]
mod model_endpoint;
mod pages;
mod politeness;
mod probe;
mod processes;
mod reading;
mod recycling;
mod settling;
mod site;
mod soak;
#[path = "../../challenge/tests/solver/stand_in.rs"]
mod solver_service;
mod support;
mod traps;
mod walls;
mod works;
