//! Under random work: never more pages of a host than allowed, never sooner than its delay, and nobody waits for ever.

use leafcutter_politeness::{Gate, GateSettings, PASSED_OVER_MAX, Party, Room, Start, Turn};
use proptest::{collection::vec, option, prelude::*};
use std::time::{Duration, Instant};

type Host = u8;

#[derive(Debug, Clone)]
enum Step {
    Start(Host),
    End(usize),
    Undo(usize),
    Quiet(Host, u64),
    Slow(Host, u64),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let host = 0..4_u8;
    prop_oneof![
        4 => host.clone().prop_map(Step::Start),
        2 => any::<usize>().prop_map(Step::End),
        1 => any::<usize>().prop_map(Step::Undo),
        1 => (host.clone(), 0..500_u64).prop_map(|(host, millis)| Step::Quiet(host, millis)),
        1 => (host, 0..500_u64).prop_map(|(host, millis)| Step::Slow(host, millis)),
        3 => (0..300_u64).prop_map(Step::Pass),
    ]
}

/// What an observer of one host knows.
#[derive(Default, Clone)]
struct Seen {
    running: usize,
    last: Option<Instant>,
    delay: Duration,
    quiet_until: Option<Instant>,
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Starts a page if the gate lets it, and says what the observer finds wrong about the answer.
fn start(
    gate: &mut Gate<Host>,
    seen: &mut Seen,
    host: Host,
    now: Instant,
    settings: GateSettings,
) -> Result<Option<Start<Host>>, TestCaseError> {
    let turn = gate.turn(host, now);
    let started = gate.start(host, now);
    prop_assert_eq!(started.is_some(), turn == Turn::Now);
    let full = settings.pages_max.is_some_and(|max| seen.running >= max);
    let delay = settings.delay.max(seen.delay);
    let soon = seen.last.is_some_and(|last| now < last + delay && !delay.is_zero());
    let quiet = seen.quiet_until.is_some_and(|until| now < until);
    prop_assert_eq!(started.is_some(), !full && !soon && !quiet, "{:?}", turn);
    if started.is_some() {
        seen.running += 1;
        seen.last = Some(now);
    }
    Ok(started)
}

proptest! {
    #[test]
    fn a_page_begins_exactly_when_the_host_is_free_rested_and_not_quiet(
        pages_max in option::of(1..4_usize),
        delay in 0..400_u64,
        steps in vec(step(), 1..120),
    ) {
        let settings = GateSettings { pages_max, delay: ms(delay) };
        let (mut gate, mut now) = (Gate::new(settings), Instant::now());
        let mut seen = vec![Seen::default(); 4];
        let mut running: Vec<(Host, Option<Instant>, Instant, Start<Host>)> = Vec::new();
        for step in steps {
            match step {
                Step::Start(host) => {
                    let before = seen[usize::from(host)].last;
                    if let Some(page) = start(&mut gate, &mut seen[usize::from(host)], host, now, settings)? {
                        running.push((host, before, now, page));
                    }
                }
                Step::End(which) | Step::Undo(which) if !running.is_empty() => {
                    let (host, before, at, page) = running.swap_remove(which % running.len());
                    let seen = &mut seen[usize::from(host)];
                    seen.running -= 1;
                    if matches!(step, Step::Undo(_)) {
                        gate.undo(page);
                        if seen.last == Some(at) {
                            seen.last = before;
                        }
                    } else {
                        gate.end(page);
                    }
                }
                Step::End(_) | Step::Undo(_) => {}
                Step::Quiet(host, millis) => {
                    gate.quiet(host, now + ms(millis), now);
                    let seen = &mut seen[usize::from(host)];
                    seen.quiet_until = seen.quiet_until.max(Some(now + ms(millis)));
                }
                Step::Slow(host, millis) => {
                    gate.slow(host, ms(millis), now);
                    seen[usize::from(host)].delay = ms(millis);
                }
                Step::Pass(millis) => now += ms(millis),
            }
        }
    }

    #[test]
    fn the_moment_that_a_host_names_is_when_it_is_ready(
        delay in 0..400_u64, crawl in 0..400_u64, quiet in 0..400_u64,
    ) {
        let mut gate = Gate::new(GateSettings { pages_max: Some(1), delay: ms(delay) });
        let now = Instant::now();
        let page = gate.start(0, now).unwrap();
        prop_assert_eq!(gate.turn(0, now), Turn::WhenOneEnds);
        gate.end(page);
        gate.slow(0, ms(crawl), now);
        gate.quiet(0, now + ms(quiet), now);
        let at = match gate.turn(0, now) {
            Turn::At(at) => at,
            Turn::Now => now,
            Turn::WhenOneEnds => return Err(TestCaseError::fail("no page runs")),
        };
        prop_assert_eq!(at, now + ms(delay.max(crawl).max(quiet)));
        prop_assert!(gate.start(0, at).is_some());
    }

    #[test]
    fn everybody_gets_a_turn_and_at_one_host_in_the_order_in_which_they_came(
        pages_max in option::of(1..3_usize),
        delay in prop_oneof![Just(0), 1..50_u64],
        parties in vec((0..3_u8, vec(option::weighted(0.9, 0..4_u8), 1..6)), 1..40),
        slots in 1..4_usize,
    ) {
        let settings = GateSettings { pages_max, delay: ms(delay) };
        let mut world = World::new(settings, &parties);
        let items: usize = parties.iter().map(|(_, hosts)| hosts.len()).sum();
        for group in (0..3_u8).cycle().take(items * 200) {
            if world.is_done() {
                break;
            }
            world.turn(slots, group)?;
        }
        prop_assert!(world.is_done(), "somebody still waits");
        prop_assert_eq!(world.served, items);
    }
}

#[derive(Debug, Clone)]
struct Work {
    number: usize,
    group: u8,
    left: Vec<Option<Host>>,
}

impl Party for Work {
    type Host = Host;
    type Group = u8;

    fn group(&self) -> u8 {
        self.group
    }

    fn hosts(&self) -> impl Iterator<Item = Option<Host>> {
        self.left.iter().copied()
    }
}

/// Slots that do one item of a piece of work and put the rest back.
struct World {
    gate: Gate<Host>,
    room: Room<Work>,
    now: Instant,
    running: Vec<(Work, Option<Start<Host>>)>,
    served: usize,
}

impl World {
    fn new(settings: GateSettings, parties: &[(u8, Vec<Option<Host>>)]) -> Self {
        let mut room = Room::default();
        for (number, (group, hosts)) in parties.iter().enumerate() {
            room.enter(Work { number, group: *group, left: hosts.clone() });
        }
        Self { gate: Gate::new(settings), room, now: Instant::now(), running: Vec::new(), served: 0 }
    }

    fn is_done(&self) -> bool {
        self.room.is_empty() && self.running.is_empty()
    }

    /// Takes what can be taken, or lets the oldest page end, or lets time pass until the room says that it is worth it.
    fn turn(&mut self, slots: usize, group: u8) -> Result<(), TestCaseError> {
        let order: Vec<(usize, Vec<Option<Host>>)> =
            self.room.parties().map(|work| (work.number, work.left.clone())).collect();
        if self.running.len() < slots
            && let Some(mut taken) = self.room.take(&mut self.gate, self.now, Some(&group))
        {
            let host = taken.party.left.remove(taken.item);
            prop_assert_eq!(host.is_some(), taken.start.is_some());
            let before = order.iter().take_while(|(number, _)| *number != taken.party.number);
            for (_, hosts) in before {
                prop_assert!(host.is_none() || !hosts.contains(&host), "somebody came first to this host");
            }
            self.running.push((taken.party, taken.start));
            return Ok(());
        }
        if !self.running.is_empty() {
            let (work, start) = self.running.remove(0);
            start.into_iter().for_each(|page| self.gate.end(page));
            self.served += 1;
            if !work.left.is_empty() {
                self.room.enter(work);
            }
            return Ok(());
        }
        let ready_at = self.room.ready_at(&self.gate, self.now);
        prop_assert!(ready_at.is_some_and(|at| at > self.now), "nothing runs and nothing will be ready");
        self.now = ready_at.unwrap_or(self.now);
        Ok(())
    }
}

#[test]
fn a_slot_stays_with_its_group_but_passes_over_nobody_for_ever() {
    let (mut gate, mut room, now) = (Gate::new(GateSettings::default()), Room::default(), Instant::now());
    room.enter(Work { number: 0, group: 1, left: vec![Some(1)] });
    for number in 1..=20 {
        room.enter(Work { number, group: 2, left: vec![Some(2)] });
    }
    let order: Vec<usize> =
        std::iter::from_fn(|| room.take(&mut gate, now, Some(&2))).map(|taken| taken.party.number).collect();
    assert_eq!(order.iter().position(|number| *number == 0), Some(usize::from(PASSED_OVER_MAX)));
    assert!(order.iter().filter(|number| **number > 0).is_sorted());
}
