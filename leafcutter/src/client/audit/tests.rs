//! The audit as a command: its files, its answers, its exit codes. What is proven is tested in `ledger-proof`.

use super::*;
use crate::client::stand_in::{StandIn, answer, console};
use axum::response::IntoResponse;
use leafcutter_ledger_proof::{ChainLink, HeadEntry, HeadSigner, event_id, link_hash};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

const ACCOUNT: &str = "00000000-0000-0000-0000-000000000001";

/// The lines of an export of one month with one movement, and its last hash.
fn export(amount: u32) -> (String, String) {
    let stream = format!("ledger-{ACCOUNT}-2026-11");
    let at = "2026-11-22T10:00:00.000Z";
    let opened = format!("{{\"account\":\"{ACCOUNT}\",\"period\":\"2026-11\",\"allowance\":9}}");
    let events = [("PeriodOpened", opened), ("CreditsGranted", format!("{{\"amount\":{amount}}}"))];
    let (mut prev, mut lines) = (String::new(), String::new());
    for (revision, (name, data)) in events.iter().enumerate() {
        let (revision, bytes) = (revision as u64, data.as_bytes());
        let id = event_id(&stream, revision, name, bytes).to_string();
        let link =
            ChainLink { prev: &prev, stream: &stream, revision, id: &id, name, occurred_at: at, data: bytes };
        let hash = link_hash(&link);
        let line = json!({
            "stream": stream, "revision": revision, "id": id, "name": name, "occurredAt": at, "prev": prev,
            "hash": hash, "position": "1", "data": data,
        });
        lines += &format!("{line}\n");
        prev = hash;
    }
    (lines, prev)
}

fn head(hash: &str, key: u8) -> Value {
    let entry = HeadEntry { stream: format!("ledger-{ACCOUNT}-2026-11"), revision: 1, hash: hash.to_owned() };
    let signer = HeadSigner::from_service_key(&[key; 32]);
    let at = format!("2026-11-22T1{key}:00:00.000Z");
    serde_json::to_value(signer.sign(ACCOUNT.to_owned(), at, vec![entry])).unwrap()
}

/// Runs the command on heads that were kept, with a service whose ledger has this movement.
async fn audited(held: &str, amount: u32, key: u8, flags: &[&str]) -> (Result<Exit, Failure>, String) {
    let (lines, hash) = export(amount);
    let balance = json!({"period": "2026-11", "head": head(&hash, key)});
    let service = StandIn::start(move |seen| match seen.target.as_str() {
        "/api/credits" => answer(200, balance.clone()),
        _ => lines.clone().into_response(),
    })
    .await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("heads.json");
    fs::write(&file, held).unwrap();
    let (console, out, _) = console();
    let flags = [&["--from", file.to_str().unwrap()], flags].concat();
    let exit = run(&service.parse(&flags), &console).await;
    (exit, out.text())
}

#[tokio::test]
async fn a_ledger_that_holds_what_was_signed_is_proven() {
    let held = head(&export(5).1, 1).to_string();
    let (exit, out) = audited(&held, 5, 1, &[]).await;
    assert_eq!(exit.unwrap(), Exit::Completed, "{out}");
    for words in ["proven: nothing was rewritten since 2026-11-22T11", "2 events in 1 month", "1 head held"] {
        assert!(out.contains(words), "{out}");
    }
}

#[tokio::test]
async fn another_chain_in_its_place_is_not_proven_and_ends_with_1() {
    let held = json!({"head": head(&export(5).1, 1)}).to_string();
    let (exit, out) = audited(&held, 6, 1, &[]).await;
    assert_eq!(exit.unwrap(), Exit::SomeFailed);
    assert!(out.contains("NOT proven: rewritten: at 2026-11-22T11"), "{out}");
}

#[tokio::test]
async fn another_key_is_refused_until_it_is_accepted() {
    let held = head(&export(5).1, 1).to_string();
    let (exit, out) = audited(&held, 5, 2, &[]).await;
    assert_eq!(exit.unwrap(), Exit::SomeFailed);
    let key = head("", 2)["publicKey"].as_str().unwrap().to_owned();
    assert!(out.contains(&format!("--accept-key {key}")), "{out}");
    let (exit, out) = audited(&held, 5, 2, &["--accept-key", &key]).await;
    assert_eq!(exit.unwrap(), Exit::Completed, "{out}");
}

#[tokio::test]
async fn an_export_that_was_kept_needs_no_service() {
    let folder = TempDir::new().unwrap();
    let (file, (lines, hash)) = (folder.path().join("ledger.jsonl"), export(5));
    fs::write(&file, &lines).unwrap();
    let (held, export) = (head(&hash, 1).to_string(), file.to_str().unwrap());
    let (exit, out) = audited(&held, 9, 2, &["--export", export]).await;
    assert_eq!(exit.unwrap(), Exit::Completed, "{out}");
    assert!(out.contains("was not asked"), "{out}");
    fs::write(&file, &lines[..lines.len() - 9]).unwrap();
    let (exit, _) = audited(&held, 9, 2, &["--export", export]).await;
    assert!(matches!(exit, Err(Failure::ExportNotUnderstood { line: 2, .. })));
}

#[tokio::test]
async fn a_file_without_heads_is_told_as_such() {
    for held in ["", "{\"period\": \"2026-11\"}", "heads"] {
        let (exit, _) = audited(held, 5, 1, &[]).await;
        assert!(matches!(exit, Err(Failure::Heads { .. })), "{held}");
    }
}
