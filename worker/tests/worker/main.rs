//! The worker as a whole, with a real Chromium, a small site on loopback, a desk and a queue in the test. Nothing
//! here leaves the machine.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod challenges;
mod documents;
mod faults;
mod hostile;
mod isolation;
mod model;
#[path = "../../model/tests/suite/stand_in.rs"]
mod model_endpoint;
mod pages;
mod politeness;
mod processes;
mod reading;
mod settling;
mod site;
#[path = "../../challenge/tests/solver/stand_in.rs"]
mod solver_service;
mod support;
mod walls;
mod works;
