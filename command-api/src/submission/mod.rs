//! From a request to a paid round of work: the path that submits and retries share. Credits are set aside first,
//! then the batch names them; a crash in between leaves credits that the sweep gives back.

mod quote;
pub(crate) mod request;
mod schema;
mod urls;

pub(crate) use quote::Quote;

use crate::Commands;
use leafcutter_domain::{
    AccountId, BatchId, Decider, DomainEvent, ItemIndex, Moment, Period, ReservationId, ScrapeOptions,
    batch::{
        Batch, BatchCommand, BatchRejection, BatchState, Channel, RequestRetry, RoundTerms, SubmitBatch,
    },
    ledger::Reserve,
    limits::APPEND_BYTES_MAX,
};
use leafcutter_event_store::TransactError;
use leafcutter_wire::ApiError;
use request::Order;

/// Rounds tried when the sweep has taken one away meanwhile.
const ROUNDS_TRIED_MAX: usize = 5;
/// Room for the metadata of each event of an append.
const METADATA_BYTES_MAX: usize = 512;

/// What a round needs, apart from its number.
struct RoundPlan {
    account: AccountId,
    batch: BatchId,
    /// The first round to try.
    round: u32,
    items: Vec<ItemIndex>,
    per_item: u64,
    max_attempts: u8,
    retry_any_failure: bool,
    at: Moment,
}

/// How a retry is to be run.
#[derive(Clone)]
pub(crate) struct RetryOrder {
    pub(crate) max_attempts: u8,
    pub(crate) retry_any_failure: bool,
    pub(crate) has_cookies: bool,
    /// Credits that may be set aside at most.
    pub(crate) max_credits: Option<u64>,
    pub(crate) idempotency: Option<String>,
    pub(crate) fingerprint: Option<String>,
}

/// What a batch says to a retry.
enum Retriable {
    /// It was taken before, and this many items run.
    Taken(usize),
    /// It would run these items in this round.
    Fresh { items: Vec<ItemIndex>, round: u32, options: ScrapeOptions, price_list: u32 },
}

fn retriable(state: &BatchState, order: &RetryOrder) -> Result<Retriable, BatchRejection> {
    let known = state
        .rounds
        .iter()
        .skip(1)
        .find(|round| order.idempotency.is_some() && round.idempotency == order.idempotency);
    if let Some(round) = known {
        let same = round.fingerprint == order.fingerprint;
        return if same {
            Ok(Retriable::Taken(round.items.len()))
        } else {
            Err(BatchRejection::IdempotencyKeyReused)
        };
    }
    state.may_retry()?;
    let submission = state.submission.as_ref().ok_or(BatchRejection::Unknown)?;
    if submission.has_cookies && !order.has_cookies {
        return Err(BatchRejection::CookiesExpired);
    }
    Ok(Retriable::Fresh {
        items: state.failed_items(),
        round: state.next_round(),
        options: submission.options.clone(),
        price_list: submission.price_list,
    })
}

impl Commands {
    /// The round that this submit would begin; `None` when the very same was taken before. The number comes from the
    /// same look as that finding: read later, it could be the round after the one that a twin has begun meanwhile,
    /// and credits would be set aside twice.
    pub(crate) async fn round_of_submit(
        &self,
        batch: BatchId,
        order: &Order,
    ) -> Result<Option<u32>, ApiError> {
        let found = self
            .batches
            .inspect(batch, |folded| match &folded.state.submission {
                None => Ok(Some(folded.state.next_round())),
                Some(known) if known.fingerprint.is_some() && known.fingerprint == order.fingerprint => {
                    Ok(None)
                }
                Some(_) => Err(BatchRejection::IdempotencyKeyReused),
            })
            .await?;
        Ok(found?)
    }

    /// Submits a batch, paid, beginning with this round.
    pub(crate) async fn submit(
        &self,
        account: AccountId,
        (batch, round): (BatchId, u32),
        order: &Order,
        quote: Quote,
    ) -> Result<(), ApiError> {
        let at = self.clock.steady_now()?;
        let plan = RoundPlan {
            account,
            batch,
            round,
            items: (0..).zip(&order.urls).map(|(item, _)| item).collect(),
            per_item: quote.per_item,
            max_attempts: order.max_attempts,
            retry_any_failure: false,
            at,
        };
        let command = |terms| SubmitBatch {
            batch,
            account,
            urls: order.urls.clone(),
            options: order.options.clone(),
            has_cookies: order.cookies.is_some(),
            channel: Channel::Api,
            metadata: order.metadata.clone(),
            price_list: quote.price_list,
            terms,
            fingerprint: order.fingerprint.clone(),
            at,
        };
        check_size(&command(unpaid(&plan)))?;
        self.run_round(&plan, command).await
    }

    /// What a retry would cost, if it would be taken.
    pub(crate) async fn quote_retry(&self, batch: BatchId, order: &RetryOrder) -> Result<Quote, ApiError> {
        let nameless = RetryOrder { idempotency: None, ..order.clone() };
        match self.batches.inspect(batch, |folded| retriable(&folded.state, &nameless)).await?? {
            Retriable::Taken(_) => Err(BatchRejection::NotFinished.into()),
            Retriable::Fresh { items, options, price_list, .. } => {
                self.price_of_retry(&items, &options, price_list, order).await
            }
        }
    }

    async fn price_of_retry(
        &self,
        items: &[ItemIndex],
        options: &ScrapeOptions,
        price_list: u32,
        order: &RetryOrder,
    ) -> Result<Quote, ApiError> {
        let prices = self.prices.of_version(price_list).await?;
        let per_item = prices.reserve_per_item(options, &self.settings.extras);
        let quote = Quote { items: items.len(), per_item, price_list };
        quote.within(order.max_credits)?;
        Ok(quote)
    }

    /// Runs every failed item again, paid. Gives the number of items.
    pub(crate) async fn retry(
        &self,
        account: AccountId,
        batch: BatchId,
        order: &RetryOrder,
    ) -> Result<usize, ApiError> {
        let at = self.clock.steady_now()?;
        let found = self.batches.inspect(batch, |folded| retriable(&folded.state, order)).await??;
        let (items, round, per_item) = match found {
            // A repeat: the first answer again.
            Retriable::Taken(count) => return Ok(count),
            Retriable::Fresh { items, round, options, price_list } => {
                let quote = self.price_of_retry(&items, &options, price_list, order).await?;
                (items, round, quote.per_item)
            }
        };
        let count = items.len();
        let (max_attempts, retry_any_failure) = (order.max_attempts, order.retry_any_failure);
        let plan = RoundPlan { account, batch, round, items, per_item, max_attempts, retry_any_failure, at };
        let command = |terms| RequestRetry {
            terms,
            has_cookies: order.has_cookies,
            idempotency: order.idempotency.clone(),
            fingerprint: order.fingerprint.clone(),
            at,
        };
        self.run_round(&plan, command).await?;
        Ok(count)
    }

    /// Sets credits aside for the next free round and has the batch begin it; takes the round after when the sweep
    /// was faster.
    async fn run_round<C: Into<BatchCommand>>(
        &self,
        plan: &RoundPlan,
        command: impl Fn(RoundTerms) -> C,
    ) -> Result<(), ApiError> {
        let mut round = plan.round;
        for _ in 0..ROUNDS_TRIED_MAX {
            let reservation = ReservationId::of(plan.batch, round);
            let reserve = Reserve {
                reservation,
                batch: plan.batch,
                round,
                items: plan.items.clone(),
                per_item: plan.per_item,
                open_max: self.settings.pending_batches_max,
                at: plan.at,
            };
            let ledger = self.reserve(plan.account, reserve).await?;
            leafcutter_crash_points::reach("reserve");
            let terms = RoundTerms { round, reservation, period: ledger.period, ..unpaid(plan) };
            match self.batches.transact(plan.batch, command(terms)).await {
                Ok(_) => {
                    leafcutter_crash_points::reach("submit");
                    return Ok(());
                }
                Err(TransactError::Rejected(BatchRejection::RoundAbandoned { next, .. })) => round = next,
                Err(error) => return Err(error.into()),
            }
        }
        Err(ApiError::Busy("another request was faster."))
    }
}

/// The terms of a round before its credits are set aside.
fn unpaid(plan: &RoundPlan) -> RoundTerms {
    RoundTerms {
        round: 1,
        reservation: ReservationId::of(plan.batch, 1),
        period: Period::of(plan.at),
        per_item: plan.per_item,
        max_attempts: plan.max_attempts,
        retry_any_failure: plan.retry_any_failure,
    }
}

/// Refuses a batch whose first append would be larger than any store takes, before credits move.
fn check_size(command: &SubmitBatch) -> Result<(), ApiError> {
    let events = Batch::decide(&Batch::initial(), &command.clone().into()).map_err(ApiError::from)?;
    let bytes: usize = events.iter().map(|event| event.encode().len() + METADATA_BYTES_MAX).sum();
    if bytes > APPEND_BYTES_MAX { Err(ApiError::TooLarge { max: APPEND_BYTES_MAX }) } else { Ok(()) }
}
