//! Broken rules, each the real ones with one thing wrong. They exist to show that the laws see what they guard.

use crate::rules::Rules;
use leafcutter_domain::{
    Decider,
    batch::{Batch, BatchCommand, BatchCompleted, BatchEvent, BatchRejection, BatchState, ItemStatus, Phase},
    ledger::{
        Funds, Ledger, LedgerCommand, LedgerEvent, LedgerRejection, LedgerState, RefundReason, Settlement,
    },
};
use std::{cell::Cell, marker::PhantomData};

type BatchDecision = Result<Vec<BatchEvent>, BatchRejection>;
type LedgerDecision = Result<Vec<LedgerEvent>, LedgerRejection>;

/// One thing wrong with batches.
pub(crate) trait BatchMutant {
    fn decide(state: &BatchState, command: &BatchCommand) -> BatchDecision {
        Batch::decide(state, command)
    }
    fn evolve(state: BatchState, event: &BatchEvent) -> BatchState {
        Batch::evolve(state, event)
    }
}

/// One thing wrong with ledgers.
pub(crate) trait LedgerMutant {
    fn decide(state: &LedgerState, command: &LedgerCommand) -> LedgerDecision {
        Ledger::decide(state, command)
    }
    fn evolve(state: LedgerState, event: &LedgerEvent) -> LedgerState {
        Ledger::evolve(state, event)
    }
}

/// A mutant as a decider and as the rules of a world.
pub(crate) struct OfBatch<M>(PhantomData<M>);
pub(crate) struct OfLedger<M>(PhantomData<M>);

impl<M: BatchMutant> Decider for OfBatch<M> {
    type State = BatchState;
    type Command = BatchCommand;
    type Event = BatchEvent;
    type Rejection = BatchRejection;
    fn initial() -> BatchState {
        Batch::initial()
    }
    fn decide(state: &BatchState, command: &BatchCommand) -> BatchDecision {
        M::decide(state, command)
    }
    fn evolve(state: BatchState, event: &BatchEvent) -> BatchState {
        M::evolve(state, event)
    }
}

impl<M: LedgerMutant> Decider for OfLedger<M> {
    type State = LedgerState;
    type Command = LedgerCommand;
    type Event = LedgerEvent;
    type Rejection = LedgerRejection;
    fn initial() -> LedgerState {
        Ledger::initial()
    }
    fn decide(state: &LedgerState, command: &LedgerCommand) -> LedgerDecision {
        M::decide(state, command)
    }
    fn evolve(state: LedgerState, event: &LedgerEvent) -> LedgerState {
        M::evolve(state, event)
    }
}

impl<M: BatchMutant> Rules for OfBatch<M> {
    type Batch = Self;
    type Ledger = Ledger;
}

impl<M: LedgerMutant> Rules for OfLedger<M> {
    type Batch = Batch;
    type Ledger = Self;
}

/// `decide`: a cancel also names the items that run.
pub(crate) struct CancelNamesRunningItems;
impl BatchMutant for CancelNamesRunningItems {
    fn decide(state: &BatchState, command: &BatchCommand) -> BatchDecision {
        let mut events = Batch::decide(state, command)?;
        if let [BatchEvent::BatchCancelled(cancelled)] = events.as_mut_slice() {
            cancelled.items.extend(state.indexes(|status| matches!(status, ItemStatus::Running(_))));
        }
        Ok(events)
    }
}

/// `decide`: a lease that ends after a cancel puts its item back into the queue.
pub(crate) struct RequeuesAfterCancel;
impl BatchMutant for RequeuesAfterCancel {
    fn decide(state: &BatchState, command: &BatchCommand) -> BatchDecision {
        let cancelled = state.phase == Phase::Cancelled;
        if let (true, BatchCommand::ExpireLease(_)) = (cancelled, command) {
            return Batch::decide(&BatchState { phase: Phase::Open, ..state.clone() }, command);
        }
        Batch::decide(state, command)
    }
}

/// `decide`: the last running item of a cancelled batch completes the batch.
pub(crate) struct CompletesAfterCancel;
impl BatchMutant for CompletesAfterCancel {
    fn decide(state: &BatchState, command: &BatchCommand) -> BatchDecision {
        let mut events = Batch::decide(state, command)?;
        let open = state.indexes(|status| matches!(status, ItemStatus::Running(_))).count();
        if let (Phase::Cancelled, 1, [BatchEvent::ItemCompleted(last)]) = (state.phase, open, &*events) {
            events.push(BatchCompleted { at: last.at }.into());
        }
        Ok(events)
    }
}

/// `evolve`: a cancel changes the batch and forgets its items.
pub(crate) struct CancelForgetsItems;
impl BatchMutant for CancelForgetsItems {
    fn evolve(state: BatchState, event: &BatchEvent) -> BatchState {
        let mut event = event.clone();
        if let BatchEvent::BatchCancelled(cancelled) = &mut event {
            cancelled.items.pop();
        }
        Batch::evolve(state, &event)
    }
}

/// `decide`: the same claim again starts the running item again.
pub(crate) struct StartsTwice;
impl BatchMutant for StartsTwice {
    fn decide(state: &BatchState, command: &BatchCommand) -> BatchDecision {
        let BatchCommand::StartItem(start) = command else { return Batch::decide(state, command) };
        let mut state = state.clone();
        if let Some(item) = state.items.get_mut(usize::from(start.item))
            && matches!(item.status, ItemStatus::Running(_))
        {
            item.status = ItemStatus::Pending;
        }
        Batch::decide(&state, command)
    }
}

/// `decide`: a result may cost whatever its report says.
pub(crate) struct ChargesWhatIsReported;
impl BatchMutant for ChargesWhatIsReported {
    fn decide(state: &BatchState, command: &BatchCommand) -> BatchDecision {
        let mut events = Batch::decide(state, command)?;
        if let (Some(BatchEvent::ItemCompleted(done)), BatchCommand::ReportCompleted(report)) =
            (events.first_mut(), command)
        {
            done.credits = report.credits;
        }
        Ok(events)
    }
}

/// `decide`: events have the time of their command, though the last one was later.
pub(crate) struct TrustsEveryClock;
impl BatchMutant for TrustsEveryClock {
    fn decide(state: &BatchState, command: &BatchCommand) -> BatchDecision {
        Batch::decide(&BatchState { last_at: None, ..state.clone() }, command)
    }
}

thread_local! {
    static REQUEUES_SEEN: Cell<u32> = const { Cell::new(0) };
}

/// `evolve`: remembers something outside of its state.
pub(crate) struct RemembersElsewhere;
impl BatchMutant for RemembersElsewhere {
    fn evolve(state: BatchState, event: &BatchEvent) -> BatchState {
        let mut state = Batch::evolve(state, event);
        if let BatchEvent::ItemRequeued(requeued) = event {
            let seen = REQUEUES_SEEN.replace(REQUEUES_SEEN.get() + 1);
            state.items[usize::from(requeued.item)].put_backs = u8::from(seen.is_multiple_of(2));
        }
        state
    }
}

/// `evolve`: what an item did not cost is not free again.
pub(crate) struct KeepsTheRemainder;
impl LedgerMutant for KeepsTheRemainder {
    fn evolve(state: LedgerState, event: &LedgerEvent) -> LedgerState {
        let open = !state.closed;
        let mut state = Ledger::evolve(state, event);
        if let (true, LedgerEvent::CreditsCharged(charged)) = (open, event) {
            drop(state.available.take_last(charged.released));
        }
        state
    }
}

/// `decide`: a month begins without what the last one carried on.
pub(crate) struct BeginsWithNothing;
impl LedgerMutant for BeginsWithNothing {
    fn decide(state: &LedgerState, command: &LedgerCommand) -> LedgerDecision {
        let mut events = Ledger::decide(state, command)?;
        if let [LedgerEvent::PeriodOpened(opened)] = events.as_mut_slice() {
            opened.carried = Funds::default();
        }
        Ok(events)
    }
}

/// `decide`: a grant is added as often as it is asked for.
pub(crate) struct GrantsTwice;
impl LedgerMutant for GrantsTwice {
    fn decide(state: &LedgerState, command: &LedgerCommand) -> LedgerDecision {
        if let LedgerCommand::Grant(_) = command {
            return Ledger::decide(&LedgerState { grants: Default::default(), ..state.clone() }, command);
        }
        Ledger::decide(state, command)
    }
}

/// `decide`: a grant that gives back a late release is a credit too large.
pub(crate) struct RoundsUp;
impl LedgerMutant for RoundsUp {
    fn decide(state: &LedgerState, command: &LedgerCommand) -> LedgerDecision {
        let mut events = Ledger::decide(state, command)?;
        if let (Some(period), [LedgerEvent::CreditsGranted(granted)]) = (state.period, events.as_mut_slice())
            && granted.released_by.is_some()
        {
            granted.funds.add(period, 1);
        }
        Ok(events)
    }
}

/// `decide`: the refund of a cancel leaves out its last item.
pub(crate) struct RefundsOneItemLess;
impl LedgerMutant for RefundsOneItemLess {
    fn decide(state: &LedgerState, command: &LedgerCommand) -> LedgerDecision {
        let mut events = Ledger::decide(state, command)?;
        for event in &mut events {
            if let LedgerEvent::CreditsRefunded(refunded) = event
                && refunded.reason == RefundReason::Cancelled
                && refunded.items.len() > 1
            {
                refunded.items.pop();
                refunded.amount =
                    refunded.amount / (refunded.items.len() as u64 + 1) * refunded.items.len() as u64;
            }
        }
        Ok(events)
    }
}

/// `decide`: a closed month takes no settlement any more.
pub(crate) struct SettlesNothingLate;
impl LedgerMutant for SettlesNothingLate {
    fn decide(state: &LedgerState, command: &LedgerCommand) -> LedgerDecision {
        match command {
            LedgerCommand::Settle(_) if state.closed => Err(LedgerRejection::Closed),
            _ => Ledger::decide(state, command),
        }
    }
}

/// `decide`: a failure that has a price is given back all the same.
pub(crate) struct GivesEveryFailureAway;
impl LedgerMutant for GivesEveryFailureAway {
    fn decide(state: &LedgerState, command: &LedgerCommand) -> LedgerDecision {
        let LedgerCommand::Settle(settle) = command else { return Ledger::decide(state, command) };
        let mut settle = settle.clone();
        for entry in &mut settle.entries {
            if let Settlement::Charge { failure: Some(_), .. } = entry.settlement {
                entry.settlement = Settlement::Refund(RefundReason::Failed);
            }
        }
        Ledger::decide(state, &settle.into())
    }
}
