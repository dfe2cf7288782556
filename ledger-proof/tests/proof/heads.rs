//! Heads and their signatures.

use leafcutter_ledger_proof::{Head, HeadEntry, HeadError, HeadSigner, read_heads};
use serde_json::json;

pub(crate) fn signer(seed: u8) -> HeadSigner {
    HeadSigner::from_service_key(&[seed; 32])
}

fn head() -> Head {
    let entry = |month: &str, revision| HeadEntry {
        stream: format!("ledger-a-{month}"),
        revision,
        hash: "0f".repeat(32),
    };
    let entries = vec![entry("2026-10", 7), entry("2026-11", 0)];
    signer(7).sign("a".to_owned(), "2026-11-22T10:00:00.000Z".to_owned(), entries)
}

#[test]
fn the_key_and_the_signature_stay_the_same_for_ever() {
    let head = head();
    assert_eq!(head.public_key, "4f9fe26d427c5da0355000700c125cbe415085085d2fd5f620ebd159d46c42a3");
    assert_eq!(&head.signature[..32], "0234af969e309a204128ac35b23aae23");
    assert_eq!(head.verify(), Ok(()));
}

#[test]
fn a_signature_covers_every_field() {
    let edits: [fn(&mut Head); 8] = [
        |head| head.account = "b".to_owned(),
        |head| head.at = "2026-11-22T10:00:00.001Z".to_owned(),
        |head| head.entries[0].revision = 8,
        |head| head.entries[0].stream.push('0'),
        |head| head.entries[0].hash.replace_range(..1, "1"),
        |head| head.entries.truncate(1),
        |head| head.entries.swap(0, 1),
        |head| head.public_key = signer(8).public_key(),
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let mut head = head();
        edit(&mut head);
        assert!(matches!(head.verify(), Err(HeadError::NotSigned { .. })), "edit {number}");
    }
}

#[test]
fn what_is_no_key_or_signature_is_refused() {
    for wrong in ["", "0g", &"0".repeat(63), &"A".repeat(64)] {
        let of_key = Head { public_key: wrong.to_owned(), ..head() };
        let of_signature = Head { signature: wrong.to_owned(), ..head() };
        for head in [of_key, of_signature] {
            assert!(matches!(head.verify(), Err(HeadError::Malformed { .. })), "{wrong}");
        }
    }
}

#[test]
fn the_service_key_is_not_shown() {
    assert_eq!(format!("{:?}", signer(7)), "HeadSigner(hidden)");
}

#[test]
fn heads_are_read_alone_in_lists_in_lines_and_in_answers() {
    let one = serde_json::to_value(head()).unwrap();
    let answer = json!({"period": "2026-11", "available": 3, "head": one});
    let texts = [
        (one.to_string(), 1),
        (json!([one, answer]).to_string(), 2),
        (format!("{one}\n{answer}\n\n{one}"), 3),
        (format!("{answer:#}\n{one:#}"), 2),
    ];
    for (text, count) in texts {
        assert_eq!(read_heads(&text).unwrap(), vec![head(); count], "{text}");
    }
    for wrong in ["", "[]", "{}", "{", "3", &format!("{one} {{\"head\": 3}}")] {
        assert!(read_heads(wrong).is_err(), "{wrong}");
    }
}
