//! Shows that the generators reach what the laws are about: each kind of command, and the meetings that matter.

use crate::{
    check::worlds,
    rules::{Asked, Real},
    world::World,
};
use leafcutter_domain::{Decider, batch::BatchCommand, ledger::LedgerCommand};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// Worlds that are looked at.
const WORLDS: usize = 200;

static THEM: LazyLock<Vec<World<Real>>> = LazyLock::new(|| worlds(WORLDS));

/// The kinds of commands of a world that were taken and had an effect, and of those that were only asked.
fn kinds(world: &World<Real>) -> (BTreeSet<&'static str>, BTreeSet<&'static str>) {
    let (mut taken, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for one in world.batches.iter().flat_map(|batch| &batch.stream.asked) {
        note(one, batch_kind(&one.command), &mut taken, &mut asked);
    }
    for one in world.ledgers.values().flat_map(|ledger| &ledger.asked) {
        note(one, ledger_kind(&one.command), &mut taken, &mut asked);
    }
    (taken, asked)
}

fn note<D: Decider>(
    one: &Asked<D>,
    kind: &'static str,
    taken: &mut BTreeSet<&'static str>,
    asked: &mut BTreeSet<&'static str>,
) {
    asked.insert(kind);
    if one.answer.as_ref().is_ok_and(|events| *events > 0) {
        taken.insert(kind);
    }
}

fn batch_kind(command: &BatchCommand) -> &'static str {
    match command {
        BatchCommand::SubmitBatch(_) => "SubmitBatch",
        BatchCommand::AbandonRound(_) => "AbandonRound",
        BatchCommand::StartItem(_) => "StartItem",
        BatchCommand::ReportCompleted(_) => "ReportCompleted",
        BatchCommand::ReportFailed(_) => "ReportFailed",
        BatchCommand::PutBackItem(_) => "PutBackItem",
        BatchCommand::ExpireLease(_) => "ExpireLease",
        BatchCommand::FailPending(_) => "FailPending",
        BatchCommand::RequestRetry(_) => "RequestRetry",
        BatchCommand::CancelBatch(_) => "CancelBatch",
        BatchCommand::FailBatch(_) => "FailBatch",
        BatchCommand::EraseResults(_) => "EraseResults",
    }
}

fn ledger_kind(command: &LedgerCommand) -> &'static str {
    match command {
        LedgerCommand::OpenPeriod(_) => "OpenPeriod",
        LedgerCommand::Grant(_) => "Grant",
        LedgerCommand::Reserve(_) => "Reserve",
        LedgerCommand::Settle(_) => "Settle",
        LedgerCommand::ClosePeriod(_) => "ClosePeriod",
    }
}

/// Every kind of command.
const KINDS: [&str; 17] = [
    "SubmitBatch",
    "AbandonRound",
    "StartItem",
    "ReportCompleted",
    "ReportFailed",
    "PutBackItem",
    "ExpireLease",
    "FailPending",
    "RequestRetry",
    "CancelBatch",
    "FailBatch",
    "EraseResults",
    "OpenPeriod",
    "Grant",
    "Reserve",
    "Settle",
    "ClosePeriod",
];

#[test]
fn cancel_retry_and_expiry_meet_in_one_world_often() {
    let meetings = THEM
        .iter()
        .filter(|world| {
            let (taken, _) = kinds(world);
            ["CancelBatch", "RequestRetry", "ExpireLease"].iter().all(|kind| taken.contains(kind))
        })
        .count();
    assert!(meetings * 10 >= WORLDS, "only {meetings} of {WORLDS} worlds");
}

#[test]
fn every_kind_of_command_is_asked_in_most_worlds_and_taken_in_many() {
    let (mut taken, mut asked) = (BTreeMap::new(), BTreeMap::new());
    for world in THEM.iter() {
        let (took, had) = kinds(world);
        took.into_iter().for_each(|kind| *taken.entry(kind).or_insert(0) += 1);
        had.into_iter().for_each(|kind| *asked.entry(kind).or_insert(0) += 1);
    }
    for kind in KINDS {
        let (taken, asked) = (taken.get(kind).unwrap_or(&0), asked.get(kind).unwrap_or(&0));
        assert!(asked * 2 > WORLDS, "{kind} is asked in {asked} of {WORLDS} worlds");
        assert!(taken * 5 > WORLDS, "{kind} is taken in {taken} of {WORLDS} worlds");
    }
}

#[test]
fn credits_are_released_after_their_month_was_closed_often() {
    let late = THEM
        .iter()
        .filter(|world| {
            let months = world.ledgers.iter();
            months.clone().any(|(period, ledger)| {
                ledger.events.iter().any(|event| crate::money::handed_on(*period, event).is_some())
            })
        })
        .count();
    assert!(late * 10 >= WORLDS, "only {late} of {WORLDS} worlds");
}
