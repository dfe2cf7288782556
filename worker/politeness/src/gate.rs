//! When the next page of a host may begin: not more at a time than allowed, not sooner after the last one than
//! allowed, and not while the host has asked to be left alone.
//!
//! **Not allowed here:** who waits for what; that is `room`'s.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

/// Hosts that are remembered. Beyond it the one that is ready soonest is forgotten.
pub const HOSTS_MAX: usize = 4_096;
/// The longest delay that a site can set for itself, in milliseconds: a batch of 50 of its pages then takes 25
/// minutes.
pub const CRAWL_DELAY_MS_MAX: u64 = 30_000;

/// What holds for every host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GateSettings {
    /// Pages of one host at a time; without it, as many as there are slots.
    pub pages_max: Option<usize>,
    /// From the beginning of one page of a host to the beginning of the next.
    pub delay: Duration,
}

/// Whether a page may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It may.
    Now,
    /// Not before this moment.
    At(Instant),
    /// Not before a page of the host has ended.
    WhenOneEnds,
}

/// A page that runs. It has to be given back to the gate, by [`Gate::end`] or [`Gate::undo`].
#[derive(Debug)]
#[must_use = "the host counts the page until it is given back"]
pub struct Start<H> {
    host: H,
    at: Instant,
    before: Option<Instant>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Host {
    running: usize,
    last_start: Option<Instant>,
    /// What the site has set for itself.
    crawl_delay: Duration,
    /// Until when the site has asked to be left alone.
    quiet_until: Option<Instant>,
}

impl Host {
    /// The first moment at which time allows a start; `None` when it always does.
    fn ready_at(&self, delay: Duration) -> Option<Instant> {
        let delay = delay.max(self.crawl_delay);
        let spaced = self.last_start.filter(|_| !delay.is_zero()).map(|last| last + delay);
        spaced.max(self.quiet_until)
    }
}

/// The hosts and their state. Hosts are told apart by a key of the caller's.
#[derive(Debug)]
pub struct Gate<H> {
    settings: GateSettings,
    hosts: HashMap<H, Host>,
}

impl<H: Copy + Eq + Hash> Gate<H> {
    /// A gate that knows no host yet.
    #[must_use]
    pub fn new(settings: GateSettings) -> Self {
        Self { settings, hosts: HashMap::new() }
    }

    /// Whether a page of the host may begin now.
    #[must_use]
    pub fn turn(&self, host: H, now: Instant) -> Turn {
        let Some(known) = self.hosts.get(&host) else { return Turn::Now };
        if self.settings.pages_max.is_some_and(|max| known.running >= max.max(1)) {
            return Turn::WhenOneEnds;
        }
        known.ready_at(self.settings.delay).filter(|at| *at > now).map_or(Turn::Now, Turn::At)
    }

    /// Begins a page of the host, if its turn is now.
    pub fn start(&mut self, host: H, now: Instant) -> Option<Start<H>> {
        if self.turn(host, now) != Turn::Now {
            return None;
        }
        let known = self.host(host, now);
        let before = known.last_start.replace(now);
        known.running += 1;
        Some(Start { host, at: now, before })
    }

    /// The page has ended.
    pub fn end(&mut self, start: Start<H>) {
        self.leave(&start);
    }

    /// The page was not asked for after all, so the next one need not keep its distance from it.
    pub fn undo(&mut self, start: Start<H>) {
        if let Some(known) = self.leave(&start)
            && known.last_start == Some(start.at)
        {
            known.last_start = start.before;
        }
    }

    /// The host has asked to be left alone until then. A later moment that it named before still holds.
    pub fn quiet(&mut self, host: H, until: Instant, now: Instant) {
        let known = self.host(host, now);
        known.quiet_until = known.quiet_until.max(Some(until));
    }

    /// The site's own delay, down to zero when it has none any more; cut to [`CRAWL_DELAY_MS_MAX`].
    pub fn slow(&mut self, host: H, delay: Duration, now: Instant) {
        if delay.is_zero() && !self.hosts.contains_key(&host) {
            return;
        }
        self.host(host, now).crawl_delay = delay.min(Duration::from_millis(CRAWL_DELAY_MS_MAX));
    }

    /// Hosts that are remembered.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    fn leave(&mut self, start: &Start<H>) -> Option<&mut Host> {
        let known = self.hosts.get_mut(&start.host)?;
        known.running = known.running.saturating_sub(1);
        Some(known)
    }

    fn host(&mut self, host: H, now: Instant) -> &mut Host {
        if self.hosts.len() >= HOSTS_MAX && !self.hosts.contains_key(&host) {
            self.forget_some(now);
        }
        self.hosts.entry(host).or_default()
    }

    /// First those of which there is nothing to know; when there is none, the one that would be ready soonest. A
    /// host with a running page stays, so there may be more than the bound by as many as there are slots.
    fn forget_some(&mut self, now: Instant) {
        let delay = self.settings.delay;
        self.hosts.retain(|_, host| {
            host.running > 0 || !host.crawl_delay.is_zero() || host.ready_at(delay).is_some_and(|at| at > now)
        });
        if self.hosts.len() >= HOSTS_MAX {
            let still = self.hosts.iter().filter(|(_, host)| host.running == 0);
            if let Some(soonest) = still.min_by_key(|(_, host)| host.ready_at(delay)).map(|(host, _)| *host) {
                self.hosts.remove(&soonest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn gate(pages_max: Option<usize>, delay_ms: u64) -> Gate<u32> {
        Gate::new(GateSettings { pages_max, delay: ms(delay_ms) })
    }

    #[test]
    fn by_default_every_page_may_begin_at_once() {
        let (mut gate, now) = (gate(None, 0), Instant::now());
        for _ in 0..1_000 {
            let _running = gate.start(1, now).unwrap();
        }
    }

    #[test]
    fn a_host_gives_way_when_one_of_its_pages_ends() {
        let (mut gate, now) = (gate(Some(2), 0), Instant::now());
        let first = gate.start(1, now).unwrap();
        let _second = gate.start(1, now).unwrap();
        assert_eq!(gate.turn(1, now), Turn::WhenOneEnds);
        assert_eq!(gate.turn(2, now), Turn::Now, "another host is not concerned");
        gate.end(first);
        assert_eq!(gate.turn(1, now), Turn::Now);
    }

    #[test]
    fn the_delay_is_counted_from_start_to_start() {
        let (mut gate, now) = (gate(None, 500), Instant::now());
        let first = gate.start(1, now).unwrap();
        assert_eq!(gate.turn(1, now), Turn::At(now + ms(500)));
        gate.end(first);
        assert!(gate.start(1, now + ms(499)).is_none());
        assert!(gate.start(1, now + ms(500)).is_some());
    }

    #[test]
    fn a_page_that_was_not_asked_for_makes_nobody_wait() {
        let (mut gate, now) = (gate(Some(1), 500), Instant::now());
        let page = gate.start(1, now).unwrap();
        gate.undo(page);
        let page = gate.start(1, now).unwrap();
        gate.end(page);
        let later = now + ms(500);
        let refused = gate.start(1, later).unwrap();
        gate.undo(refused);
        assert_eq!(gate.turn(1, later), Turn::Now);
    }

    #[test]
    fn the_longest_request_to_be_left_alone_holds() {
        let (mut gate, now) = (gate(None, 0), Instant::now());
        gate.quiet(1, now + ms(900), now);
        gate.quiet(1, now + ms(300), now);
        assert_eq!(gate.turn(1, now), Turn::At(now + ms(900)));
        assert_eq!(gate.turn(1, now + ms(900)), Turn::Now);
    }

    #[test]
    fn a_site_slows_itself_down_within_bounds_and_can_take_it_back() {
        let (mut gate, now) = (gate(None, 500), Instant::now());
        let page = gate.start(1, now).unwrap();
        gate.end(page);
        gate.slow(1, Duration::MAX, now);
        assert_eq!(gate.turn(1, now), Turn::At(now + ms(CRAWL_DELAY_MS_MAX)));
        gate.slow(1, Duration::ZERO, now);
        assert_eq!(gate.turn(1, now), Turn::At(now + ms(500)), "the operator's delay stays");
    }

    #[test]
    fn the_table_is_bounded_and_forgets_first_what_matters_least() {
        let (mut gate, now) = (gate(None, 0), Instant::now());
        let _running = gate.start(0, now).unwrap();
        let last = u32::try_from(HOSTS_MAX).unwrap() + 50;
        for host in 1..=last {
            gate.quiet(host, now + ms(u64::from(host)), now);
            assert!(gate.hosts() <= HOSTS_MAX);
        }
        assert_eq!(gate.turn(1, now), Turn::Now, "forgotten, as it was ready soonest");
        assert!(matches!(gate.turn(last, now), Turn::At(_)));
        gate.quiet(last + 1, now, now + Duration::from_secs(60));
        assert_eq!(gate.hosts(), 2, "what is over goes as soon as room is needed");
    }
}
