//! Which pending items are offered now: round robin between accounts, a bounded number in flight for each, up to
//! eight items of one batch to one slot, of a batch with a limit as many as it allows, and none of a host for which
//! others wait already. Pure; an offer that nobody takes is made again after a while.

use super::{
    memory::Memory,
    open::{OpenBatch, OpenItem},
};
use leafcutter_dispatch::{HostKey, OFFER_ITEMS_MAX, Offer};
use leafcutter_domain::{AccountId, BatchId, ItemIndex, Moment};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use uuid::Uuid;

/// How long an offered item may wait for a claim before it is offered again.
const OFFER_AGAIN_MS: u64 = 30_000;
/// Offers in flight for each slot: one that runs and one that waits behind it.
const IN_FLIGHT_PER_SLOT: usize = 2;
/// Offers that a batch is cut into for each slot.
const OFFERS_PER_SLOT: usize = 4;

/// How long an offer may wait for a free slot before its host is taken to be what it waits for.
const HOST_WAIT_MS: u64 = 2_000;
/// Offered items that may wait for their hosts, while others go on.
const HOST_WAITERS_MAX: usize = 256;

/// An item on offer.
#[derive(Clone, Copy)]
struct Made {
    at: Moment,
    host: Option<HostKey>,
}

impl Made {
    /// Nobody has taken it; it may be lost.
    fn is_old(self, now: Moment) -> bool {
        now.millis_since(self.at) >= OFFER_AGAIN_MS
    }
}

/// What is in flight, and whose turn it is.
pub(super) struct Offers {
    slots: usize,
    /// What was offered and not taken since.
    offered: HashMap<(BatchId, ItemIndex), Made>,
    /// Accounts in the order of their next turn.
    turns: VecDeque<AccountId>,
}

/// Items by account and batch, the oldest batch first.
type Waiting = BTreeMap<AccountId, BTreeMap<BatchId, VecDeque<ItemIndex>>>;

impl Offers {
    pub(super) fn new(slots: usize) -> Self {
        Self { slots: slots.max(1), offered: HashMap::new(), turns: VecDeque::new() }
    }

    /// The item was taken, or ended: its offer is done with.
    pub(super) fn done(&mut self, batch: BatchId, item: ItemIndex) {
        self.offered.remove(&(batch, item));
    }

    /// The queue did not take the offer.
    pub(super) fn withdraw(&mut self, offer: &Offer) {
        for &item in &offer.items {
            self.done(offer.batch, item);
        }
    }

    /// The offers to make now; they count as made.
    pub(super) fn plan(&mut self, memory: &Memory, now: Moment) -> Vec<Offer> {
        let waiters = self.waiters(memory, now);
        let mut room = self.room(memory, waiters.len(), now);
        if room == 0 {
            return vec![];
        }
        let mut waiting = self.waiting(memory, &waiters.into_iter().collect(), now);
        for account in waiting.keys() {
            if !self.turns.contains(account) {
                self.turns.push_back(*account);
            }
        }
        self.turns.retain(|account| waiting.contains_key(account));
        let mut offers = Vec::new();
        while room > 0 {
            let Some(account) = self.turns.pop_front() else { break };
            let Some(offer) = self.next_offer(memory, waiting.get_mut(&account), room, now) else { continue };
            room = room.saturating_sub(offer.items.len());
            for &item in &offer.items {
                let made = Made { at: now, host: offer.hosts.get(&item).copied() };
                self.offered.insert((offer.batch, item), made);
            }
            offers.push(offer);
            self.turns.push_back(account);
        }
        offers
    }

    /// The hosts of offered items that a worker has put aside: there are free slots, and still nobody has taken them.
    fn waiters(&self, memory: &Memory, now: Moment) -> Vec<HostKey> {
        if running(memory) >= self.slots {
            return vec![];
        }
        let made = self.offered.values().filter(|made| !made.is_old(now));
        made.filter(|made| now.millis_since(made.at) >= HOST_WAIT_MS).filter_map(|made| made.host).collect()
    }

    /// Items that may still go out: what the slots can have in hand, less what runs and what is offered. What waits
    /// for its host takes no place, so that one slow host does not keep the slots from all others.
    fn room(&self, memory: &Memory, waiters: usize, now: Moment) -> usize {
        let offered = self.offered.values().filter(|made| !made.is_old(now)).count();
        let bound = self.slots * IN_FLIGHT_PER_SLOT + OFFER_ITEMS_MAX;
        bound.saturating_sub(running(memory) + offered.saturating_sub(waiters.min(HOST_WAITERS_MAX)))
    }

    /// Pending items that are to be offered. Of a host for which others wait already, none.
    fn waiting(&self, memory: &Memory, slow: &HashSet<HostKey>, now: Moment) -> Waiting {
        let mut waiting = Waiting::new();
        for (batch, open) in &memory.batches {
            let items = self.of_batch(*batch, open, slow, now);
            if !items.is_empty() {
                waiting.entry(open.account).or_default().insert(*batch, items);
            }
        }
        waiting
    }

    /// Whatever was offered of a batch with a limit and not taken since may be taken at any time, so it counts, and
    /// nothing else is offered in its place.
    fn of_batch(
        &self,
        batch: BatchId,
        open: &OpenBatch,
        slow: &HashSet<HostKey>,
        now: Moment,
    ) -> VecDeque<ItemIndex> {
        let Some(pages) = &open.pages else { return VecDeque::new() };
        let made = |item: ItemIndex| self.offered.get(&(batch, item));
        let in_flight =
            open.items.iter().filter(|(item, state)| **state != OpenItem::Pending || made(**item).is_some());
        let limit = pages.concurrency.map_or(usize::MAX, usize::from);
        let mut left = limit.saturating_sub(in_flight.count());
        let pending =
            open.items.iter().filter(|(_, state)| **state == OpenItem::Pending).map(|(item, _)| *item);
        pending
            .filter(|item| slow.is_empty() || pages.host_of(*item).is_none_or(|host| !slow.contains(&host)))
            .filter(|item| match made(*item) {
                Some(made) => made.is_old(now),
                None => {
                    let fits = left > 0;
                    left = left.saturating_sub(1);
                    fits
                }
            })
            .collect()
    }

    fn next_offer(
        &self,
        memory: &Memory,
        batches: Option<&mut BTreeMap<BatchId, VecDeque<ItemIndex>>>,
        room: usize,
        now: Moment,
    ) -> Option<Offer> {
        let batches = batches?;
        let mut entry = batches.first_entry()?;
        let batch = *entry.key();
        let open = memory.batches.get(&batch)?;
        let pages = open.pages.as_ref()?;
        let items = entry.get_mut();
        // Enough at a time to keep a slot at one batch, few enough that no page waits long behind a slow one. Of a
        // batch with a limit one, so that as many run as may.
        let many = if pages.concurrency.is_some() { 1 } else { items.len() / (OFFERS_PER_SLOT * self.slots) };
        let items: Vec<ItemIndex> = items.drain(..many.clamp(1, OFFER_ITEMS_MAX).min(room)).collect();
        if entry.get().is_empty() {
            entry.remove();
        }
        let hosts = items.iter().filter_map(|item| Some((*item, pages.host_of(*item)?))).collect();
        Some(Offer { id: offer_id(batch, open, &items, now), batch, items, hosts })
    }
}

fn running(memory: &Memory) -> usize {
    let items = memory.batches.values().flat_map(|batch| batch.items.values());
    items.filter(|item| matches!(item, OpenItem::Running { .. })).count()
}

/// The same for the same items at the same number of starts within the same stretch of time, so that a broker drops
/// what a second owner of the reactions offers too; another one for the same items put back, retried, or offered
/// again because nobody took them.
fn offer_id(batch: BatchId, open: &OpenBatch, items: &[ItemIndex], now: Moment) -> Uuid {
    let epoch = now.millis().div_euclid(OFFER_AGAIN_MS.cast_signed());
    let mut name = format!("offer/{}/{epoch}", open.round);
    for item in items {
        let starts = open.starts.get(item).copied().unwrap_or(0);
        name.push_str(&format!("/{item}:{starts}"));
    }
    Uuid::new_v5(&batch.0, name.as_bytes())
}

#[cfg(test)]
mod tests;
