//! A small world around the rules: some batches and one account, driven as handlers and reactions will drive
//! them, with every crash between two appends. What clients ask is in `requests.rs`, what befalls
//! single items in `items.rs`, what happens to credits in `money.rs`.

use crate::{
    plan::{BATCHES_MAX, Body, Ending, Pick, Plan, Setup, Step},
    rules::{Rules, Stream},
};
use leafcutter_domain::{
    AccountId, BatchId, ItemIndex, Moment, Period,
    batch::{
        BatchCommand, BatchEvent, BatchFailure, BatchRejection, FailBatch, ItemStatus, Phase, RequestRetry,
        SubmitBatch,
    },
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Batches that a world has in the end.
const BATCHES_IN_ALL_MAX: usize = 8;
/// Passes over the running and pending items that are enough to end every batch.
const DRAIN_PASSES_MAX: usize = 8;

/// A request whose credits are set aside and whose batch event has yet to come.
pub(crate) enum Held {
    Submit(Box<SubmitBatch>),
    Retry(RequestRetry),
}

pub(crate) struct BatchWorld<R: Rules> {
    pub(crate) id: BatchId,
    pub(crate) body: Body,
    pub(crate) stream: Stream<R::Batch>,
    /// Writers between setting credits aside and appending.
    pub(crate) slow: Vec<Held>,
    /// Every lease there ever was.
    pub(crate) leases: Vec<(ItemIndex, String)>,
}

impl<R: Rules> BatchWorld<R> {
    fn new((number, body): (u128, &Body)) -> Self {
        let id = BatchId(Uuid::from_u128(100 + number));
        Self { id, body: body.clone(), stream: Stream::new(), slow: vec![], leases: vec![] }
    }
}

/// What a cancel answered.
pub(crate) struct CancelAnswer {
    pub(crate) items: u64,
    pub(crate) per_item: u64,
    pub(crate) refunded: u64,
}

pub(crate) struct World<R: Rules> {
    pub(crate) setup: Setup,
    pub(crate) batches: Vec<BatchWorld<R>>,
    pub(crate) ledgers: BTreeMap<Period, Stream<R::Ledger>>,
    /// Credits that came from outside: allowances and top-ups.
    pub(crate) granted: u64,
    pub(crate) cancels: Vec<CancelAnswer>,
    /// Whether everything has ended and is settled.
    pub(crate) drained: bool,
    pub(crate) now: Moment,
    serial: u128,
}

pub(crate) const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));

impl<R: Rules> World<R> {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            setup: plan.setup.clone(),
            batches: (0..).zip(&plan.setup.batches).map(BatchWorld::new).collect(),
            ledgers: BTreeMap::new(),
            granted: 0,
            cancels: vec![],
            drained: false,
            now: Moment::from_millis(1_800_000_000_000),
            serial: 1_000,
        }
    }

    /// A number that no other thing of this world has.
    pub(crate) fn serial(&mut self) -> u128 {
        self.serial += 1;
        self.serial
    }

    pub(crate) fn apply(&mut self, step: Step) {
        match step {
            Step::Submit(b, fate, other) => {
                let slot = self.asks_for_work(b);
                self.submit(slot, fate, other);
            }
            Step::Arrive(b) => self.arrive(self.apt(b, |batch| !batch.slow.is_empty())),
            Step::Start(b, pick) => self.start(self.pending(b), pick),
            Step::Work(b, pick, ending) => {
                let slot = self.pending(b);
                self.start(slot, Pick { first: 0, count: usize::MAX });
                self.report(slot, pick, ending);
            }
            Step::Report(b, pick, ending) => self.report(self.running(b), pick, ending),
            Step::OldReport(b, lease, ending) => self.old_report(b % self.batches.len(), lease, ending),
            Step::PutBack(b, pick) => self.put_back(self.running(b), pick),
            Step::Expire(b, pick, due) => self.expire(self.running(b), pick, due),
            Step::FailPending(b, pick) => self.fail_pending(self.pending(b), pick),
            Step::Cancel(b, refund) => self.cancel(self.open(b), refund),
            Step::Retry(b, fate, key, cookies) => {
                let slot = self.apt(b, |batch| batch.stream.state.may_retry().is_ok());
                self.retry(slot, fate, key, cookies);
            }
            Step::Break(b) => {
                let command = FailBatch { cause: BatchFailure::ReservationMissing, at: self.now };
                self.ask(self.open(b), command).ok();
            }
            Step::Erase(b, age) => self.erase(b, age),
            Step::Sweep => self.sweep(),
            Step::Settle(grants) => self.settle_all(grants),
            Step::LateReleases => self.late_releases(),
            Step::TopUp(amount, months) => self.top_up(amount, months),
            Step::Turn(opens) => self.turn_month(opens),
            Step::Wait(millis) => self.now = self.now.plus_millis(millis),
            Step::RedeliverToBatch(b, pick) => self.redeliver(b % self.batches.len(), pick),
            Step::RedeliverToLedger(month, pick) => self.redeliver_to_ledger(month, pick),
        }
    }

    /// The batch that a step is about, see [`Step`].
    pub(crate) fn apt(&self, b: usize, applies: impl Fn(&BatchWorld<R>) -> bool) -> usize {
        let apt: Vec<usize> = (0..self.batches.len()).filter(|slot| applies(&self.batches[*slot])).collect();
        let any = b >= BATCHES_MAX || apt.is_empty();
        if any { b % self.batches.len() } else { apt[b % apt.len()] }
    }

    /// A batch that has not begun; once all have, another one like the first.
    fn asks_for_work(&mut self, b: usize) -> usize {
        let all_begun = self.batches.iter().all(|batch| batch.stream.state.submission.is_some());
        if b < BATCHES_MAX && all_begun && self.batches.len() < BATCHES_IN_ALL_MAX {
            let body = &self.setup.batches[b % self.setup.batches.len()];
            self.batches.push(BatchWorld::new((self.batches.len() as u128, body)));
        }
        self.apt(b, |batch| batch.stream.state.submission.is_none())
    }

    fn open(&self, b: usize) -> usize {
        self.apt(b, |batch| batch.stream.state.phase == Phase::Open)
    }

    fn pending(&self, b: usize) -> usize {
        self.apt(b, |batch| !batch.stream.state.pending_items().is_empty())
    }

    fn running(&self, b: usize) -> usize {
        let runs = |status: &ItemStatus| matches!(status, ItemStatus::Running(_));
        self.apt(b, |batch| batch.stream.state.indexes(runs).next().is_some())
    }

    /// Asks a batch; most callers go on whatever the answer, since the laws read what was recorded.
    pub(crate) fn ask(
        &mut self,
        slot: usize,
        command: impl Into<BatchCommand>,
    ) -> Result<Vec<BatchEvent>, BatchRejection> {
        self.batches[slot].stream.ask(command)
    }

    /// Ends and settles everything that is open.
    pub(crate) fn drain(&mut self) {
        for slot in 0..self.batches.len() {
            while !self.batches[slot].slow.is_empty() {
                self.arrive(slot);
            }
            for _ in 0..DRAIN_PASSES_MAX {
                let all = Pick { first: 0, count: usize::MAX };
                self.expire(slot, all, true);
                self.start(slot, all);
                self.report(slot, all, Ending::Completed(1));
            }
        }
        self.sweep();
        self.settle_all(true);
        self.late_releases();
        self.current();
        self.drained = true;
    }
}
