//! Chromium: its processes, its generations, a slot's own context in it, and the opening of one page. Not here:
//! batches, leases, reports (see `slot`), and what becomes of a page's content (see `content`).

mod challenge;
mod command_line;
mod context;
mod frames;
mod launch;
mod net_error;
mod page;
mod picture;
mod pool;
mod process;
mod read;
mod sandbox;
mod seen;
mod watch;
mod watchdog;

pub(crate) use challenge::{Passage, open_past, unpassed};
pub(crate) use context::{Tab, lost};
pub(crate) use net_error::{failed, refused};
pub(crate) use page::Opened;
pub(crate) use picture::picture;
pub(crate) use pool::Pool;
pub(crate) use process::PROFILE_PREFIX;
