//! What is done about what is remembered. Each step may fail and be done again at the next page or tick.

use super::{
    ReactionSettings,
    dispatch::Offers,
    memory::Memory,
    open::{CookieDuty, OpenItem, Pages, ReservationKey},
    retention::Waits,
};
use crate::Commands;
use futures::{StreamExt, stream};
use leafcutter_dispatch::Dispatch;
use leafcutter_domain::{
    BatchId, ItemIndex, Moment, WorkerId,
    batch::{ExpireLease, PutBackItem},
    ledger::Grant,
};
use leafcutter_event_store::{EventStore, Position};
use leafcutter_wire::ApiError;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Reservations, leases and rounds that are worked on at a time.
const AT_A_TIME: usize = 16;
/// How long after its deadline a lease is ended, so that a report on its way is not cut off.
const LEASE_GRACE_MS: i64 = 2_000;
/// Pause after an offer that the queue did not take, so that an absent broker does not hold up everything else.
const OFFER_PAUSE_MS: u64 = 1_000;

pub(super) struct Actor {
    pub(super) commands: Commands,
    pub(super) store: Arc<dyn EventStore>,
    dispatch: Arc<dyn Dispatch>,
    pub(super) settings: ReactionSettings,
    pub(super) waits: Waits,
    offers: Offers,
    /// Until then nothing is offered.
    offers_wait: Option<Instant>,
}

impl Actor {
    pub(super) fn new(
        commands: Commands,
        store: Arc<dyn EventStore>,
        dispatch: Arc<dyn Dispatch>,
        settings: ReactionSettings,
    ) -> Self {
        let offers = Offers::new(settings.slots);
        Self { commands, store, dispatch, settings, waits: Waits::default(), offers, offers_wait: None }
    }

    /// After each page of the log.
    pub(super) async fn after_page(&mut self, memory: &mut Memory) {
        for (batch, item) in memory.taken.drain(..) {
            self.offers.done(batch, item);
        }
        self.learn_pages(memory).await;
        self.offer(memory).await;
        self.mind_cookies(memory).await;
        self.settle(memory).await;
        self.check_named(memory).await;
    }

    /// When time has passed.
    pub(super) async fn tick(&mut self, memory: &mut Memory, read_to: Position) {
        let now = self.commands.clock.now();
        self.learn_pages(memory).await;
        self.offer(memory).await;
        self.mind_cookies(memory).await;
        self.settle(memory).await;
        self.grant_late_releases(memory, now).await;
        self.expire_leases(memory, now).await;
        self.sweep(memory, now).await;
        self.commands.secrets.erase_expired(now).await;
        self.erase_aged(memory, read_to, now).await;
        self.delete_objects(memory).await;
    }

    /// Reads what the pages of a batch are, where it is not remembered: of batches that are retried.
    async fn learn_pages(&self, memory: &mut Memory) {
        let unknown: Vec<BatchId> = memory.unknown_pages.drain().collect();
        let open = unknown.into_iter().filter(|batch| memory.batches.contains_key(batch));
        let read: Vec<_> = stream::iter(open.collect::<Vec<_>>())
            .map(|batch| async move {
                (batch, self.commands.batches.inspect(batch, |folded| Pages::of(&folded.state)).await)
            })
            .buffer_unordered(AT_A_TIME)
            .collect()
            .await;
        for (batch, pages) in read {
            match pages {
                Ok(pages) => memory.know_pages(batch, pages),
                Err(error) => {
                    tracing::warn!(%error, "the pages of a batch cannot be read; it waits");
                    memory.unknown_pages.insert(batch);
                }
            }
        }
    }

    async fn offer(&mut self, memory: &Memory) {
        if self.offers_wait.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.offers_wait = None;
        let mut planned = self.offers.plan(memory, self.commands.clock.now()).into_iter();
        while let Some(offer) = planned.next() {
            if let Err(error) = self.dispatch.offer(offer.clone()).await {
                tracing::debug!(%error, "offers wait");
                std::iter::once(offer).chain(planned).for_each(|offer| self.offers.withdraw(&offer));
                self.offers_wait = Some(Instant::now() + Duration::from_millis(OFFER_PAUSE_MS));
                return;
            }
            leafcutter_crash_points::reach("offer");
        }
    }

    /// Tells the place of cookies which batches run and which have ended. What could not be told is told later.
    async fn mind_cookies(&self, memory: &mut Memory) {
        let untold: Vec<BatchId> = memory.cookies_untold.iter().copied().collect();
        for batch in untold {
            let Some(&duty) = memory.cookies.get(&batch) else {
                memory.cookies_untold.remove(&batch);
                continue;
            };
            let end = match duty {
                CookieDuty::Keep => None,
                CookieDuty::End => {
                    Some(self.commands.clock.now().plus_millis(self.commands.settings.cookie_ttl_ms))
                }
            };
            if let Err(error) = self.commands.secrets.forget_at(batch, end).await {
                tracing::warn!(%error, %batch, "the end of cookies cannot be set now");
                return;
            }
            memory.cookies_told(batch, duty);
        }
    }

    /// Settles what has ended. A reservation that could not be settled stays on the list.
    async fn settle(&self, memory: &mut Memory) {
        let due: Vec<ReservationKey> = memory.unsettled.drain().collect();
        let work = due.into_iter().filter_map(|key| Some((key, memory.reservations.get(&key)?.ledger())));
        let failed: Vec<ReservationKey> = stream::iter(work.collect::<Vec<_>>())
            .map(|(key, ledger)| async move { (key, self.commands.settle(ledger, key.0).await) })
            .buffer_unordered(AT_A_TIME)
            .filter_map(|(key, settled)| async move { said(settled, "a settlement waits").then_some(key) })
            .collect()
            .await;
        memory.unsettled.extend(failed);
    }

    /// A batch has named a reservation that the log before it does not hold.
    async fn check_named(&self, memory: &mut Memory) {
        let now = self.commands.clock.now();
        for (batch, reservation) in std::mem::take(&mut memory.named_without_ledger) {
            let checked = async {
                match self.ledger_of(batch, reservation).await? {
                    Some(ledger) => self.commands.check_reservation(ledger, reservation, batch, now).await,
                    None => Ok(()),
                }
            };
            if said(checked.await, "a reservation could not be checked") {
                memory.named_without_ledger.push((batch, reservation));
            }
        }
    }

    async fn ledger_of(
        &self,
        batch: BatchId,
        reservation: leafcutter_domain::ReservationId,
    ) -> Result<Option<leafcutter_event_store::LedgerId>, ApiError> {
        let named = self
            .commands
            .batches
            .inspect(batch, |folded| {
                let account = folded.state.submission.as_ref()?.account;
                let round =
                    folded.state.rounds.iter().find(|round| round.terms.reservation == reservation)?;
                Some(leafcutter_event_store::LedgerId { account, period: round.terms.period })
            })
            .await?;
        Ok(named)
    }

    async fn grant_late_releases(&self, memory: &mut Memory, now: Moment) {
        let due: Vec<_> = memory.releases.iter().map(|(key, release)| (*key, release.clone())).collect();
        for (key, release) in due {
            let grant = Grant {
                grant: release.grant(),
                funds: release.funds,
                released_by: Some(release.reservation),
                at: now,
            };
            let granted = self.commands.grant(release.account, release.period.next(), grant).await;
            if !said(granted, "a late release waits") {
                memory.forget_release(key);
            }
        }
    }

    async fn expire_leases(&self, memory: &Memory, now: Moment) {
        let expired = running(memory)
            .filter(|(_, _, _, deadline)| deadline.plus_millis(LEASE_GRACE_MS) < now)
            .map(|(key, attempt, _, _)| (key, attempt));
        stream::iter(expired.collect::<Vec<_>>())
            .for_each_concurrent(AT_A_TIME, |((batch, item), attempt)| async move {
                let ended = async {
                    let credits = self.commands.price_of_lost(batch).await?;
                    let expire = ExpireLease { item, attempt, credits, at: now };
                    Ok(self.commands.batches.transact(batch, expire).await?)
                };
                said(ended.await, "an expired lease waits");
            })
            .await;
    }

    async fn sweep(&self, memory: &Memory, now: Moment) {
        let oldest = now.plus_millis(-self.settings.sweep_grace_ms);
        let unnamed = memory.reservations.iter().filter(|(_, open)| !open.named && open.at < oldest);
        stream::iter(unnamed.map(|(key, open)| (key.0, open.ledger())).collect::<Vec<_>>())
            .for_each_concurrent(AT_A_TIME, |(reservation, ledger)| async move {
                said(self.commands.sweep(ledger, reservation, now).await, "a sweep waits");
            })
            .await;
    }

    /// Items that workers of a former life of this process had in hand go back to the queue. Only where all workers
    /// live in this process: a worker of another process is not gone because this one has started.
    pub(super) async fn put_back_orphans(&self, memory: &Memory) {
        let Some(own) = self.settings.own_worker else { return };
        let at = self.commands.clock.now();
        let orphans = running(memory).filter(|(_, _, worker, _)| *worker != own);
        stream::iter(orphans.map(|(key, attempt, _, _)| (key, attempt)).collect::<Vec<_>>())
            .for_each_concurrent(AT_A_TIME, |((batch, item), attempt)| async move {
                let back = async {
                    let credits = self.commands.price_of_lost(batch).await?;
                    let put_back = PutBackItem { item, attempt, credits, at };
                    Ok(self.commands.batches.transact(batch, put_back).await?)
                };
                said(back.await, "an item of a former worker waits for its lease to end");
            })
            .await;
    }
}

fn running(memory: &Memory) -> impl Iterator<Item = ((BatchId, ItemIndex), u32, WorkerId, Moment)> {
    memory.batches.iter().flat_map(|(batch, open)| {
        open.items.iter().filter_map(|(item, state)| match state {
            OpenItem::Running { attempt, worker, deadline } => {
                Some(((*batch, *item), *attempt, *worker, *deadline))
            }
            OpenItem::Pending => None,
        })
    })
}

/// Logs a step that failed; says whether it did.
pub(super) fn said<T>(outcome: Result<T, ApiError>, what: &str) -> bool {
    match outcome {
        Ok(_) => false,
        Err(error) => {
            tracing::warn!(%error, "{what}");
            true
        }
    }
}
