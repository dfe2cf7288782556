//! Heads that were kept, held against ledgers as they are now.

use crate::{
    heads::signer,
    support::{ACCOUNT, chained, ledger, link, stream, walk},
};
use leafcutter_ledger_proof::{Audit, Contradiction, Entry, Head, Proof, covering};

/// Some time after the last event of the ledger.
const THEN: &str = "2026-11-20T00:00:00.000Z";
/// Later.
const NOW: &str = "2026-11-21T00:00:00.000Z";

/// The head of a ledger, signed with the key of this number.
fn head_by(seed: u8, entries: &[Entry], at: &str) -> Head {
    signer(seed).sign(ACCOUNT.to_owned(), at.to_owned(), covering(&walk(entries).tails))
}

fn head(entries: &[Entry], at: &str) -> Head {
    head_by(7, entries, at)
}

fn audited(held: Vec<Head>, entries: &[Entry]) -> Result<Proof, Contradiction> {
    let mut audit = Audit::new(held, Some(head(entries, NOW)), &[])?;
    for entry in entries {
        if !audit.step(entry) {
            break;
        }
    }
    audit.finish()
}

/// The end cut off and other events put in its place, every hash made anew.
fn rewritten() -> Vec<Entry> {
    let mut entries = ledger();
    let november = entries.len() - 5;
    for entry in &mut entries[november + 3..] {
        entry.data = b"{\"item\":77}".to_vec();
    }
    let anew = chained(entries.split_off(november));
    entries.extend(anew);
    entries
}

#[test]
fn a_ledger_that_only_grew_is_proven_since_the_oldest_head() {
    let whole = ledger();
    let held = vec![
        head(&whole, THEN),
        head(&whole[..16], "2026-11-01T00:00:00.000Z"),
        head(&whole[..9], "2026-10-01T00:00:01.000Z"),
    ];
    let proof = audited(held, &whole).unwrap();
    let expected =
        Proof { since: "2026-10-01T00:00:01.000Z".to_owned(), heads: 3, entries: 20, months: 3, covered: 9 };
    assert_eq!(proof, expected);
}

#[test]
fn a_chain_that_was_made_anew_is_right_in_itself_and_caught_by_a_head() {
    assert_eq!(walk(&rewritten()).fault, None, "the chain alone does not tell");
    let caught = audited(vec![head(&ledger(), THEN)], &rewritten()).unwrap_err();
    assert!(
        matches!(&caught, Contradiction::Rewritten { at, entry, .. } if at == THEN && entry.revision == 4)
    );
}

#[test]
fn a_cut_end_is_caught_also_in_an_earlier_month() {
    let whole = ledger();
    let held = || vec![head(&whole, THEN)];
    let caught = audited(held(), &whole[..whole.len() - 1]).unwrap_err();
    assert!(matches!(&caught, Contradiction::Missing { entry, .. } if entry.revision == 4), "{caught}");
    // What August settled after its close is named by no later month, so the head names it.
    let mut entries = whole.clone();
    entries.remove(6);
    assert_eq!(walk(&entries).fault, None);
    let caught = audited(held(), &entries).unwrap_err();
    assert!(matches!(&caught, Contradiction::Missing { entry, .. } if entry.revision == 6), "{caught}");
}

#[test]
fn a_broken_chain_is_told_before_any_head() {
    let mut entries = ledger();
    entries.remove(3);
    let caught = audited(vec![head(&ledger(), THEN)], &entries).unwrap_err();
    assert!(matches!(caught, Contradiction::Chain(fault) if fault.revision == 3));
}

#[test]
fn another_key_is_told_and_taken_only_when_it_is_accepted() {
    let whole = ledger();
    let (old, new) = (head_by(7, &whole, THEN), head_by(8, &whole, NOW));
    let refused = Audit::new(vec![old.clone()], Some(new.clone()), &[]).unwrap_err();
    assert!(
        matches!(&refused, Contradiction::Key { key, .. } if *key == signer(8).public_key()),
        "{refused}"
    );
    assert!(Audit::new(vec![new.clone(), old.clone()], None, &[]).is_err(), "also among those that are held");
    assert!(Audit::new(vec![old.clone()], Some(new.clone()), std::slice::from_ref(&old.public_key)).is_err());
    assert!(Audit::new(vec![old], Some(new.clone()), &[new.public_key]).is_ok());
}

#[test]
fn heads_that_were_changed_or_are_of_another_account_are_refused() {
    let whole = ledger();
    let mut changed = head(&whole, THEN);
    changed.entries[0].revision -= 1;
    assert!(matches!(Audit::new(vec![changed], None, &[]), Err(Contradiction::Head(_))));
    let other = signer(7).sign("b".to_owned(), NOW.to_owned(), vec![]);
    let refused = Audit::new(vec![head(&whole, THEN), other], None, &[]);
    assert!(matches!(refused, Err(Contradiction::Accounts { .. })));
}

/// The ledger with an event more at the end of this month, of this time.
fn with_late_event(period: &str, occurred_at: &str) -> Vec<Entry> {
    let mut entries = ledger();
    let last = entries.iter().rposition(|entry| entry.stream == stream(period)).unwrap();
    let mut late = Entry {
        revision: entries[last].revision + 1,
        name: "CreditsRefunded".to_owned(),
        occurred_at: occurred_at.to_owned(),
        ..entries[last].clone()
    };
    link(&mut late, &entries[last].hash.clone());
    entries.insert(last + 1, late);
    entries
}

#[test]
fn an_event_that_is_older_than_a_head_which_does_not_know_it_was_put_in() {
    for period in ["2026-08", "2026-10", "2026-11"] {
        let (before, after) = ("2026-11-19T23:49:59.999Z", "2026-11-19T23:50:00.000Z");
        let entries = with_late_event(period, before);
        assert_eq!(walk(&entries).fault, None, "the chain alone does not tell");
        let caught = audited(vec![head(&ledger(), THEN)], &entries).unwrap_err();
        let is_it = matches!(&caught, Contradiction::Backdated { at, stream: month, .. }
            if at == THEN && *month == stream(period));
        assert!(is_it, "{caught}");
        assert!(audited(vec![head(&ledger(), THEN)], &with_late_event(period, after)).is_ok());
    }
}
