//! Heads that were kept, held against ledgers as they are now.

use crate::{
    heads::signer,
    support::{ACCOUNT, chained, ledger, walk},
};
use leafcutter_ledger_proof::{Audit, Contradiction, Entry, Head, Proof, covering};

/// The head of a ledger, signed with the key of this number.
fn head_by(seed: u8, entries: &[Entry], at: &str) -> Head {
    signer(seed).sign(ACCOUNT.to_owned(), at.to_owned(), covering(&walk(entries).tails))
}

fn head(entries: &[Entry], at: &str) -> Head {
    head_by(7, entries, at)
}

fn audited(held: Vec<Head>, entries: &[Entry]) -> Result<Proof, Contradiction> {
    let mut audit = Audit::new(held, Some(head(entries, "now")), &[])?;
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
    let held = vec![head(&whole, "3"), head(&whole[..16], "2"), head(&whole[..9], "1")];
    let proof = audited(held, &whole).unwrap();
    let expected = Proof { since: "1".to_owned(), heads: 3, entries: 20, months: 3, covered: 9 };
    assert_eq!(proof, expected);
}

#[test]
fn a_chain_that_was_made_anew_is_right_in_itself_and_caught_by_a_head() {
    assert_eq!(walk(&rewritten()).fault, None, "the chain alone does not tell");
    let caught = audited(vec![head(&ledger(), "1")], &rewritten()).unwrap_err();
    assert!(
        matches!(&caught, Contradiction::Rewritten { at, entry, .. } if at == "1" && entry.revision == 4)
    );
}

#[test]
fn a_cut_end_is_caught_also_in_an_earlier_month() {
    let whole = ledger();
    let held = || vec![head(&whole, "1")];
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
    let caught = audited(vec![head(&ledger(), "1")], &entries).unwrap_err();
    assert!(matches!(caught, Contradiction::Chain(fault) if fault.revision == 3));
}

#[test]
fn another_key_is_told_and_taken_only_when_it_is_accepted() {
    let whole = ledger();
    let (old, new) = (head_by(7, &whole, "1"), head_by(8, &whole, "2"));
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
    let mut changed = head(&whole, "1");
    changed.entries[0].revision -= 1;
    assert!(matches!(Audit::new(vec![changed], None, &[]), Err(Contradiction::Head(_))));
    let other = signer(7).sign("b".to_owned(), "2".to_owned(), vec![]);
    let refused = Audit::new(vec![head(&whole, "1"), other], None, &[]);
    assert!(matches!(refused, Err(Contradiction::Accounts { .. })));
}
