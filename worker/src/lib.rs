//! The worker: takes offered items, opens their pages in Chromium, extracts and stores their content, and reports.
//!
//! It runs untrusted pages, so it holds no credential of the event store or the database: it speaks to the work
//! desk, puts objects, and sends all traffic of pages through `leafcutter-egress`.
//!
//! **Not allowed here:** rules of batches and credits (`domain`), HTTP of our own, SQL, how HTML is understood
//! (`leafcutter-extract`), what may be reached (`leafcutter-egress`).
//!
//! # Where to look
//!
//! `worker` starts and stops, `slot` is the loop of one slot, `attempt` one item under its limit, `browser` all of
//! Chromium, `fast` the way without it, `content` makes results, `hosts` says which work goes on, `robots` what
//! sites allow, `orphans` sweeps what a former run left,
//! `memory` says when there is too little of it, `proc` reads what the kernel says about processes.
//!
//! # For the owner of the log
//!
//! `chromiumoxide` logs raw protocol messages, cookies and page content included, at `trace` and in part at `debug`
//! and `warn`; so does `tungstenite` below it. Whoever installs a subscriber has to hold the targets in
//! [`SECRET_LOG_TARGETS`] at `off`, whatever the operator asks for.

mod attempt;
mod browser;
mod by_model;
mod content;
mod desk;
mod error;
mod fast;
mod hosts;
mod memory;
mod orphans;
mod proc;
mod robots;
mod settings;
mod slot;
mod worker;

pub use error::WorkerError;
pub use leafcutter_challenge::{Pace, Solver, SolverKey, SolverSettings};
pub use settings::WorkerSettings;
pub use worker::{Readiness, Worker};

pub use leafcutter_model::{ApiKey, ModelSettings};

/// Log targets that may print cookies, page content and what a model said; never to be switched on.
pub const SECRET_LOG_TARGETS: [&str; 4] =
    ["chromiumoxide", "tungstenite", "async_tungstenite", leafcutter_model::SECRET_LOG_TARGETS[0]];
