//! `docs/ledger.md` is what others build on: its examples must be right.

use crate::heads::signer;
use leafcutter_ledger_proof::{Entry, Walk, read_heads};

const DOCUMENT: &str = include_str!("../../../docs/ledger.md");

/// What stands between fences of a kind, in order.
fn blocks(kind: &str) -> Vec<&'static str> {
    let begin = format!("```{kind}\n");
    DOCUMENT.split(begin.as_str()).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

/// A line for each text: its length as it is hashed or signed, and the text.
fn shown(parts: &[&str]) -> String {
    let line = |part: &&str| {
        let length = (part.len() as u64).to_le_bytes().map(|byte| format!("{byte:02x}")).join(" ");
        format!("{length} {part}").trim_end().to_owned()
    };
    parts.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_of_a_link_is_right() {
    let entry: Entry = serde_json::from_str(blocks("json")[0]).unwrap();
    let (revision, data) = (entry.revision.to_string(), String::from_utf8(entry.data.clone()).unwrap());
    let Entry { stream, id, name, occurred_at, prev, .. } = &entry;
    assert_eq!(blocks("text")[0], shown(&[prev, stream, &revision, id, name, occurred_at, &data]));
    let mut walk = Walk::default();
    assert!(walk.step(&entry));
    assert_eq!(walk.finish().fault, None);
}

#[test]
fn the_example_of_a_head_is_right() {
    let head = read_heads(blocks("json")[1]).unwrap().remove(0);
    assert_eq!(head.verify(), Ok(()));
    let signed = signer(7).sign(head.account.clone(), head.at.clone(), head.entries.clone());
    assert_eq!(signed, head);
    let entry = &head.entries[0];
    let (revision, hash) = (entry.revision.to_string(), &entry.hash);
    let parts =
        ["leafcutter ledger head v1", &head.account, &head.at, entry.stream.as_str(), &revision, hash];
    assert_eq!(blocks("text")[1], shown(&parts));
    let link: Entry = serde_json::from_str(blocks("json")[0]).unwrap();
    assert_eq!((entry.hash.as_str(), entry.stream.as_str()), (link.hash.as_str(), link.stream.as_str()));
}
