//! Which pending items are offered now: round robin between accounts, a bounded number in flight for each, up to
//! eight items of one batch to one slot. Pure; an offer that nobody takes is made again after a while.

use super::{
    memory::Memory,
    open::{OpenBatch, OpenItem},
};
use leafcutter_dispatch::{OFFER_ITEMS_MAX, Offer};
use leafcutter_domain::{AccountId, BatchId, ItemIndex, Moment};
use std::collections::{BTreeMap, HashMap, VecDeque};
use uuid::Uuid;

/// How long an offered item may wait for a claim before it is offered again.
const OFFER_AGAIN_MS: u64 = 30_000;
/// Offers in flight for each slot: one that runs and one that waits behind it.
const IN_FLIGHT_PER_SLOT: usize = 2;
/// Offers that a batch is cut into for each slot.
const OFFERS_PER_SLOT: usize = 4;

/// What is in flight, and whose turn it is.
pub(super) struct Offers {
    slots: usize,
    offered: HashMap<(BatchId, ItemIndex), Moment>,
    /// Accounts in the order of their next turn.
    turns: VecDeque<AccountId>,
}

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
        self.offered.retain(|_, at| now.millis_since(*at) < OFFER_AGAIN_MS);
        let mut room = self.room(memory);
        if room == 0 {
            return vec![];
        }
        let mut waiting = self.waiting(memory);
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
                self.offered.insert((offer.batch, item), now);
            }
            offers.push(offer);
            self.turns.push_back(account);
        }
        offers
    }

    /// Items that may still go out: what the slots can have in hand, less what runs and what is offered.
    fn room(&self, memory: &Memory) -> usize {
        let running = memory
            .batches
            .values()
            .flat_map(|batch| batch.items.values())
            .filter(|item| matches!(item, OpenItem::Running { .. }))
            .count();
        let bound = self.slots * IN_FLIGHT_PER_SLOT + OFFER_ITEMS_MAX;
        bound.saturating_sub(running + self.offered.len())
    }

    /// Pending items that are not offered, by account and batch, the oldest batch first.
    fn waiting(&self, memory: &Memory) -> BTreeMap<AccountId, BTreeMap<BatchId, VecDeque<ItemIndex>>> {
        let mut waiting: BTreeMap<AccountId, BTreeMap<BatchId, VecDeque<ItemIndex>>> = BTreeMap::new();
        for (batch, open) in &memory.batches {
            let items: VecDeque<_> = open
                .items
                .iter()
                .filter(|(item, state)| {
                    **state == OpenItem::Pending && !self.offered.contains_key(&(*batch, **item))
                })
                .map(|(item, _)| *item)
                .collect();
            if !items.is_empty() {
                waiting.entry(open.account).or_default().insert(*batch, items);
            }
        }
        waiting
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
        let items = entry.get_mut();
        // Enough at a time to keep a slot at one batch, few enough that no page waits long behind a slow one.
        let count = (items.len() / (OFFERS_PER_SLOT * self.slots)).clamp(1, OFFER_ITEMS_MAX).min(room);
        let items: Vec<ItemIndex> = items.drain(..count).collect();
        if entry.get().is_empty() {
            entry.remove();
        }
        let id = offer_id(batch, memory.batches.get(&batch)?, &items, now);
        Some(Offer { id, batch, items })
    }
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
mod tests {
    use super::*;

    fn memory(batches: &[(u128, u128, u16)]) -> Memory {
        let mut memory = Memory::default();
        for &(account, batch, items) in batches {
            let items = (0..items).map(|item| (item, OpenItem::Pending)).collect();
            let account = AccountId(Uuid::from_u128(account));
            let open = OpenBatch { account, items, round: 1, starts: BTreeMap::new() };
            memory.batches.insert(BatchId(Uuid::from_u128(batch)), open);
        }
        memory
    }

    const NOW: i64 = 1_000_000;

    fn counts(offers: &[Offer], batch: u128) -> usize {
        offers
            .iter()
            .filter(|offer| offer.batch.0 == Uuid::from_u128(batch))
            .map(|offer| offer.items.len())
            .sum()
    }

    #[test]
    fn two_accounts_take_turns_however_much_one_has_queued() {
        let memory = memory(&[(1, 10, 50), (1, 11, 50), (2, 20, 5)]);
        let offers = Offers::new(2).plan(&memory, Moment::from_millis(NOW));
        assert!(counts(&offers, 20) > 0, "{offers:?}");
        assert!(offers.iter().all(|offer| offer.items.len() <= OFFER_ITEMS_MAX));
    }

    #[test]
    fn what_is_in_flight_is_bounded_and_not_offered_twice() {
        let memory = memory(&[(1, 10, 50)]);
        let mut offers = Offers::new(2);
        let first = offers.plan(&memory, Moment::from_millis(NOW));
        let bound = 2 * IN_FLIGHT_PER_SLOT + OFFER_ITEMS_MAX;
        assert_eq!(counts(&first, 10), bound);
        assert_eq!(offers.plan(&memory, Moment::from_millis(NOW + 1)), vec![]);
        let again = offers.plan(&memory, Moment::from_millis(NOW + i64::try_from(OFFER_AGAIN_MS).unwrap()));
        assert_eq!(counts(&again, 10), bound, "an offer that nobody took is made again");
    }

    #[test]
    fn a_small_batch_is_spread_over_all_slots() {
        let offers = Offers::new(8).plan(&memory(&[(1, 10, 5)]), Moment::from_millis(NOW));
        assert_eq!(offers.len(), 5);
    }

    #[test]
    fn two_owners_make_the_same_offers_and_a_later_or_restarted_one_makes_others() {
        let at = |millis| Moment::from_millis(NOW + millis);
        let ids = |memory: &Memory, at| -> Vec<Uuid> {
            Offers::new(2).plan(memory, at).iter().map(|offer| offer.id).collect()
        };
        let mut memory = memory(&[(1, 10, 5)]);
        let first = ids(&memory, at(0));
        assert_eq!(first, ids(&memory, at(1)));
        let later = ids(&memory, at(OFFER_AGAIN_MS.cast_signed()));
        assert!(later.iter().all(|id| !first.contains(id)));
        let open = memory.batches.values_mut().next().unwrap();
        open.starts.insert(0, 1);
        let restarted = ids(&memory, at(2));
        assert_eq!(restarted.iter().filter(|id| !first.contains(id)).count(), 1);
        memory.batches.values_mut().next().unwrap().round = 2;
        assert!(ids(&memory, at(3)).iter().all(|id| !restarted.contains(id)));
    }
}
