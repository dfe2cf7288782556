//! A small world around the rules: some batches and one account, driven as handlers and reactions will drive
//! them, with every crash between two appends. What happens to credits is next door in `money.rs`.

use crate::{
    money::Refused,
    plan::{Body, Ending, Fate, Pick, Plan, Setup, Step},
    rules::{Rules, Stream},
};
use leafcutter_domain::{
    AccountId, BatchId, ItemIndex, Moment, Period, ReservationId, ScrapeOptions,
    batch::{
        BatchCommand, BatchEvent, BatchFailure, BatchRejection, CancelBatch, Channel, FailBatch,
        RequestRetry, Round, RoundOutcome, RoundTerms, SubmitBatch,
    },
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Times that one request looks for a free round before it gives up.
const ROUNDS_TRIED_MAX: usize = 8;
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
    slow: Vec<Held>,
    /// Every lease there ever was.
    pub(crate) leases: Vec<(ItemIndex, String)>,
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
        let batch = |(id, body): (u128, &Body)| BatchWorld {
            id: BatchId(Uuid::from_u128(id)),
            body: body.clone(),
            stream: Stream::new(),
            slow: vec![],
            leases: vec![],
        };
        Self {
            setup: plan.setup.clone(),
            batches: (100..).zip(&plan.setup.batches).map(batch).collect(),
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
            Step::Submit(b, fate, other) => self.submit(self.slot(b), fate, other),
            Step::Arrive(b) => self.arrive(self.slot(b)),
            Step::Start(b, pick) => self.start(self.slot(b), pick),
            Step::Report(b, pick, ending) => self.report(self.slot(b), pick, ending),
            Step::OldReport(b, lease, ending) => self.old_report(self.slot(b), lease, ending),
            Step::PutBack(b, pick) => self.put_back(self.slot(b), pick),
            Step::Expire(b, pick, due) => self.expire(self.slot(b), pick, due),
            Step::FailPending(b, pick) => self.fail_pending(self.slot(b), pick),
            Step::Cancel(b, refund) => self.cancel(self.slot(b), refund),
            Step::Retry(b, fate, key, cookies) => self.retry(self.slot(b), fate, key, cookies),
            Step::Break(b) => {
                let command = FailBatch { cause: BatchFailure::ReservationMissing, at: self.now };
                self.ask(self.slot(b), command).ok();
            }
            Step::Sweep => self.sweep(),
            Step::Settle(grants) => self.settle_all(grants),
            Step::LateReleases => self.late_releases(),
            Step::TopUp(amount, months) => self.top_up(amount, months),
            Step::Turn(opens) => self.turn_month(opens),
            Step::Wait(millis) => self.now = self.now.plus_millis(millis),
            Step::RedeliverToBatch(b, pick) => self.redeliver(self.slot(b), pick),
            Step::RedeliverToLedger(month, pick) => self.redeliver_to_ledger(month, pick),
        }
    }

    fn slot(&self, batch: usize) -> usize {
        batch % self.batches.len()
    }

    /// Asks a batch; most callers go on whatever the answer, since the laws read what was recorded.
    pub(crate) fn ask(
        &mut self,
        slot: usize,
        command: impl Into<BatchCommand>,
    ) -> Result<Vec<BatchEvent>, BatchRejection> {
        self.batches[slot].stream.ask(command)
    }

    fn terms(&self, slot: usize, round: u32, period: Period) -> RoundTerms {
        let BatchWorld { id, body, .. } = &self.batches[slot];
        RoundTerms {
            round,
            reservation: ReservationId::of(*id, round),
            period,
            per_item: body.per_item,
            max_attempts: body.max_attempts,
            retry_any_failure: body.retry_any_failure,
        }
    }

    fn submit(&mut self, slot: usize, fate: Fate, other: bool) {
        let body = self.batches[slot].body.clone();
        let urls = body.items + usize::from(other);
        for _ in 0..ROUNDS_TRIED_MAX {
            let state = &self.batches[slot].stream.state;
            let (round, known) = (state.next_round(), state.submission.is_some());
            let mut period = self.current();
            if !known {
                let items = (0..).take(urls).collect();
                match self.reserve(slot, round, items) {
                    Ok(reserved) => period = reserved,
                    Err(Refused::Mismatch) => {
                        self.abandon(slot, round);
                        continue;
                    }
                    Err(Refused::Other) => return,
                }
            }
            let command = SubmitBatch {
                batch: self.batches[slot].id,
                account: ACCOUNT,
                urls: (0..urls).map(|page| format!("https://shop.example/{page}")).collect(),
                options: ScrapeOptions::default(),
                has_cookies: body.has_cookies,
                channel: Channel::Api,
                metadata: None,
                price_list: 1,
                terms: self.terms(slot, round, period),
                fingerprint: body.keyed.then(|| format!("body of {urls}")),
                at: self.now,
            };
            match fate {
                Fate::Dies => return,
                Fate::Slow => return self.batches[slot].slow.push(Held::Submit(command.into())),
                Fate::Lives if self.is_decided_anew(slot, command) => {}
                Fate::Lives => return,
            }
        }
    }

    /// Asks, and says whether the round was taken or abandoned meanwhile, so that the request looks for another.
    fn is_decided_anew(&mut self, slot: usize, command: impl Into<BatchCommand>) -> bool {
        let answer = self.ask(slot, command);
        matches!(answer, Err(BatchRejection::RoundAbandoned { .. } | BatchRejection::RoundTaken { .. }))
    }

    fn retry(&mut self, slot: usize, fate: Fate, key: Option<u8>, cookies: bool) {
        for _ in 0..ROUNDS_TRIED_MAX {
            let idempotency = key.map(|key| format!("key {key}"));
            let BatchWorld { body, stream, .. } = &self.batches[slot];
            let repeated = idempotency.is_some()
                && stream.state.rounds.iter().any(|round| round.idempotency == idempotency);
            let sets_aside = !repeated && stream.state.may_retry().is_ok() && (cookies || !body.has_cookies);
            let (round, items) = (stream.state.next_round(), stream.state.failed_items());
            let mut period = self.current();
            if sets_aside {
                match self.reserve(slot, round, items) {
                    Ok(reserved) => period = reserved,
                    Err(Refused::Mismatch) => {
                        self.abandon(slot, round);
                        continue;
                    }
                    Err(Refused::Other) => return,
                }
            }
            let command = RequestRetry {
                terms: self.terms(slot, round, period),
                has_cookies: cookies,
                fingerprint: idempotency.clone(),
                idempotency,
                at: self.now,
            };
            match fate {
                // Nothing set aside, nothing to wait for: a repeat, or a retry that is refused.
                _ if !sets_aside => return drop(self.ask(slot, command)),
                Fate::Dies => return,
                Fate::Slow => return self.batches[slot].slow.push(Held::Retry(command)),
                Fate::Lives if self.is_decided_anew(slot, command) => {}
                Fate::Lives => return,
            }
        }
    }

    /// A slow writer goes on; where its round is gone, it decides again.
    fn arrive(&mut self, slot: usize) {
        match self.batches[slot].slow.pop() {
            None => {}
            Some(Held::Submit(command)) => {
                let other = command.urls.len() != self.batches[slot].body.items;
                if self.is_decided_anew(slot, *command) {
                    self.submit(slot, Fate::Lives, other);
                }
            }
            Some(Held::Retry(command)) => {
                let key = command.idempotency.as_ref().and_then(|key| key.rsplit(' ').next()?.parse().ok());
                let cookies = command.has_cookies;
                if self.is_decided_anew(slot, command) {
                    self.retry(slot, Fate::Lives, key, cookies);
                }
            }
        }
    }

    fn cancel(&mut self, slot: usize, refund: bool) {
        let cancelled = self.ask(slot, CancelBatch { at: self.now });
        let stopped = cancelled.is_ok_and(|events| !events.is_empty());
        if let Some(terms) = self.batches[slot].stream.state.rounds.last().map(|round| round.terms)
            && stopped
            && refund
        {
            let refunded = self.settle_cancelled(terms);
            let items = self.batches[slot].stream.state.rounds.last().map_or(0, cancelled_items);
            self.cancels.push(CancelAnswer { items, per_item: terms.per_item, refunded });
        }
    }

    fn redeliver(&mut self, slot: usize, pick: usize) {
        let start = {
            let accepted: Vec<_> =
                self.batches[slot].stream.asked.iter().filter(|asked| asked.answer.is_ok()).collect();
            accepted.get(pick % accepted.len().max(1)).and_then(|asked| match &asked.command {
                BatchCommand::StartItem(start) => Some(start.clone()),
                _ => None,
            })
        };
        // The desk makes a new lease token for every claim, also for a repeated one.
        match start {
            Some(start) => self.claim(slot, start.item, start.claim),
            None => self.batches[slot].stream.redeliver(pick),
        }
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

fn cancelled_items(round: &Round) -> u64 {
    round.outcomes.values().filter(|outcome| **outcome == RoundOutcome::Cancelled).count() as u64
}
