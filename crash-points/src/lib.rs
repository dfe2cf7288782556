//! Named places at which a test can kill the service, as `kill -9` would. Does nothing in a release build, and
//! nothing without the environment variable. Not for anything else: no behaviour may depend on it.

/// The environment variable: `NAME` or `NAME:COUNT`, dies when the place is reached for the COUNT-th time.
pub const VARIABLE: &str = "LEAFCUTTER_CRASH_AT";

/// The names in use, in the order of an item's life.
pub const POINTS: [&str; 10] =
    ["reserve", "submit", "offer", "start", "store", "report", "settle", "project", "checkpoint", "erase"];

/// Marks a place. In a debug build, kills this process if the environment says so.
pub fn reach(point: &str) {
    if cfg!(debug_assertions) {
        armed::reach(point);
    }
}

mod armed {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    };

    struct Armed {
        point: String,
        left: AtomicU32,
    }

    fn armed() -> Option<&'static Armed> {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        let read = || {
            let value = std::env::var(super::VARIABLE).ok()?;
            let (point, count) = value.split_once(':').unwrap_or((&value, "1"));
            Some(Armed { point: point.to_owned(), left: AtomicU32::new(count.parse().ok()?) })
        };
        ARMED.get_or_init(read).as_ref()
    }

    pub(super) fn reach(point: &str) {
        let Some(armed) = armed().filter(|armed| armed.point == point) else { return };
        if armed.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // Cannot fail for our own process; if it did, the test that armed it would notice.
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
}
