//! When pages are painted. A page needs frames for `requestAnimationFrame`, observers, animations and pictures; its
//! text needs none, and painting every change takes a third of a page's processor time. So a tab is hidden, which
//! `at_start.js` keeps from its page, until the page asks for frames, takes long to load, or is pictured. Not here:
//! how a page's wish for frames is heard (see `read`).

use chromiumoxide::{
    Page,
    cdp::browser_protocol::{
        emulation::SetFocusEmulationEnabledParams,
        page::{SetWebLifecycleStateParams, SetWebLifecycleStateState},
    },
    error::CdpError,
};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the page of a tab is painted at the moment.
pub(super) struct Frames {
    always: bool,
    shown: AtomicBool,
}

impl Frames {
    /// Takes the frames from a new tab, unless it is `always` to be painted.
    pub(super) async fn of(page: &Page, always: bool) -> Result<Self, CdpError> {
        if !always {
            // Chromium hides a page to freeze it, and does not show it again when it is thawed.
            for state in [SetWebLifecycleStateState::Frozen, SetWebLifecycleStateState::Active] {
                page.execute(SetWebLifecycleStateParams::new(state)).await?;
            }
        }
        Ok(Self { always, shown: AtomicBool::new(always) })
    }

    pub(super) fn shown(&self) -> bool {
        self.shown.load(Ordering::Relaxed)
    }

    /// From now on the page is painted.
    pub(super) async fn show(&self, page: &Page) -> Result<(), CdpError> {
        if !self.shown.swap(true, Ordering::Relaxed) {
            // What is in the focus is seen.
            page.execute(SetFocusEmulationEnabledParams::new(true)).await?;
        }
        Ok(())
    }

    /// The next page is not painted until it needs it.
    pub(super) async fn hide(&self, page: &Page) -> Result<(), CdpError> {
        if !self.always && self.shown.swap(false, Ordering::Relaxed) {
            page.execute(SetFocusEmulationEnabledParams::new(false)).await?;
        }
        Ok(())
    }
}
