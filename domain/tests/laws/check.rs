//! Runs a law against random worlds: the real rules must keep it, a mutant must break it.

use crate::{
    plan::{Plan, plans},
    rules::{Real, Rules},
    world::World,
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, RngSeed, TestCaseError, TestError, TestRng, TestRunner},
};

/// Worlds for each law, unless `LEAFCUTTER_LAW_CASES` says how many.
const CASES: u32 = 64;
/// Worlds within which a mutant must be caught.
const MUTANT_CASES_MAX: u32 = 512;
/// The same worlds at every run, unless `PROPTEST_RNG_SEED` names others.
const SEED: u64 = 20_261_122;

/// `Err` says what broke the law.
pub(crate) type Verdict = Result<(), String>;

pub(crate) type Law<R> = fn(&World<R>) -> Verdict;

pub(crate) fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Plays the plan and asks the law after every step and at the end.
fn play<R: Rules>(plan: &Plan, law: Law<R>) -> Verdict {
    let mut world = World::<R>::new(plan);
    for step in &plan.steps {
        world.apply(*step);
        law(&world)?;
    }
    world.drain();
    law(&world)
}

fn config() -> Config {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(SEED);
    }
    config
}

fn cases() -> u32 {
    match std::env::var("LEAFCUTTER_LAW_CASES") {
        Ok(cases) => cases.parse().expect("LEAFCUTTER_LAW_CASES is a number of worlds"),
        Err(_) => CASES,
    }
}

/// The real rules keep the law in every world; else the smallest plan that breaks it is shown.
pub(crate) fn holds(law: Law<Real>) {
    let config = Config { cases: cases(), ..config() };
    let judge = |plan: Plan| play(&plan, law).map_err(TestCaseError::fail);
    if let Err(failure) = TestRunner::new(config).run(&plans(), judge) {
        panic!("{failure}");
    }
}

/// The mutant breaks the law in some world, by the law's own words and not by a panic.
pub(crate) fn breaks<R: Rules>(law: Law<R>) {
    let mut runner = the_same_every_time();
    let judge = |plan: Plan| play(&plan, law).map_err(|why| TestCaseError::fail(format!("law: {why}")));
    match runner.run(&plans(), judge) {
        Err(TestError::Fail(reason, _)) => {
            assert!(reason.message().starts_with("law: "), "the mutant panicked: {reason}");
        }
        Err(TestError::Abort(reason)) => panic!("no verdict: {reason}"),
        Ok(()) => panic!("the law holds for the mutant too, so it guards nothing"),
    }
}

/// So many worlds as their plans leave them, the same at every run.
pub(crate) fn worlds(count: usize) -> Vec<World<Real>> {
    let mut runner = the_same_every_time();
    let mut world = || {
        let plan = plans().new_tree(&mut runner).expect("plans are not filtered").current();
        let mut world = World::new(&plan);
        plan.steps.iter().for_each(|step| world.apply(*step));
        world
    };
    (0..count).map(|_| world()).collect()
}

fn the_same_every_time() -> TestRunner {
    let config = Config {
        cases: MUTANT_CASES_MAX,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}
