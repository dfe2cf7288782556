//! Pages that a site shows instead of its content: block pages and CAPTCHAs, told from what was received; and the
//! service that an operator may pay for answers to the latter.
//!
//! Precision comes first. A page that carries a CAPTCHA among its content, or writes about them, is a page; only one
//! whose content *is* the challenge is judged to be one.
//!
//! **Not allowed here:** browsers, waiting for pages, error codes of items (`leafcutter-worker`).
//!
//! # Where to look
//!
//! `page` reduces HTML to what can be judged, `widget` knows the CAPTCHAs, `signatures` the vendors' own pages,
//! `wording` the words of all others, `judge` decides. `solver` speaks to the service.

mod judge;
mod page;
mod signatures;
mod solver;
mod widget;
mod wording;

pub use judge::{Challenge, Evidence, Verdict, judge, may_hide_a_challenge};
pub use signatures::TELLING_HEADERS;
pub use solver::{Answer, Pace, Solver, SolverError, SolverKey, SolverSettings};
pub use widget::{Widget, WidgetKind};
