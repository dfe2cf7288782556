//! What clients ask of a world's batches: submits, retries and cancels, each with a crash or a long wait between
//! setting credits aside and appending. Items are next door in `items.rs`.

use crate::{
    money::Refused,
    plan::Fate,
    rules::Rules,
    world::{ACCOUNT, BatchWorld, CancelAnswer, Held, World},
};
use leafcutter_domain::{
    Period, ReservationId, ScrapeOptions,
    batch::{
        BatchCommand, BatchRejection, CancelBatch, Channel, EraseReason, EraseResults, RequestRetry, Round,
        RoundOutcome, RoundTerms, SubmitBatch,
    },
};

/// Times that one request looks for a free round before it gives up.
const ROUNDS_TRIED_MAX: usize = 8;

impl<R: Rules> World<R> {
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

    pub(crate) fn submit(&mut self, slot: usize, fate: Fate, other: bool) {
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

    pub(crate) fn retry(&mut self, slot: usize, fate: Fate, key: Option<u8>, cookies: bool) {
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
    pub(crate) fn arrive(&mut self, slot: usize) {
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

    pub(crate) fn cancel(&mut self, slot: usize, refund: bool) {
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

    /// The operator, or with an age the retention, erases what a batch that has ended has stored.
    pub(crate) fn erase(&mut self, b: usize, age: Option<i64>) {
        let slot = self.apt(b, |batch| {
            let state = &batch.stream.state;
            state.attempted_at.is_some() && !state.has_open_items()
        });
        let reason = if age.is_some() { EraseReason::Age } else { EraseReason::Operator };
        let until = age.map(|age| self.now.plus_millis(-age));
        self.ask(slot, EraseResults { reason, until, at: self.now }).ok();
    }

    pub(crate) fn redeliver(&mut self, slot: usize, pick: usize) {
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
}

fn cancelled_items(round: &Round) -> u64 {
    round.outcomes.values().filter(|outcome| **outcome == RoundOutcome::Cancelled).count() as u64
}
