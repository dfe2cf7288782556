//! Cookies are in memory and nowhere else: in no file, no process argument and no log line, in no spelling. What was
//! only in memory is gone after a crash, and the service says so.

use crate::harness::{Home, Options, PATIENCE, Service, Site, count, eventually, items};
use base64::{Engine, engine::general_purpose};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use std::{fs, path::Path, time::SystemTime};

/// The value of the cookie; its signs make every spelling of it differ.
pub(crate) const SECRET: &str = "SECRET-7f3k/+q~zW9x|leaf";
/// What is left alone by `encodeURIComponent`.
const COMPONENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'!').remove(b'~').remove(b'*');

/// Every spelling in which the secret could be found: plain, percent-encoded, as UTF-16, and as base64, also in the
/// middle of a longer text that was encoded.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let mut found = vec![
        secret.as_bytes().to_vec(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string().into_bytes(),
        utf8_percent_encode(secret, COMPONENT).to_string().into_bytes(),
        secret.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ];
    for engine in [general_purpose::STANDARD_NO_PAD, general_purpose::URL_SAFE_NO_PAD] {
        for before in 0..3 {
            let encoded = engine.encode(format!("{}{secret}", &"xxx"[..before]));
            // The first letters hold what came before, the last one what comes after.
            let first = [0, 2, 3][before];
            found.push(encoded.as_bytes()[first..encoded.len() - 1].to_vec());
        }
    }
    found
}

/// Every file below a folder that holds the secret, in whatever spelling, and was written since a moment.
pub(crate) fn files_with(secret: &str, folder: &Path, since: SystemTime) -> Vec<String> {
    let spellings = spellings(secret);
    let mut files = Vec::new();
    files_below(folder, &mut files);
    // A file may go while it is looked for.
    let written = |file: &Path| file.metadata()?.modified();
    files.retain(|file| written(file).is_ok_and(|written| written >= since));
    files.retain(|file| fs::read(file).is_ok_and(|bytes| holds(&bytes, &spellings)));
    files.into_iter().map(|file| file.display().to_string()).collect()
}

fn holds(bytes: &[u8], spellings: &[Vec<u8>]) -> bool {
    // One look at each byte: there are many, and most begin nothing.
    let mut begins = [false; 256];
    spellings.iter().for_each(|spelling| begins[usize::from(spelling[0])] = true);
    let here = |at: usize| spellings.iter().any(|spelling| bytes[at..].starts_with(spelling));
    bytes.iter().enumerate().any(|(at, byte)| begins[usize::from(*byte)] && here(at))
}

/// Every process argument of a service that holds the secret.
pub(crate) fn arguments_with(secret: &str, home: &Home) -> Vec<String> {
    let spellings = spellings(secret);
    let lines = home.processes.command_lines();
    lines.into_iter().filter(|line| holds(line.as_bytes(), &spellings)).collect()
}

fn files_below(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_below(&entry.path(), files),
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
}

fn nowhere(home: &Home) {
    let places =
        [files_with(SECRET, home.folder(), SystemTime::UNIX_EPOCH), arguments_with(SECRET, home)].concat();
    assert_eq!(places, Vec::<String>::new(), "the secret can be read there");
}

#[test]
fn the_search_finds_every_spelling() {
    let encoded = |text: &str| general_purpose::STANDARD.encode(text).into_bytes();
    let texts = [
        format!("session={SECRET}; x=1").into_bytes(),
        encoded(&format!("session={SECRET}; x=1")),
        encoded(&format!("a session={SECRET}")),
        encoded(&format!("my session={SECRET}!")),
        format!("q={}", utf8_percent_encode(SECRET, COMPONENT)).into_bytes(),
    ];
    for text in texts {
        assert!(holds(&text, &spellings(SECRET)), "{}", String::from_utf8_lossy(&text));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_reach_the_page_and_are_written_nowhere() {
    let site = Site::open().await;
    let options = Options::for_site(site.address).env("LEAFCUTTER_LOG", "debug");
    let service = Service::start(&options).await;
    let cookies = format!("session={SECRET}; theme=dark");
    let mut batches = Vec::new();
    for mode in ["default", "fast"] {
        let urls = [site.url(&format!("/gate/{mode}")), site.url(&format!("/ok/{mode}"))];
        let body = json!({"urls": urls, "cookies": cookies, "scrapeMode": mode});
        let answer = service.api.submit_once(mode, &body).await.unwrap().expect(202);
        batches.push(answer.body["batchId"].as_str().unwrap().to_owned());
    }
    let open = async || (site.visits("/gate/default") + site.visits("/gate/fast") == 2).then_some(());
    eventually("both pages are open", PATIENCE, open).await;
    nowhere(service.home());
    site.open_gate("default");
    site.open_gate("fast");
    for (batch, mode) in batches.iter().zip(["default", "fast"]) {
        let status = service.api.finished(batch).await;
        assert_eq!(count(&status, "completed"), 2, "{status}");
        for path in [format!("/gate/{mode}"), format!("/ok/{mode}")] {
            let seen = site.cookies(&path);
            assert!(seen.iter().all(|seen| seen.contains(&format!("session={SECRET}"))), "{path}: {seen:?}");
            assert_eq!(seen.len(), 1);
        }
    }
    nowhere(service.home());
    nowhere(&service.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_that_a_crash_took_are_asked_for_again() {
    let site = Site::open().await;
    let options = Options::for_site(site.address);
    let service = Service::start(&options).await;
    let urls = [site.url("/ok/first"), site.url("/gate/a"), site.url("/gate/a"), site.url("/ok/last")];
    let body = json!({"urls": urls, "cookies": format!("session={SECRET}")});
    let batch = service.api.submit(&body).await;
    let open = async || (site.visits("/gate/a") == 2 && site.visits("/ok/first") == 1).then_some(());
    eventually("both slots wait", PATIENCE, open).await;
    service.api.status_when(&batch, "the first has ended", |status| count(status, "completed") == 1).await;
    let home = service.kill().await;
    nowhere(&home);
    let service = home.start(&options).await;
    let status = service.api.finished(&batch).await;
    let codes: Vec<_> = items(&status).iter().map(|item| item["errorCode"].as_str()).collect();
    assert_eq!(codes, [None, Some("COOKIES_EXPIRED"), Some("COOKIES_EXPIRED"), Some("COOKIES_EXPIRED")]);
    assert_eq!(service.api.settled().await.spent, 2);
    service.api.retry(&batch, &json!({})).await.expect_code(409, "COOKIES_EXPIRED");
    site.open_gate("a");
    let again = json!({"cookies": format!("session={SECRET}; again=1")});
    assert_eq!(service.api.retry(&batch, &again).await.expect(202).body["retriedCount"], 3);
    let status = service.api.finished(&batch).await;
    assert_eq!(count(&status, "completed"), 4, "{status}");
    assert_eq!(site.cookies("/ok/last"), [format!("session={SECRET}; again=1")]);
    nowhere(service.home());
    nowhere(&service.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_erased_some_time_after_their_batch_has_ended() {
    let site = Site::open().await;
    let options = Options::for_site(site.address).env("LEAFCUTTER_COOKIE_TTL", "0");
    let service = Service::start(&options).await;
    let api = service.api.another_account(1).await;
    let body = json!({"urls": [site.url("/status/500")], "cookies": "a=1", "scrapeMode": "fast"});
    let batch = api.submit(&body).await;
    api.finished(&batch).await;
    // The only credit is held elsewhere, so that a retry shows whether the cookies are there and does nothing.
    let other = api.submit(&json!({"urls": [site.url("/gate/a")], "scrapeMode": "fast"})).await;
    eventually("the cookies are erased", PATIENCE, async || {
        let answer = api.retry(&batch, &json!({})).await;
        assert!(["CREDIT_LIMIT_REACHED", "COOKIES_EXPIRED"].contains(&answer.body["code"].as_str().unwrap()));
        (answer.body["code"] == "COOKIES_EXPIRED").then_some(())
    })
    .await;
    site.open_gate("a");
    api.finished(&other).await;
    service.stop().await;
}
