//! The watch over one living browser: how old it is, what its processes hold, and how long it drains. It ends a page
//! that takes too much by killing that page's process alone: a process never serves two contexts, so no neighbour is
//! in it. Whether the machine has memory left is `crate::memory`'s to say.

use super::launch::Browser;
use crate::{
    WorkerSettings,
    memory::{Memory, Supply},
    proc,
};
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::{Instant, MissedTickBehavior};

/// How often a browser is looked at, in milliseconds. A page fills a gigabyte in about a second.
const LOOK_MS: u64 = 500;
/// A browser that holds so many times its bound no longer drains but is killed.
const KILL_AT_TIMES: u64 = 2;
/// While memory is short, a browser that holds more than this, in bytes, is replaced: a fresh one takes a third.
const WORTH_REPLACING_BYTES: u64 = 512 * 1_024 * 1_024;
/// While memory is critical, a process that holds less than this, in bytes, is not to blame.
const WORTH_KILLING_BYTES: u64 = 128 * 1_024 * 1_024;

/// What a browser may hold, and how long it may live.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    page_bytes: u64,
    browser_bytes: u64,
    age: Duration,
    drain: Duration,
}

impl Bounds {
    pub(super) fn of(settings: &WorkerSettings) -> Self {
        Self {
            page_bytes: settings.page_memory_bytes,
            browser_bytes: settings.browser_memory_bytes,
            age: settings.browser_age,
            drain: settings.drain_limit,
        }
    }
}

/// What one process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    pid: i32,
    bytes: u64,
    renderer: bool,
}

/// What has to be done.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    KillPage(Held),
    Retire(&'static str),
    KillBrowser(&'static str),
}

/// Watches until the browser is gone. It does not keep it alive.
pub(super) async fn watch(browser: Weak<Browser>, bounds: Bounds, memory: Memory) {
    let begun = Instant::now();
    let mut drains_since = None;
    let mut tick = tokio::time::interval(Duration::from_millis(LOOK_MS));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(browser) = browser.upgrade() else { return };
        let group = browser.group_number();
        let held = tokio::task::spawn_blocking(move || held(group)).await.unwrap_or_default();
        let old = begun.elapsed() > bounds.age && browser.pages() > 0;
        for verdict in judge(&held, bounds, memory.now(), old) {
            carry_out(&browser, &verdict, bounds);
        }
        if browser.retired().is_cancelled() {
            let since = *drains_since.get_or_insert_with(Instant::now);
            if since.elapsed() > bounds.drain {
                tracing::warn!("a browser was not left in time; it is ended and its items are put back");
                browser.end_drain();
            }
        }
    }
}

fn held(group: i32) -> Vec<Held> {
    let of = |pid| Held { pid, bytes: proc::held_bytes(pid), renderer: proc::is_renderer(pid) };
    proc::members(group).map(of).collect()
}

fn judge(held: &[Held], bounds: Bounds, supply: Supply, old: bool) -> Vec<Verdict> {
    let total: u64 = held.iter().map(|held| held.bytes).sum();
    let greedy = |held: &&Held| held.renderer && held.bytes > bounds.page_bytes;
    let mut verdicts: Vec<Verdict> = held.iter().filter(greedy).copied().map(Verdict::KillPage).collect();
    let largest = held.iter().max_by_key(|held| held.bytes).filter(|held| held.bytes > WORTH_KILLING_BYTES);
    if let Some(largest) = largest
        && supply == Supply::Critical
        && verdicts.is_empty()
    {
        verdicts.push(if largest.renderer {
            Verdict::KillPage(*largest)
        } else {
            Verdict::KillBrowser("memory is nearly gone and a browser holds most of it")
        });
    }
    // A page that goes now takes its memory with it; what is left is judged at the next look.
    if verdicts.is_empty() && total > bounds.browser_bytes.saturating_mul(KILL_AT_TIMES) {
        verdicts.push(Verdict::KillBrowser("a browser holds far more memory than it may"));
    } else if verdicts.is_empty() && total > bounds.browser_bytes {
        verdicts.push(Verdict::Retire("a browser holds more memory than it may"));
    } else if supply != Supply::Enough && total > WORTH_REPLACING_BYTES {
        verdicts.push(Verdict::Retire("memory is short and a fresh browser needs less"));
    } else if old {
        verdicts.push(Verdict::Retire("a browser is as old as it may be"));
    }
    verdicts
}

fn carry_out(browser: &Arc<Browser>, verdict: &Verdict, bounds: Bounds) {
    match verdict {
        Verdict::KillPage(held) => {
            let (held_bytes, may_bytes) = (held.bytes, bounds.page_bytes);
            tracing::warn!(held_bytes, may_bytes, "a page is ended because of the memory that it holds");
            browser.kill_page(held.pid);
        }
        Verdict::Retire(why) if !browser.retired().is_cancelled() => {
            tracing::info!("{why}; a fresh one takes over");
            browser.retired().cancel();
        }
        Verdict::Retire(_) => {}
        Verdict::KillBrowser(why) => {
            tracing::warn!("{why}; it is ended");
            browser.abandon();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn bounds() -> Bounds {
        let long = Duration::from_secs(1_000);
        Bounds { page_bytes: 400 * MIB, browser_bytes: 1_000 * MIB, age: long, drain: long }
    }

    fn held(all: &[(u64, bool)]) -> Vec<Held> {
        (1..).zip(all).map(|(pid, &(mib, renderer))| Held { pid, bytes: mib * MIB, renderer }).collect()
    }

    #[test]
    fn a_greedy_page_goes_alone() {
        let held = held(&[(500, false), (401, true), (399, true), (900, true)]);
        let verdicts = judge(&held, bounds(), Supply::Enough, false);
        assert_eq!(verdicts, [Verdict::KillPage(held[1]), Verdict::KillPage(held[3])]);
    }

    #[test]
    fn a_browser_that_grew_is_replaced_and_one_that_grew_too_far_is_ended() {
        let judge = |mib| judge(&held(&[(mib, false), (1, true)]), bounds(), Supply::Enough, false);
        assert_eq!(judge(999), []);
        assert!(matches!(judge(1_000)[..], [Verdict::Retire(_)]));
        assert!(matches!(judge(2_000)[..], [Verdict::KillBrowser(_)]));
    }

    #[test]
    fn when_memory_is_critical_the_largest_goes() {
        let page = held(&[(200, false), (300, true), (100, true)]);
        let verdicts = judge(&page, bounds(), Supply::Critical, false);
        assert_eq!(verdicts[0], Verdict::KillPage(page[1]));
        let browser = held(&[(310, false), (300, true)]);
        assert!(matches!(judge(&browser, bounds(), Supply::Critical, false)[0], Verdict::KillBrowser(_)));
        assert_eq!(judge(&held(&[(50, false), (100, true)]), bounds(), Supply::Critical, false), []);
    }

    #[test]
    fn a_browser_is_replaced_when_it_is_old_or_large_in_a_shortage() {
        let small = held(&[(100, false), (100, true)]);
        assert!(matches!(judge(&small, bounds(), Supply::Enough, true)[..], [Verdict::Retire(_)]));
        assert_eq!(judge(&small, bounds(), Supply::Short, false), []);
        let large = held(&[(300, false), (300, true)]);
        assert!(matches!(judge(&large, bounds(), Supply::Short, false)[..], [Verdict::Retire(_)]));
    }
}
