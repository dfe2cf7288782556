//! What the reactions remember of open work, folded from the log: pending and running items, open reservations,
//! late releases. Pure; `open` has the shapes, `persist` turns them into rows.

use super::open::{
    CookieDuty, Key, LateRelease, OpenBatch, OpenItem, OpenReservation, Pages, ReleaseKey, ReservationKey,
};
use leafcutter_domain::{
    AccountId, BatchId, ItemIndex, Period, ReservationId,
    batch::BatchEvent,
    ledger::{Funds, LedgerEvent},
};
use leafcutter_event_store::{Position, StoredEvent, SubscriptionPage, decode};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Everything that is remembered.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) batches: HashMap<BatchId, OpenBatch>,
    pub(super) reservations: BTreeMap<ReservationKey, OpenReservation>,
    pub(super) releases: HashMap<ReleaseKey, LateRelease>,
    /// Reservations with outcomes that may not be settled.
    pub(super) unsettled: HashSet<ReservationKey>,
    /// Reservations that a batch has named just now, to be checked against the ledger.
    pub(super) named_without_ledger: Vec<(BatchId, ReservationId)>,
    /// Batches with cookies, until their end was told.
    pub(super) cookies: HashMap<BatchId, CookieDuty>,
    /// Those of which the place of cookies has not been told.
    pub(super) cookies_untold: HashSet<BatchId>,
    /// Batches whose results were erased, until their objects are deleted.
    pub(super) erasures: BTreeSet<BatchId>,
    /// How far the log was searched for results that are too old.
    pub(super) aged_to: Position,
    /// Items that have left the pending state, so that their offers are done with.
    pub(super) taken: Vec<(BatchId, ItemIndex)>,
    /// Batches of which the pages are to be read from their own log.
    pub(super) unknown_pages: HashSet<BatchId>,
    pub(super) changed: HashSet<Key>,
}

impl Memory {
    pub(super) fn apply_page(&mut self, page: &SubscriptionPage) {
        for stored in &page.events {
            let outcome = match stored.stream.category() {
                "batch" => self.apply_batch(stored),
                "ledger" => self.apply_ledger(stored),
                _ => Ok(()),
            };
            if let Err(error) = outcome {
                tracing::error!(%error, "an event cannot be read; nothing is done about it");
            }
        }
    }

    fn apply_batch(&mut self, stored: &StoredEvent) -> Result<(), leafcutter_event_store::StoredFormError> {
        let (event, _) = decode::<BatchEvent>(stored)?;
        if let Ok(batch) = stored.stream.key().parse() {
            self.on_batch_event(batch, &event);
        }
        Ok(())
    }

    fn on_batch_event(&mut self, batch: BatchId, event: &BatchEvent) {
        match event {
            BatchEvent::BatchSubmitted(submitted) => {
                self.name_reservation(batch, submitted.terms.reservation, submitted.terms.period);
                let pages = Pages { concurrency: submitted.options.concurrency, ..Pages::default() };
                let (account, round) = (submitted.account, submitted.terms.round);
                self.open_batch(batch, account, round, BTreeMap::new(), Some(pages));
                if submitted.has_cookies {
                    self.mind_cookies(batch, CookieDuty::Keep);
                }
            }
            BatchEvent::ItemQueued(queued) => {
                if let Some(pages) = self.batches.get_mut(&batch).and_then(|open| open.pages.as_mut()) {
                    pages.add(queued.item, &queued.url);
                }
                self.set_item(batch, queued.item, Some(OpenItem::Pending));
            }
            BatchEvent::ItemStarted(started) => {
                let (attempt, worker, deadline) = (started.attempt, started.worker, started.deadline);
                if let Some(open) = self.batches.get_mut(&batch) {
                    open.starts.insert(started.item, attempt);
                }
                self.set_item(batch, started.item, Some(OpenItem::Running { attempt, worker, deadline }));
            }
            BatchEvent::ItemRequeued(requeued) => {
                self.set_item(batch, requeued.item, Some(OpenItem::Pending))
            }
            BatchEvent::ItemCompleted(completed) => self.end_item(batch, completed.item, completed.round),
            BatchEvent::ItemFailed(failed) => self.end_item(batch, failed.item, failed.round),
            BatchEvent::RetryRequested(retry) => {
                let key = (retry.terms.reservation, retry.terms.period);
                self.name_reservation(batch, key.0, key.1);
                // The ledger's entry comes before the retry in the log, so the account is known here.
                if let Some(account) = self.reservations.get(&key).map(|reservation| reservation.account) {
                    let items = retry.items.iter().map(|item| (*item, OpenItem::Pending)).collect();
                    // What the submit said of the pages was forgotten when the last of them had ended.
                    self.open_batch(batch, account, retry.terms.round, items, None);
                    self.unknown_pages.insert(batch);
                }
                if retry.has_cookies {
                    self.mind_cookies(batch, CookieDuty::Keep);
                }
            }
            BatchEvent::BatchCancelled(cancelled) => {
                for &item in &cancelled.items {
                    self.set_item(batch, item, None);
                }
                self.settle_batch(batch);
                self.end_cookies(batch);
            }
            BatchEvent::BatchCompleted(_) => self.end_cookies(batch),
            BatchEvent::BatchFailed(_) => {
                self.forget_batch(batch);
                self.settle_batch(batch);
                self.end_cookies(batch);
            }
            BatchEvent::SubmissionAbandoned(_) => self.settle_batch(batch),
            BatchEvent::ResultsErased(_) => self.mind_objects(batch),
        }
    }

    fn open_batch(
        &mut self,
        batch: BatchId,
        account: AccountId,
        round: u32,
        items: BTreeMap<ItemIndex, OpenItem>,
        pages: Option<Pages>,
    ) {
        self.batches.insert(batch, OpenBatch { account, items, round, starts: BTreeMap::new(), pages });
        self.changed.insert(Key::Batch(batch));
    }

    /// The pages of the batch were read.
    pub(super) fn know_pages(&mut self, batch: BatchId, pages: Pages) {
        if let Some(open) = self.batches.get_mut(&batch) {
            open.pages = Some(pages);
            self.changed.insert(Key::Batch(batch));
        }
    }

    fn mind_cookies(&mut self, batch: BatchId, duty: CookieDuty) {
        self.cookies.insert(batch, duty);
        self.cookies_untold.insert(batch);
        self.changed.insert(Key::Cookies(batch));
    }

    fn end_cookies(&mut self, batch: BatchId) {
        if self.cookies.contains_key(&batch) {
            self.mind_cookies(batch, CookieDuty::End);
        }
    }

    /// The place of cookies knows; of a batch that has ended there is nothing left to tell.
    pub(super) fn cookies_told(&mut self, batch: BatchId, duty: CookieDuty) {
        self.cookies_untold.remove(&batch);
        if duty == CookieDuty::End {
            self.cookies.remove(&batch);
            self.changed.insert(Key::Cookies(batch));
        }
    }

    fn name_reservation(&mut self, batch: BatchId, reservation: ReservationId, period: Period) {
        let key = (reservation, period);
        match self.reservations.get_mut(&key) {
            Some(open) => {
                open.named = true;
                self.changed.insert(Key::Reservation(key));
            }
            None => self.named_without_ledger.push((batch, reservation)),
        }
        // The same reservation in another month is left over from before the month's turn.
        let elsewhere = self.months_of(reservation).into_iter().filter(|other| other.1 != period);
        self.unsettled.extend(elsewhere);
    }

    /// The months in which a reservation is open: one, or two when a submit was repeated across a month's turn.
    fn months_of(&self, reservation: ReservationId) -> Vec<ReservationKey> {
        let from = self.reservations.range((reservation, Period::MIN)..);
        from.map(|(key, _)| *key).take_while(|key| key.0 == reservation).collect()
    }

    fn set_item(&mut self, batch: BatchId, item: ItemIndex, to: Option<OpenItem>) {
        let Some(open) = self.batches.get_mut(&batch) else { return };
        match to {
            Some(to) => open.items.insert(item, to),
            None => {
                open.starts.remove(&item);
                open.items.remove(&item)
            }
        };
        if to != Some(OpenItem::Pending) {
            self.taken.push((batch, item));
        }
        self.changed.insert(Key::Batch(batch));
        if to.is_none() && open.items.is_empty() {
            self.batches.remove(&batch);
        }
    }

    fn end_item(&mut self, batch: BatchId, item: ItemIndex, round: u32) {
        self.set_item(batch, item, None);
        self.unsettled.extend(self.months_of(ReservationId::of(batch, round)));
    }

    fn forget_batch(&mut self, batch: BatchId) {
        if let Some(open) = self.batches.remove(&batch) {
            self.taken.extend(open.items.keys().map(|item| (batch, *item)));
            self.changed.insert(Key::Batch(batch));
        }
    }

    fn settle_batch(&mut self, batch: BatchId) {
        let of_batch = self.reservations.iter().filter(|(_, open)| open.batch == batch).map(|(key, _)| *key);
        self.unsettled.extend(of_batch.collect::<Vec<_>>());
    }

    fn apply_ledger(&mut self, stored: &StoredEvent) -> Result<(), leafcutter_event_store::StoredFormError> {
        let (event, _) = decode::<LedgerEvent>(stored)?;
        let key = stored.stream.key();
        // The key is `account-yyyy-mm`; the account has a fixed length.
        let parsed = key
            .get(..36)
            .and_then(|account| account.parse().ok())
            .zip(key.get(37..).and_then(|p| p.parse().ok()));
        if let Some((account, period)) = parsed {
            self.on_ledger_event(account, period, event);
        }
        Ok(())
    }

    fn on_ledger_event(&mut self, account: AccountId, period: Period, event: LedgerEvent) {
        match event {
            LedgerEvent::CreditsReserved(reserved) => {
                let key = (reserved.reservation, period);
                let open = OpenReservation {
                    account,
                    period,
                    batch: reserved.batch,
                    unsettled: reserved.items.into_iter().collect(),
                    named: false,
                    at: reserved.at,
                };
                self.reservations.insert(key, open);
                self.changed.insert(Key::Reservation(key));
            }
            LedgerEvent::CreditsCharged(charged) => {
                let key = (charged.reservation, period);
                self.release(account, (key, charged.item), charged.carried_out);
                self.settled(key, &[charged.item]);
            }
            LedgerEvent::CreditsRefunded(refunded) => {
                let first = refunded.items.first().copied().unwrap_or_default();
                let key = (refunded.reservation, period);
                self.release(account, (key, first), refunded.carried_out);
                self.settled(key, &refunded.items);
            }
            LedgerEvent::CreditsGranted(granted) => {
                let granted_again: Vec<_> = self
                    .releases
                    .iter()
                    .filter(|(_, open)| open.grant() == granted.grant)
                    .map(|(key, _)| *key)
                    .collect();
                for key in granted_again {
                    self.forget_release(key);
                }
            }
            LedgerEvent::PeriodOpened(_) | LedgerEvent::PeriodClosed(_) => {}
        }
    }

    fn settled(&mut self, key: ReservationKey, items: &[ItemIndex]) {
        let Some(open) = self.reservations.get_mut(&key) else { return };
        open.unsettled.retain(|item| !items.contains(item));
        if open.unsettled.is_empty() {
            self.reservations.remove(&key);
            self.unsettled.remove(&key);
        }
        self.changed.insert(Key::Reservation(key));
    }

    fn release(&mut self, account: AccountId, key: ReleaseKey, funds: Funds) {
        if !funds.is_empty() {
            let ((reservation, period), item) = key;
            self.releases.insert(key, LateRelease { account, period, reservation, item, funds });
            self.changed.insert(Key::Release(key));
        }
    }

    /// The credits were granted again.
    pub(super) fn forget_release(&mut self, key: ReleaseKey) {
        self.releases.remove(&key);
        self.changed.insert(Key::Release(key));
    }
}
