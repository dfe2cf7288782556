//! The stand-in seen from outside: the official Python client judges it, in `tests/python/kurrentdb_client.py`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use leafcutter_eventstoredb_stand_in::StandIn;
use std::{path::PathBuf, time::Duration};
use tokio::{process::Command, time::timeout};

/// How long the script may take.
const SCRIPT_LIMIT: Duration = Duration::from_secs(120);
/// Where the scripts are.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../python");

#[tokio::test]
async fn the_official_python_client_finds_nothing_amiss() {
    let python =
        std::env::var_os("LEAFCUTTER_TEST_PYTHON").map(PathBuf::from).filter(|python| python.is_file());
    let python = python.expect(
        "LEAFCUTTER_TEST_PYTHON must name a Python with the packages of tests/python/requirements.txt: \
         run `make test`, which sets it up",
    );
    let server = StandIn::start().await.unwrap();
    let mut command = Command::new(python);
    command.kill_on_drop(true).current_dir(SCRIPTS).env("PYTHONDONTWRITEBYTECODE", "1");
    for proxy in ["http_proxy", "https_proxy", "all_proxy", "grpc_proxy"] {
        // The server is on loopback, where a proxy of the environment does not lead.
        command.env_remove(proxy).env_remove(proxy.to_uppercase());
    }
    command.arg("kurrentdb_client.py").args(["--server", &server.connection_string()]);
    let output = timeout(SCRIPT_LIMIT, command.output()).await.expect("the script ends in time").unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let words = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n{words}", output.status);
    server.kill().await;
}
