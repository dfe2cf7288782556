//! Erasing results, as an operator does it: the content goes for good, also through a crash, and nothing else.

use crate::harness::{ADMIN_TOKEN, Options, PATIENCE, Service, Site, eventually, items};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Output};
use tokio::time::timeout;

async fn erase(service: &Service, arguments: &[&str]) -> Output {
    let mut command = service.home().command(None);
    command.env("LEAFCUTTER_SERVER", service.api.base()).env("LEAFCUTTER_ADMIN_TOKEN", ADMIN_TOKEN);
    command.arg("erase").args(arguments);
    timeout(PATIENCE, command.output()).await.expect("it does not end").unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

/// What is told of a batch, without what erasing takes.
fn told(mut status: Value) -> Value {
    for item in status["items"].as_array_mut().unwrap() {
        for content in ["result", "screenshotUrl", "erasedAt"] {
            item[content].take();
        }
    }
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn erased_results_are_gone_for_good_also_after_a_crash_and_nothing_else_is() {
    let site = Site::open().await;
    let options = Options::for_site(site.address);
    let service = Service::start(&options).await;
    let urls = [site.url("/ok/a"), site.url("/status/500")];
    let batch = service.api.submit(&json!({"urls": urls, "screenshot": true})).await;
    let other = service.api.submit(&json!({"urls": site.ok_urls(1), "scrapeMode": "fast"})).await;
    let (before, beside) = (service.api.finished(&batch).await, service.api.finished(&other).await);
    let credits = service.api.settled().await;
    assert_eq!(files(&service.home().data().join("objects")), 3);
    let output = erase(&service, &["--batch", &batch]).await;
    assert!(output.status.code() == Some(2) && said(&output).contains("--yes"), "{}", said(&output));
    let service = service.stop().await.start(&options.clone().crash_at("erase", 1)).await;
    // It may die before the command has its answer.
    erase(&service, &["--batch", &batch, "--yes"]).await;
    let home = service.wait_for_death().await;
    assert_eq!(files(&home.data().join("objects")), 3, "it died before anything was deleted");
    let service = home.start(&options).await;
    let deleted = async || (files(&service.home().data().join("objects")) == 1).then_some(());
    eventually("the objects are deleted", PATIENCE, deleted).await;
    let after = service.api.status(&batch).await;
    let first = &items(&after)[0];
    assert!(
        first["result"].is_null() && first["screenshotUrl"].is_null() && first["erasedAt"].is_string(),
        "{after}"
    );
    service.api.get(&format!("/api/batch/scrape/{batch}/items/0/screenshot")).await.expect(404);
    assert_eq!(told(after), told(before));
    assert_eq!(service.api.status(&other).await, beside);
    assert_eq!(service.api.settled().await, credits);
    let verified = service.api.get("/api/credits/verify").await.expect(200).body;
    assert_eq!((&verified["valid"], &verified["readModel"]["agrees"]), (&json!(true), &json!(true)));
    // What came late is erased too, when that is asked for again.
    let account = files_of_accounts(&service);
    let item = service.home().data().join("objects").join(account).join(&batch).join("0");
    fs::create_dir_all(&item).unwrap();
    let late = item.join("1-late");
    fs::write(&late, "late").unwrap();
    let output = erase(&service, &["--batch", &batch, "--yes"]).await;
    assert!(output.status.success() && said(&output).contains("results of 1 batch"), "{}", said(&output));
    eventually("what came late is deleted", PATIENCE, async || (!late.exists()).then_some(())).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_an_account_names_what_is_not_finished() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let done = service.api.submit(&json!({"urls": site.ok_urls(1), "scrapeMode": "fast"})).await;
    service.api.finished(&done).await;
    let open = service.api.submit(&json!({"urls": [site.url("/gate/a")]})).await;
    let account = files_of_accounts(&service);
    let output = erase(&service, &["--account", &account, "--yes"]).await;
    let words = said(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("erased the results of 1 batch") && words.contains(&open), "{words}");
    site.open_gate("a");
    service.api.finished(&open).await;
    let output = erase(&service, &["--account", &account, "--yes"]).await;
    assert!(output.status.success(), "{}", said(&output));
    eventually("nothing is left", PATIENCE, async || {
        (files(&service.home().data().join("objects")) == 0).then_some(())
    })
    .await;
    service.stop().await;
}

/// The one account, as the folder of objects names it.
fn files_of_accounts(service: &Service) -> String {
    let accounts = fs::read_dir(service.home().data().join("objects")).unwrap();
    let names: Vec<String> =
        accounts.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 1);
    names[0].clone()
}
