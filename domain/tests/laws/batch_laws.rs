//! The laws of batches and of deciders as such. Each is a plain function over a world.

use crate::{
    check::{Verdict, must},
    rules::{Asked, Rules, Stream},
    tally::Tally,
    world::World,
};
use leafcutter_domain::{
    Decider, DomainEvent, ErrorCode, Moment,
    batch::{BatchCommand, BatchEvent, BatchRejection, ItemStatus},
};
use serde::{Serialize, de::DeserializeOwned};

/// Places where a history is cut in two.
const CUTS: usize = 7;

/// Once nothing runs, every queued item has ended, and it ended once for each time it was queued.
pub(crate) fn every_item_ends_in_exactly_one_way<R: Rules>(world: &World<R>) -> Verdict {
    for batch in &world.batches {
        let tally = Tally::of(&batch.stream.events)?;
        if world.drained {
            must(tally.pending() == 0 && tally.running() == 0, || format!("open to the end: {tally:?}"))?;
            let state = &batch.stream.state;
            must(!state.has_open_items(), || format!("open to the end: {:?}", state.items))?;
        }
    }
    Ok(())
}

/// `completed + failed + cancelled + pending + running = total`, counted from the events as a reader counts them,
/// and the same as what the batch remembers.
pub(crate) fn the_counts_of_a_batch_sum_to_its_total<R: Rules>(world: &World<R>) -> Verdict {
    for batch in &world.batches {
        let state = &batch.stream.state;
        let count = |matches: fn(&ItemStatus) -> bool| state.indexes(matches).count();
        let remembered = [
            count(|status| matches!(status, ItemStatus::Completed)),
            count(|status| matches!(status, ItemStatus::Failed)),
            count(|status| matches!(status, ItemStatus::Cancelled)),
            count(|status| matches!(status, ItemStatus::Pending)),
            count(|status| matches!(status, ItemStatus::Running(_))),
        ];
        let tally = Tally::of(&batch.stream.events)?;
        must(remembered == tally.counts(), || format!("remembered {remembered:?}, counted {tally:?}"))?;
        must(remembered.iter().sum::<usize>() == tally.total, || format!("the total is not {remembered:?}"))?;
    }
    Ok(())
}

/// After `BatchCompleted` only a retry goes on (or a round is abandoned, or results are erased); after `BatchCancelled` nothing is started
/// or queued again, and no `BatchCompleted` follows.
pub(crate) fn an_ended_batch_stays_ended<R: Rules>(world: &World<R>) -> Verdict {
    for batch in &world.batches {
        let (mut completed, mut cancelled) = (false, false);
        for event in &batch.stream.events {
            let allowed = match event {
                BatchEvent::RetryRequested(_) => !cancelled && std::mem::take(&mut completed),
                BatchEvent::SubmissionAbandoned(_) | BatchEvent::ResultsErased(_) => true,
                BatchEvent::ItemCompleted(_) | BatchEvent::ItemFailed(_) => !completed,
                BatchEvent::BatchSubmitted(_)
                | BatchEvent::ItemQueued(_)
                | BatchEvent::ItemStarted(_)
                | BatchEvent::ItemRequeued(_)
                | BatchEvent::BatchCancelled(_)
                | BatchEvent::BatchCompleted(_)
                | BatchEvent::BatchFailed(_) => !completed && !cancelled,
            };
            must(allowed, || format!("after the end: {event:?}"))?;
            completed |= matches!(event, BatchEvent::BatchCompleted(_));
            cancelled |= matches!(event, BatchEvent::BatchCancelled(_) | BatchEvent::BatchFailed(_));
        }
    }
    Ok(())
}

/// The same command again at once adds nothing: no event, or a refusal that its documentation names. An accepted
/// command of former times adds nothing either, unless it asks for something that may well be asked twice.
pub(crate) fn a_repeated_command_adds_nothing<R: Rules>(world: &World<R>) -> Verdict {
    if !world.drained {
        return Ok(());
    }
    for asked in world.batches.iter().flat_map(|batch| &batch.stream.asked) {
        at_once(asked, |rejection| may_be_refused(&asked.command, rejection))?;
        let late = asked.redelivered && asked.answer.as_ref().is_ok_and(|events| *events > 0);
        must(!late || may_be_asked_twice(&asked.command), || {
            format!("took effect twice: {:?}", asked.command)
        })?;
    }
    for asked in world.ledgers.values().flat_map(|ledger| &ledger.asked) {
        at_once(asked, |_| false)?;
        let late = asked.redelivered && asked.answer.as_ref().is_ok_and(|events| *events > 0);
        must(!late, || format!("took effect twice: {:?}", asked.command))?;
    }
    Ok(())
}

fn at_once<D: Decider>(asked: &Asked<D>, allowed: impl Fn(&D::Rejection) -> bool) -> Verdict
where
    D::Command: std::fmt::Debug,
    D::Rejection: std::fmt::Debug,
{
    if asked.answer.is_err() {
        return Ok(());
    }
    let harmless = match &asked.again {
        Ok(events) => *events == 0,
        Err(rejection) => allowed(rejection),
    };
    must(harmless, || format!("{:?} again: {:?}", asked.command, asked.again))
}

/// The refusals of a repeat, as the commands document them.
fn may_be_refused(command: &BatchCommand, rejection: &BatchRejection) -> bool {
    match command {
        BatchCommand::SubmitBatch(submit) => {
            submit.fingerprint.is_none() && *rejection == BatchRejection::IdempotencyKeyReused
        }
        BatchCommand::RequestRetry(retry) => {
            retry.idempotency.is_none() && *rejection == BatchRejection::NotFinished
        }
        BatchCommand::CancelBatch(_) => matches!(rejection, BatchRejection::AlreadyTerminal(_)),
        BatchCommand::ReportFailed(report) => {
            report.code == ErrorCode::WorkerLost && *rejection == BatchRejection::LeaseEnded
        }
        BatchCommand::AbandonRound(_)
        | BatchCommand::StartItem(_)
        | BatchCommand::ReportCompleted(_)
        | BatchCommand::PutBackItem(_)
        | BatchCommand::ExpireLease(_)
        | BatchCommand::FailPending(_)
        | BatchCommand::FailBatch(_)
        | BatchCommand::EraseResults(_) => false,
    }
}

/// A claim after a put-back, and a cancel, the loss of cookies or erasing after a retry, are new each time.
fn may_be_asked_twice(command: &BatchCommand) -> bool {
    match command {
        BatchCommand::StartItem(_)
        | BatchCommand::FailPending(_)
        | BatchCommand::CancelBatch(_)
        | BatchCommand::EraseResults(_) => true,
        BatchCommand::SubmitBatch(_)
        | BatchCommand::RequestRetry(_)
        | BatchCommand::AbandonRound(_)
        | BatchCommand::ReportCompleted(_)
        | BatchCommand::ReportFailed(_)
        | BatchCommand::PutBackItem(_)
        | BatchCommand::ExpireLease(_)
        | BatchCommand::FailBatch(_) => false,
    }
}

/// Folding a prefix, keeping the state as a snapshot does, and folding the rest gives what folding everything
/// gives, which is the state that the commands were decided on. Events come out of the log as they went in.
pub(crate) fn folding_a_prefix_and_then_the_rest_is_folding_all<R: Rules>(world: &World<R>) -> Verdict {
    if !world.drained {
        return Ok(());
    }
    for batch in &world.batches {
        folds::<R::Batch>(&batch.stream)?;
    }
    for ledger in world.ledgers.values() {
        folds::<R::Ledger>(ledger)?;
    }
    Ok(())
}

fn folds<D>(stream: &Stream<D>) -> Verdict
where
    D: Decider,
    D::State: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
    D::Event: DomainEvent + PartialEq,
{
    let read = |event: &D::Event| D::Event::decode(event.name(), &event.encode());
    let stored: Vec<D::Event> =
        stream.events.iter().map(read).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    must(stored == stream.events, || "an event came back from the log changed".into())?;
    must(D::fold(&stored) == stream.state, || "the history folds to another state".into())?;
    for cut in 0..=CUTS {
        let (prefix, rest) = stored.split_at(stored.len() * cut / CUTS);
        let snapshot = serde_json::to_vec(&D::fold(prefix)).map_err(|error| error.to_string())?;
        let state: D::State = serde_json::from_slice(&snapshot).map_err(|error| error.to_string())?;
        let folded = rest.iter().fold(state, D::evolve);
        must(folded == stream.state, || format!("cut after {}: {folded:?}", prefix.len()))?;
    }
    Ok(())
}

/// The events of one stream are in the order of their times, whatever the clocks said.
pub(crate) fn time_never_runs_back_within_a_stream<R: Rules>(world: &World<R>) -> Verdict {
    let in_order = |times: Vec<Moment>| must(times.is_sorted(), || format!("times run back: {times:?}"));
    for batch in &world.batches {
        in_order(batch.stream.events.iter().map(DomainEvent::at).collect())?;
    }
    for ledger in world.ledgers.values() {
        in_order(ledger.events.iter().map(DomainEvent::at).collect())?;
    }
    Ok(())
}
