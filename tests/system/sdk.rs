//! The vendors' own clients against the service, as scripts of `tests/python`: they make the calls and judge the
//! answers; here a service is started for them and their words are shown when they fail.

use crate::harness::{ADMIN_TOKEN, Api, Home, Options, Service};
use std::{path::PathBuf, process::Output, time::Duration};
use tokio::{process::Command, time::timeout};

/// How long one script may take.
const SCRIPT_LIMIT: Duration = Duration::from_secs(240);
/// Where the scripts are.
pub(crate) const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/python");

/// The Python that has the clients, to be told what to run.
pub(crate) fn python() -> Command {
    let python =
        std::env::var_os("LEAFCUTTER_TEST_PYTHON").map(PathBuf::from).filter(|python| python.is_file());
    let python = python.expect(
        "LEAFCUTTER_TEST_PYTHON must name a Python with the packages of tests/python/requirements.txt: \
         run `make test`, which sets it up",
    );
    let mut command = Command::new(python);
    command
        .kill_on_drop(true)
        .current_dir(SCRIPTS)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUTF8", "1");
    for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        // The service is on loopback, where a proxy of the environment does not lead.
        command.env_remove(proxy);
    }
    for vendor in ["SPIDRA_API_KEY", "ANCHORBROWSER_API_KEY", "ANCHORBROWSER_BASE_URL"] {
        command.env_remove(vendor);
    }
    command
}

/// Runs a script against what this client calls and fails the test, with all that it said, unless every check holds.
pub(crate) async fn run(script: &str, api: &Api, flags: &[&str]) {
    let mut command = python();
    command.arg(script).args(["--service", api.base(), "--api-key", api.key()]);
    command.args(["--admin-token", ADMIN_TOKEN]).args(flags);
    let output = timeout(SCRIPT_LIMIT, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{script}: not within {SCRIPT_LIMIT:?}")).unwrap();
    assert!(output.status.success(), "{script}: {}\n{}", output.status, words(&output));
}

/// All that a program said.
pub(crate) fn words(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The scripts have a site of their own, on whichever port is free.
fn options() -> Options {
    Options::default().env("LEAFCUTTER_ALLOW_TARGETS", "127.0.0.1:*")
}

#[tokio::test]
async fn the_official_spidra_client_needs_nothing_but_another_base_url() {
    let service = Service::start(&options()).await;
    run("spidra_flow.py", &service.api, &[]).await;
    service.stop().await;
}

#[tokio::test]
async fn the_official_spidra_client_meets_no_stale_answer_while_the_projector_stands_still() {
    let options = options().env("LEAFCUTTER_PROJECTOR_PAUSED", "true");
    // Not ready, for its read models never catch up, but it serves.
    let service =
        Home::new().await.launch(&options).await.unwrap_or_else(|home| panic!("no start:\n{}", home.log()));
    run("spidra_flow.py", &service.api, &["--projector-paused"]).await;
    service.stop().await;
}

#[tokio::test]
async fn the_official_anchorbrowser_client_lists_gets_and_retries_scrape_batches() {
    let service = Service::start(&options()).await;
    run("anchor_flow.py", &service.api, &[]).await;
    service.stop().await;
}
