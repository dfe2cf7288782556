//! What may befall a world: the generators. A plan says nothing about what the rules answer.

use leafcutter_domain::{ErrorCode, Extras, PriceList, ProxyPlace, ScrapeMode, ScrapeOptions, Screenshot};
use proptest::{collection::vec, prelude::*};
use std::ops::RangeInclusive;

/// Steps of a short life, in which a broken law is easy to read, and of a long one, in which things meet.
const STEPS_SHORT: RangeInclusive<usize> = 1..=40;
const STEPS_LONG: RangeInclusive<usize> = 50..=100;
/// Kinds of batches of one world.
pub(crate) const BATCHES_MAX: usize = 3;
/// A burst that takes every item there is.
const ALL: usize = 50;

/// A world before anything happens, and everything that befalls it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) setup: Setup,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// Credits that every month brings.
    pub(crate) allowance: u64,
    /// What items cost, also those that fail.
    pub(crate) prices: PriceList,
    pub(crate) batches: Vec<Body>,
}

/// What a client wants of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) items: usize,
    /// The most that one item can cost.
    pub(crate) per_item: u64,
    pub(crate) max_attempts: u8,
    pub(crate) retry_any_failure: bool,
    /// Whether the submit has an idempotency key, and so a fingerprint.
    pub(crate) keyed: bool,
    pub(crate) has_cookies: bool,
}

/// What becomes of a writer between setting credits aside and appending to the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Lives,
    /// It goes on later.
    Slow,
    Dies,
}

/// Items that a step is about: the first one and how many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pick {
    pub(crate) first: usize,
    pub(crate) count: usize,
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    /// With a price, which may be above what was set aside.
    Completed(u64),
    Failed(ErrorCode),
}

/// One thing that befalls a world; `usize` first is the batch: from `BATCHES_MAX` on that very one, below it one that
/// the step can do something to, if there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// `other`: with another body than the first time.
    Submit(usize, Fate, bool),
    /// A slow writer goes on.
    Arrive(usize),
    Start(usize, Pick),
    /// Every pending item is started, the picked ones end.
    Work(usize, Pick, Ending),
    Report(usize, Pick, Ending),
    /// A report with a lease of any time.
    OldReport(usize, usize, Ending),
    PutBack(usize, Pick),
    /// `due`: after the deadline.
    Expire(usize, Pick, bool),
    FailPending(usize, Pick),
    /// Whether the refund follows before the answer.
    Cancel(usize, bool),
    Retry(usize, Fate, Option<u8>, bool),
    Break(usize),
    /// Milliseconds that the last attempt must be old, if that matters.
    Erase(usize, Option<i64>),
    Sweep,
    /// Whether late releases are granted again before the crash.
    Settle(bool),
    LateReleases,
    TopUp(u64, i32),
    /// Whether the next month begins before the crash.
    Turn(bool),
    /// Milliseconds, also backwards: clocks jump.
    Wait(i64),
    RedeliverToBatch(usize, usize),
    RedeliverToLedger(usize, usize),
}

pub(crate) fn plans() -> impl Strategy<Value = Plan> {
    let steps = prop_oneof![1 => vec(step(), STEPS_SHORT), 6 => vec(step(), STEPS_LONG)];
    (setup(), opening(), steps).prop_map(|(setup, mut opening, steps)| {
        opening.extend(steps);
        Plan { setup, steps: opening }
    })
}

/// Most lives begin with some credits and a submit, so that the rest has something to meet.
fn opening() -> impl Strategy<Value = Vec<Step>> {
    let submits = vec((0..BATCHES_MAX, fate()).prop_map(|(b, fate)| Step::Submit(b, fate, false)), 0..=6);
    (0_u64..=120, 1_i32..=4, submits).prop_map(|(amount, months, submits)| {
        [Step::TopUp(amount, months)].into_iter().chain(submits).collect()
    })
}

fn setup() -> impl Strategy<Value = Setup> {
    let allowance = prop_oneof![2 => Just(0), 3 => 1_u64..=40, 3 => 40_u64..=400];
    (allowance, prices()).prop_flat_map(|(allowance, prices)| {
        let bodies = vec(body(prices.clone()), 2..=BATCHES_MAX);
        bodies.prop_map(move |batches| Setup { allowance, prices: prices.clone(), batches })
    })
}

/// Prices as small as the credits of a world, so that they meet.
fn prices() -> impl Strategy<Value = PriceList> {
    let failure = (prop::sample::select(ErrorCode::ALL), 0_u64..=3);
    let failures = prop_oneof![2 => Just(vec![]), 3 => vec(failure, 1..=12)];
    let extra = || prop_oneof![2 => Just(0_u64), 1 => Just(1)];
    (1_u64..=3, 0_u64..=1, extra(), extra(), failures).prop_map(
        |(page, fast_page, screenshot, proxy, failures)| {
            let failures = failures.into_iter().collect();
            PriceList { version: 3, page, fast_page, screenshot, proxy, failures, ..PriceList::built_in() }
        },
    )
}

fn options() -> impl Strategy<Value = ScrapeOptions> {
    (prop::bool::weighted(0.3), prop::bool::weighted(0.3), prop::bool::weighted(0.3)).prop_map(
        |(fast, pictured, proxied)| ScrapeOptions {
            mode: if fast { ScrapeMode::Fast } else { ScrapeMode::Default },
            screenshot: if pictured { Screenshot::Viewport } else { Screenshot::None },
            proxy: proxied.then_some(ProxyPlace::Global),
            ..ScrapeOptions::default()
        },
    )
}

fn body(prices: PriceList) -> impl Strategy<Value = Body> {
    let items = prop_oneof![5 => 1_usize..=4, 2 => 5_usize..=12, 1 => 13_usize..=50];
    (items, options(), 1_u8..=3, any::<bool>(), prop::bool::weighted(0.8), prop::bool::weighted(0.2))
        .prop_map(move |(items, options, max_attempts, retry_any_failure, keyed, has_cookies)| Body {
            items,
            per_item: prices.reserve_per_item(&options, &Extras::default()),
            max_attempts,
            retry_any_failure,
            keyed,
            has_cookies,
        })
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![5 => Just(Fate::Lives), 1 => Just(Fate::Slow), 2 => Just(Fate::Dies)]
}

fn pick() -> impl Strategy<Value = Pick> {
    (0..ALL, prop_oneof![1 => 1_usize..=3, 1 => Just(ALL)]).prop_map(|(first, count)| Pick { first, count })
}

fn few() -> impl Strategy<Value = Pick> {
    (0..ALL, 1_usize..=2).prop_map(|(first, count)| Pick { first, count })
}

fn ending() -> impl Strategy<Value = Ending> {
    let code = prop::sample::select(ErrorCode::ALL);
    prop_oneof![2 => (0_u64..=4).prop_map(Ending::Completed), 4 => code.prop_map(Ending::Failed)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![3 => client_step(), 9 => worker_step(), 3 => house_step()]
}

fn client_step() -> impl Strategy<Value = Step> {
    let batch = || 0..2 * BATCHES_MAX;
    let key = prop_oneof![1 => Just(None), 2 => (0_u8..3).prop_map(Some)];
    prop_oneof![
        8 => (batch(), fate(), prop::bool::weighted(0.1)).prop_map(|(b, fate, other)| Step::Submit(b, fate, other)),
        3 => batch().prop_map(Step::Arrive),
        2 => (batch(), prop::bool::weighted(0.8)).prop_map(|(b, refund)| Step::Cancel(b, refund)),
        12 => (batch(), fate(), key, prop::bool::weighted(0.8))
            .prop_map(|(b, fate, key, cookies)| Step::Retry(b, fate, key, cookies)),
    ]
}

fn worker_step() -> impl Strategy<Value = Step> {
    let batch = || 0..2 * BATCHES_MAX;
    prop_oneof![
        14 => (batch(), pick()).prop_map(|(b, pick)| Step::Start(b, pick)),
        9 => (batch(), pick(), ending()).prop_map(|(b, pick, ending)| Step::Work(b, pick, ending)),
        7 => (batch(), pick(), ending()).prop_map(|(b, pick, ending)| Step::Report(b, pick, ending)),
        2 => (batch(), 0..200_usize, ending()).prop_map(|(b, lease, ending)| Step::OldReport(b, lease, ending)),
        5 => (batch(), few()).prop_map(|(b, pick)| Step::PutBack(b, pick)),
        10 => (batch(), few(), prop::bool::weighted(0.8)).prop_map(|(b, pick, due)| Step::Expire(b, pick, due)),
        2 => (batch(), few()).prop_map(|(b, pick)| Step::FailPending(b, pick)),
        2 => (batch(), 0..500_usize).prop_map(|(b, pick)| Step::RedeliverToBatch(b, pick)),
    ]
}

fn house_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Sweep),
        8 => any::<bool>().prop_map(Step::Settle),
        2 => Just(Step::LateReleases),
        6 => (0_u64..=80, 0_i32..=4).prop_map(|(amount, months)| Step::TopUp(amount, months)),
        8 => prop::bool::weighted(0.7).prop_map(Step::Turn),
        4 => (-20_000_i64..=90_000).prop_map(Step::Wait),
        3 => (0..2 * BATCHES_MAX).prop_map(Step::Break),
        4 => (0..2 * BATCHES_MAX, prop::option::weighted(0.3, 0_i64..=60_000))
            .prop_map(|(b, age)| Step::Erase(b, age)),
        4 => (0..12_usize, 0..500_usize).prop_map(|(month, pick)| Step::RedeliverToLedger(month, pick)),
    ]
}
