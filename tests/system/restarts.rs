//! Stopping and starting: nothing that was accepted is forgotten, one directory has one owner, and what cannot work is
//! said in one line.

use crate::harness::{Home, Options, PATIENCE, Service, Site, count, eventually, items};
use rustix::process::{Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::json;
use std::{fs, path::Path, process::Output};

/// Four pages in Chromium that wait for one gate, and what two slots need to have begun two of them.
async fn two_running_two_waiting(site: &Site, service: &Service) -> String {
    let batch = service.api.submit(&json!({"urls": vec![site.url("/gate/a"); 4]})).await;
    eventually("two pages are open", PATIENCE, async || (site.visits("/gate/a") == 2).then_some(())).await;
    batch
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_service_lets_running_pages_finish_and_does_the_rest_after_its_restart() {
    let site = Site::open().await;
    let options = Options::for_site(site.address);
    let service = Service::start(&options).await;
    let batch = two_running_two_waiting(&site, &service).await;
    let pid = rustix::process::Pid::from_raw(service.pid()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let stopping = async || service.home().log().contains("stopping").then_some(());
    eventually("the service stops", PATIENCE, stopping).await;
    site.open_gate("a");
    let home = service.stopped().await;
    assert_eq!(site.visits("/gate/a"), 2, "a page was begun while the service stopped");
    let service = home.start(&options).await;
    let status = service.api.finished(&batch).await;
    assert_eq!(count(&status, "completed"), 4, "{status}");
    assert!(items(&status).iter().all(|item| item["attempts"] == 1), "{status}");
    assert_eq!(service.api.settled().await.spent, 8);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_do_not_finish_in_time_are_put_back_and_done_after_the_restart() {
    let site = Site::open().await;
    let options = Options::for_site(site.address).env("LEAFCUTTER_STOP_TIMEOUT", "1");
    let service = Service::start(&options).await;
    let batch = two_running_two_waiting(&site, &service).await;
    let home = service.stop().await;
    site.open_gate("a");
    let service = home.start(&options).await;
    let status = service.api.finished(&batch).await;
    assert_eq!(count(&status, "completed"), 4, "{status}");
    assert_eq!(service.api.settled().await.spent, 8);
    assert_eq!(site.visits("/gate/a"), 6, "two were begun before, and four after");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_of_a_running_service_is_refused_to_another() {
    let service = Service::start(&Options::default()).await;
    let refused = serve(service.home(), &service.home().data(), &[]).await;
    refused_in_one_line(&refused, "running service");
    service.api.get("/health/ready").await.expect(200);
    service.stop().await;
}

/// Tries to start the program on a directory where it must not start.
async fn serve(home: &Home, data: &Path, flags: &[&str]) -> Output {
    let mut command = home.command(None);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data).args(flags);
    tokio::time::timeout(PATIENCE, command.output()).await.expect("it goes on").unwrap()
}

/// Exit code 2, nothing on standard output, one line on standard error that says what is wrong.
fn refused_in_one_line(output: &Output, word: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
    assert!(said.lines().count() == 1 && said.contains(word), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_be_used_is_refused_in_one_line() {
    let home = Home::new().await;
    let file = home.folder().join("file");
    fs::write(&file, "").unwrap();
    refused_in_one_line(&serve(&home, &file, &[]).await, "file");
    refused_in_one_line(&serve(&home, &file.join("below"), &[]).await, "cannot be made");
    // Not even the superuser can make a folder there.
    refused_in_one_line(&serve(&home, Path::new("/proc/leafcutter"), &[]).await, "/proc/leafcutter");
    let newer = home.folder().join("newer");
    fs::create_dir(&newer).unwrap();
    fs::write(newer.join("version"), "2").unwrap();
    refused_in_one_line(&serve(&home, &newer, &[]).await, "newer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_setting_is_refused_in_one_line() {
    let home = Home::new().await;
    let data = home.folder().join("never-made");
    let cases = [
        ["--concurrency", "0"],
        ["--allow-targets", "http://127.0.0.1/"],
        ["--admin-token", "short"],
        ["--item-timeout", "0"],
        ["--no-such-flag", "x"],
        ["--chromium", "/nonexistent/chromium"],
    ];
    for flags in cases {
        refused_in_one_line(&serve(&home, &data, &flags).await, flags[0].trim_start_matches("--"));
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = home.command(None);
    command.args(["serve", "--listen", &address, "--data-dir"]).arg(&data);
    refused_in_one_line(&command.output().await.unwrap(), &address);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_of_its_own_without_the_service_key_is_refused_in_one_line() {
    let home = Home::new().await;
    for role in ["command-api", "query-api"] {
        let mut command = home.command(None);
        command.args([role, "--event-store", "esdb://127.0.0.1:1", "--database", "postgres://127.0.0.1:1/x"]);
        command.env("LEAFCUTTER_DISPATCH", "nats://127.0.0.1:1").env("LEAFCUTTER_OBJECTS", "file:///nowhere");
        let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it goes on").unwrap();
        refused_in_one_line(&output, "LEAFCUTTER_SECRET_KEY");
    }
}

/// Lets no file of the service grow beyond this size, or takes the bound away.
fn bound_files(service: &Service, bytes: Option<u64>) {
    let pid = rustix::process::Pid::from_raw(service.pid()).unwrap();
    let bound = Rlimit { current: bytes, maximum: None };
    prlimit(Some(pid), Resource::Fsize, bound).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_submits_with_503_and_nothing_is_lost_or_half_kept() {
    let site = Site::open().await;
    // Without the signal, a write beyond the bound fails as it does on a full disk.
    let options = Options::for_site(site.address).after("trap '' XFSZ");
    let service = Service::start(&options).await;
    let body = json!({"urls": site.ok_urls(2), "scrapeMode": "fast"});
    let before = service.api.submit(&body).await;
    service.api.finished(&before).await;
    assert_eq!(service.api.settled().await.spent, 2);
    bound_files(&service, Some(1));
    for attempt in 0..3 {
        let refused = service.api.submit_once(&format!("full-{attempt}"), &body).await.unwrap();
        assert_eq!(refused.status, 503, "{}", refused.body);
        assert!(refused.header("retry-after").is_some());
    }
    let credits = service.api.credits().await;
    assert_eq!((credits.held, credits.spent), (0, 2));
    service.api.status(&before).await;
    bound_files(&service, None);
    let after = service.api.submit_once("full-0", &body).await.unwrap().expect(202).body["batchId"].clone();
    service.api.finished(after.as_str().unwrap()).await;
    assert_eq!(service.api.settled().await.spent, 4);
    let service = service.kill().await.start(&options).await;
    let list = service.api.get("/api/batch/scrape").await.expect(200).body;
    assert_eq!(list["pagination"]["total"], 2, "{list}");
    assert_eq!(service.api.settled().await.spent, 4);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_while_pages_run_delays_them_and_loses_none() {
    let site = Site::open().await;
    let options = Options::for_site(site.address).after("trap '' XFSZ");
    let service = Service::start(&options).await;
    let batch = two_running_two_waiting(&site, &service).await;
    bound_files(&service, Some(1));
    site.open_gate("a");
    let refused = service.api.try_submit(&json!({"urls": site.ok_urls(1)})).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    bound_files(&service, None);
    let status = service.api.finished(&batch).await;
    assert_eq!(count(&status, "completed"), 4, "{status}");
    assert_eq!(service.api.settled().await.spent, 8);
    service.stop().await;
}
