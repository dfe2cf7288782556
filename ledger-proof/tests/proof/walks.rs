//! Whatever is done to a ledger, the walk finds it and says where it begins.

use crate::support::{at, chained, close_of, fault, ledger, link, month, renumber, stream, walk};
use leafcutter_ledger_proof::{Entry, FaultKind, covering};

const OCTOBER: &str = "2026-10";

/// Asserts what is found in a ledger that was tampered with.
#[track_caller]
fn found(entries: &[Entry], kind: FaultKind, period: &str, revision: u64) {
    let fault = fault(entries);
    assert_eq!(
        (fault.kind, fault.stream.clone(), fault.revision),
        (kind, stream(period), revision),
        "{fault}"
    );
}

#[test]
fn a_ledger_that_nobody_touched_is_walked_to_its_end() {
    let walked = walk(&ledger());
    assert_eq!((walked.entries, walked.tails.len(), walked.fault), (20, 3, None));
    assert_eq!(walked.since.as_deref(), Some("2026-08-01T00:00:00.000Z"));
    // August ends with late movements, which no later month names; October with its close, but it is the last before.
    let named: Vec<_> =
        covering(&walked.tails).into_iter().map(|entry| (entry.stream, entry.revision)).collect();
    assert_eq!(named, [(stream("2026-08"), 6), (stream(OCTOBER), 7), (stream("2026-11"), 4)]);
}

#[test]
fn a_month_that_ends_with_its_close_is_named_by_the_next_and_not_by_a_head() {
    let august = month("2026-08", None, 1, Some(0));
    let october = month(OCTOBER, Some(("2026-08", close_of(&august))), 1, Some(0));
    let november = month("2026-11", Some((OCTOBER, close_of(&october))), 1, None);
    let named = covering(&walk(&[august, october, november].concat()).tails);
    assert_eq!(named.len(), 2);
    assert_eq!(named[0].stream, stream(OCTOBER));
}

#[test]
fn a_month_may_name_an_event_after_the_close_as_the_first_release_did() {
    let august = month("2026-08", None, 1, Some(1));
    let late = august.last().unwrap().hash.clone();
    let october = month(OCTOBER, Some(("2026-08", &late)), 1, None);
    assert_eq!(walk(&[august.clone(), october].concat()).fault, None);
    let october = month(OCTOBER, Some(("2026-08", &august[1].hash)), 1, None);
    assert_eq!(fault(&[august, october].concat()).kind, FaultKind::Changed);
}

#[test]
fn any_changed_byte_is_found_in_the_event_that_holds_it() {
    let whole = ledger();
    for place in 0..whole.len() {
        let edits: [fn(&mut Entry); 5] = [
            |entry| entry.data[0] ^= 1,
            |entry| entry.name.push('x'),
            |entry| entry.occurred_at.replace_range(..4, "2025"),
            |entry| entry.id.replace_range(..1, "-"),
            |entry| entry.hash.replace_range(..1, "x"),
        ];
        for edit in edits {
            let mut entries = whole.clone();
            edit(&mut entries[place]);
            let fault = fault(&entries);
            let is = (FaultKind::Changed, &entries[place].stream, entries[place].revision);
            assert_eq!((fault.kind, &fault.stream, fault.revision), is, "{fault}");
        }
    }
}

#[test]
fn a_removed_event_is_missed_also_when_the_others_are_numbered_anew() {
    let mut entries = ledger();
    entries.remove(at(&entries, OCTOBER, 3));
    found(&entries, FaultKind::Removed, OCTOBER, 3);
    renumber(&mut entries);
    found(&entries, FaultKind::Removed, OCTOBER, 3);
    let first = at(&entries, OCTOBER, 0);
    entries.remove(first);
    found(&entries, FaultKind::Removed, OCTOBER, 0);
}

#[test]
fn an_inserted_event_is_found_with_a_link_of_its_own_and_without() {
    for has_link in [false, true] {
        let mut entries = ledger();
        let place = at(&entries, OCTOBER, 3);
        let mut forged = entries[place].clone();
        forged.data = b"{\"item\":99}".to_vec();
        if has_link {
            let prev = entries[place - 1].hash.clone();
            link(&mut forged, &prev);
        }
        entries.insert(place, forged);
        renumber(&mut entries);
        found(&entries, FaultKind::Inserted, OCTOBER, 3);
    }
    let mut entries = ledger();
    let copy = entries[at(&entries, OCTOBER, 2)].clone();
    entries.insert(at(&entries, OCTOBER, 4), copy);
    renumber(&mut entries);
    found(&entries, FaultKind::Inserted, OCTOBER, 4);
}

#[test]
fn events_in_another_order_are_found_with_their_numbers_and_with_new_ones() {
    let mut entries = ledger();
    let place = at(&entries, OCTOBER, 2);
    entries.swap(place, place + 2);
    found(&entries, FaultKind::Reordered, OCTOBER, 2);
    renumber(&mut entries);
    found(&entries, FaultKind::Reordered, OCTOBER, 2);
}

#[test]
fn one_hash_made_anew_does_not_hide_a_change() {
    let mut entries = ledger();
    let place = at(&entries, OCTOBER, 3);
    let prev = entries[place].prev.clone();
    entries[place].data = b"{\"item\":99}".to_vec();
    link(&mut entries[place], &prev);
    found(&entries, FaultKind::Changed, OCTOBER, 3);
    let mut entries = ledger();
    let place = at(&entries, OCTOBER, 7);
    let prev = entries[place].prev.clone();
    entries[place].data = b"{ }".to_vec();
    link(&mut entries[place], &prev);
    found(&entries, FaultKind::Changed, OCTOBER, 7);
}

#[test]
fn a_month_made_anew_as_a_whole_is_found_where_the_next_one_names_it() {
    let mut entries = ledger();
    let (from, to) = (at(&entries, OCTOBER, 0), at(&entries, "2026-11", 0));
    entries[from + 1].data = b"{\"item\":99}".to_vec();
    let anew = chained(entries[from..to].to_vec());
    entries.splice(from..to, anew);
    found(&entries, FaultKind::Changed, OCTOBER, 7);
}

#[test]
fn a_missing_month_is_named() {
    for (period, missed_at) in [("2026-08", 0), (OCTOBER, 0)] {
        let mut entries = ledger();
        entries.retain(|entry| entry.stream != stream(period));
        found(&entries, FaultKind::Removed, period, missed_at);
    }
    let mut entries = ledger();
    let place = at(&entries, OCTOBER, 6);
    entries.drain(place..=place + 1);
    found(&entries, FaultKind::Removed, OCTOBER, 6);
}

#[test]
fn a_month_that_the_next_one_does_not_name_was_put_in() {
    let september = month("2026-09", Some(("2026-08", close_of(&ledger()))), 1, Some(0));
    let mut entries = ledger();
    let place = at(&entries, OCTOBER, 0);
    entries.splice(place..place, september);
    found(&entries, FaultKind::Inserted, "2026-09", 0);
    let later = at(&entries, "2026-09", 0);
    entries.rotate_left(later);
    assert!(walk(&entries).fault.is_some());
}

#[test]
fn a_link_that_the_service_would_not_make_is_found_although_it_fits() {
    let mut late = month(OCTOBER, None, 3, None);
    late[2].occurred_at.replace_range(..4, "2020");
    found(&chained(late), FaultKind::Changed, OCTOBER, 2);
    let mut twice = month(OCTOBER, None, 3, None);
    twice[2].name = "PeriodOpened".to_owned();
    found(&chained(twice), FaultKind::Inserted, OCTOBER, 2);
    let mut elsewhere = month(OCTOBER, None, 1, None);
    for entry in &mut elsewhere {
        entry.stream = stream("2026-12");
    }
    found(&chained(elsewhere), FaultKind::Changed, "2026-12", 0);
}

#[test]
fn an_end_that_was_cut_off_is_not_seen_by_the_chain_alone() {
    let mut entries = ledger();
    entries.truncate(entries.len() - 2);
    assert_eq!(walk(&entries).fault, None);
}
