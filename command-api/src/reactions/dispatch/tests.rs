//! What is offered when, of made-up memories.

use super::*;
use crate::reactions::open::Pages;
use leafcutter_domain::WorkerId;

fn memory(batches: &[(u128, u128, u16)]) -> Memory {
    let mut memory = Memory::default();
    for &(account, batch, items) in batches {
        let items = (0..items).map(|item| (item, OpenItem::Pending)).collect();
        let account = AccountId(Uuid::from_u128(account));
        let pages = Some(Pages::default());
        let open = OpenBatch { account, items, round: 1, starts: BTreeMap::new(), pages };
        memory.batches.insert(BatchId(Uuid::from_u128(batch)), open);
    }
    memory
}

const NOW: i64 = 1_000_000;

fn counts(offers: &[Offer], batch: u128) -> usize {
    offers.iter().filter(|offer| offer.batch.0 == Uuid::from_u128(batch)).map(|offer| offer.items.len()).sum()
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

/// One batch whose pages are at these hosts.
fn at(concurrency: Option<u16>, hosts: &[&str]) -> Memory {
    let mut memory = memory(&[(1, 10, u16::try_from(hosts.len()).unwrap())]);
    let mut pages = Pages { concurrency, ..Pages::default() };
    for (item, host) in (0..).zip(hosts) {
        pages.add(item, &format!("https://{host}/{item}"));
    }
    memory.know_pages(BatchId(Uuid::from_u128(10)), pages);
    memory
}

fn set(memory: &mut Memory, item: ItemIndex, state: OpenItem) {
    memory.batches.values_mut().next().unwrap().items.insert(item, state);
}

fn running(deadline: i64) -> OpenItem {
    let worker = WorkerId(Uuid::from_u128(1));
    OpenItem::Running { attempt: 1, worker, deadline: Moment::from_millis(deadline) }
}

fn items(offers: &[Offer]) -> Vec<ItemIndex> {
    offers.iter().flat_map(|offer| offer.items.clone()).collect()
}

#[test]
fn of_a_batch_with_a_limit_no_more_is_in_flight_one_item_to_a_slot() {
    let (mut memory, mut offers) = (at(Some(2), &["a.example"; 20]), Offers::new(1));
    let batch = BatchId(Uuid::from_u128(10));
    let first = offers.plan(&memory, Moment::from_millis(NOW));
    assert_eq!((first.len(), items(&first)), (2, vec![0, 1]));
    set(&mut memory, 0, running(NOW));
    offers.done(batch, 0);
    assert_eq!(offers.plan(&memory, Moment::from_millis(NOW + 1)), vec![]);
    memory.batches.values_mut().next().unwrap().items.remove(&0);
    assert_eq!(items(&offers.plan(&memory, Moment::from_millis(NOW + 2))), [2]);
}

#[test]
fn what_is_lost_of_a_batch_with_a_limit_is_offered_again_and_nothing_in_its_place() {
    let (mut memory, mut offers) = (at(Some(2), &["a.example"; 20]), Offers::new(1));
    let batch = BatchId(Uuid::from_u128(10));
    assert_eq!(items(&offers.plan(&memory, Moment::from_millis(NOW))), [0, 1]);
    set(&mut memory, 0, running(NOW));
    offers.done(batch, 0);
    set(&mut memory, 0, OpenItem::Pending);
    let later = NOW + i64::try_from(OFFER_AGAIN_MS).unwrap();
    assert_eq!(items(&offers.plan(&memory, Moment::from_millis(later))), [0, 1]);
}

#[test]
fn an_offer_names_the_hosts_and_a_batch_without_them_waits_until_they_are_read() {
    let mut memory = at(None, &["a.example", "b.example"]);
    let pages = memory.batches.values_mut().next().unwrap().pages.take();
    let mut offers = Offers::new(1);
    assert_eq!(offers.plan(&memory, Moment::from_millis(NOW)), vec![]);
    memory.know_pages(BatchId(Uuid::from_u128(10)), pages.unwrap());
    for offer in offers.plan(&memory, Moment::from_millis(NOW)) {
        let named: Vec<_> = offer.hosts.iter().map(|(item, host)| (*item, *host)).collect();
        let host = ["https://a.example", "https://b.example"][usize::from(offer.items[0])];
        assert_eq!(named, [(offer.items[0], HostKey::of_text(host).unwrap())]);
    }
}

#[test]
fn a_host_that_waits_keeps_no_slot_from_another() {
    let mut hosts = ["slow.example"; 40];
    hosts[30..].fill("quick.example");
    let (mut memory, mut offers) = (at(None, &hosts), Offers::new(2));
    let slow = items(&offers.plan(&memory, Moment::from_millis(NOW)));
    assert!(slow.iter().all(|item| *item < 30));
    assert_eq!(offers.plan(&memory, Moment::from_millis(NOW + 1)), vec![]);
    let waited = Moment::from_millis(NOW + i64::try_from(HOST_WAIT_MS).unwrap());
    [0, 1].iter().for_each(|item| set(&mut memory, *item, running(NOW)));
    assert_eq!(offers.plan(&memory, waited), vec![], "no slot is free, so that is what they wait for");
    [0, 1].iter().for_each(|item| set(&mut memory, *item, OpenItem::Pending));
    let quick = items(&offers.plan(&memory, waited));
    assert_eq!(quick, (30..40).collect::<Vec<_>>());
}
