//! The client commands of the same binary, as a user runs them: with a service of their own, and with a running one.

use crate::harness::{Home, Options, PATIENCE, Service, Site};
use serde_json::{Value, json};
use std::process::Output;
use tokio::time::timeout;

/// Runs the program to its end.
async fn run(home: &Home, arguments: &[&str]) -> Output {
    let mut command = home.command(None);
    timeout(PATIENCE, command.args(arguments).output()).await.expect("it does not end").unwrap()
}

/// Runs a command against a service.
pub(crate) async fn ask(service: &Service, arguments: &[&str]) -> Output {
    let mut command = service.home().command(None);
    command.env("LEAFCUTTER_SERVER", service.api.base()).env("LEAFCUTTER_API_KEY", service.api.key());
    timeout(PATIENCE, command.args(arguments).output()).await.expect("it does not end").unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn scrape_runs_a_service_of_its_own_and_prints_a_line_for_each_page() {
    let (site, home) = (Site::open().await, Home::new().await);
    let target = site.address.to_string();
    let urls = [site.url("/script"), site.url("/ok/b")];
    let output = run(&home, &["scrape", &urls[0], &urls[1], "--allow-targets", &target]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let lines = lines(&output);
    assert_eq!(lines.len(), 2);
    for (line, (url, words)) in lines.iter().zip(urls.iter().zip(["# Made by a script", "# The page b"])) {
        assert_eq!((&line["url"], &line["status"]), (&json!(url), &json!("completed")));
        assert!(line["result"].as_str().unwrap().contains(words), "{line}");
    }
    let left = home.processes.wait_until_gone(std::time::Duration::from_millis(500));
    assert_eq!(left, Ok(()), "something outlived the command");
    let temporary: Vec<_> = std::fs::read_dir(home.folder().join("tmp")).unwrap().collect();
    assert!(temporary.is_empty(), "{temporary:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scrape_fills_a_schema_from_a_file() {
    let (site, home) = (Site::open().await, Home::new().await);
    let schema = home.folder().join("schema.json");
    let text = json!({"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]});
    std::fs::write(&schema, text.to_string()).unwrap();
    let (url, target) = (site.url("/product/a"), site.address.to_string());
    let schema = schema.to_str().unwrap();
    let output = run(&home, &["scrape", &url, "--schema", schema, "--allow-targets", &target]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(lines(&output)[0]["result"], json!({"price": 12.5}));
}

#[tokio::test(flavor = "multi_thread")]
async fn scrape_ends_with_1_when_a_page_fails_and_with_2_when_it_is_refused() {
    let (site, home) = (Site::open().await, Home::new().await);
    let target = site.address.to_string();
    let urls = [site.url("/ok/a"), site.url("/status/500")];
    let output = run(&home, &["scrape", &urls[0], &urls[1], "--allow-targets", &target]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let lines = lines(&output);
    assert_eq!((&lines[0]["status"], &lines[1]["status"]), (&json!("completed"), &json!("failed")));
    let output = run(&home, &["scrape", &urls[0]]).await;
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{}", said(&output));
    let output = run(&home, &["scrape", &urls[0], "--server", "http://127.0.0.1:1", "--api-key", "x"]).await;
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_command_works_with_a_running_service() {
    let site = Site::open().await;
    let service = Service::start(&Options::for_site(site.address)).await;
    let output = ask(&service, &["scrape", "--fast", &site.url("/ok/a"), &site.url("/flaky/b")]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(lines(&output).len(), 2);
    let list = service.api.get("/api/batch/scrape").await.expect(200).body;
    let batch = list["jobs"][0]["uuid"].as_str().unwrap();
    site.mend("b");
    for (arguments, word) in [
        (vec!["batch", "list"], batch),
        (vec!["batch", "status", batch], "HTTP_STATUS"),
        (vec!["batch", "retry", batch], "1 item runs"),
        (vec!["batch", "watch", batch], "It works again"),
        (vec!["credits"], "9998"),
    ] {
        let output = ask(&service, &arguments).await;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", said(&output));
        let text = String::from_utf8_lossy(&output.stdout).replace([',', '\u{a0}'], "");
        assert!(text.contains(word), "{arguments:?}: {text}");
    }
    let output = ask(&service, &["batch", "cancel", batch]).await;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("already completed"), "{}", said(&output));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_compose_leaves_empty_is_unset() {
    let (site, home) = (Site::open().await, Home::new().await);
    let (url, target) = (site.url("/ok/a"), site.address.to_string());
    let compose = concat!(env!("CARGO_MANIFEST_DIR"), "/../docker-compose.yml");
    let compose = std::fs::read_to_string(compose).unwrap();
    let left_empty: Vec<_> = compose.lines().filter_map(|line| line.trim().strip_suffix(":-}")).collect();
    let names = left_empty.iter().map(|line| line.split(':').next().unwrap());
    let mut command = home.command(None);
    let command =
        command.args(["scrape", &url, "--allow-targets", &target]).envs(names.clone().map(|name| (name, "")));
    assert!(names.len() > 10, "{names:?}");
    let output = timeout(PATIENCE, command.output()).await.expect("it does not end").unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}
