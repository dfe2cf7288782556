//! Given events, when a command, then events or a refusal: the price lists.

use super::*;
use crate::testing::{at, given};

fn list(version: u32, page: u64) -> PriceList {
    PriceList { version, page, ..PriceList::built_in() }
}

fn publish(version: u32, page: u64) -> PublishPriceList {
    PublishPriceList { list: list(version, page), at: at(1) }
}

fn published(version: u32, page: u64, time: i64) -> PriceListEvent {
    PriceListPublished { list: list(version, page), at: at(time) }.into()
}

#[test]
fn a_list_is_published_once_and_found_by_its_version() {
    let nothing = given::<PriceLists>([]);
    assert_eq!(nothing.when(publish(3, 7)), Ok(vec![published(3, 7, 1)]));
    let known = given::<PriceLists>([published(3, 7, 1), published(9, 8, 1)]);
    assert_eq!(known.when(publish(3, 7)), Ok(vec![]));
    assert_eq!(known.state.of_version(3), Some(list(3, 7)));
    assert_eq!(known.state.of_version(4), None);
}

#[test]
fn prices_of_a_version_never_change() {
    let known = given::<PriceLists>([published(3, 7, 1)]);
    for (version, page) in [(3, 8), (1, 3), (2, 3)] {
        let taken = Err(PriceListRejection::VersionTaken { version });
        assert_eq!(known.when(publish(version, page)), taken);
    }
}

#[test]
fn built_in_lists_are_known_without_an_event() {
    let nothing = given::<PriceLists>([]);
    for version in [1, 2] {
        let list = nothing.state.of_version(version).unwrap();
        assert_eq!(nothing.when(PublishPriceList { list, at: at(1) }), Ok(vec![]));
    }
}

#[test]
fn a_list_that_cannot_be_used_is_not_published() {
    let nothing = given::<PriceLists>([]);
    assert_eq!(nothing.when(publish(0, 1)), Err(PriceFault::Version.into()));
    assert!(matches!(nothing.when(publish(3, u64::MAX)), Err(PriceListRejection::Unusable(_))));
}

#[test]
fn a_list_is_never_published_before_the_last_one() {
    let later = given::<PriceLists>([published(3, 7, 5)]);
    assert_eq!(later.when(publish(4, 7)), Ok(vec![published(4, 7, 5)]));
}
