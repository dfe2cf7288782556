//! Known vulnerabilities of what enters the build, as far as this machine can look them up.
//!
//! **Not allowed here:** failing because a tool or the network is missing: that is said in one line.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs `cargo deny` where it is installed and can fetch the advisory database.
pub(super) fn problems(root: &Path) -> Vec<String> {
    let quietly = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(arguments).current_dir(root).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !quietly(&["deny", "--version"]) {
        println!("advisories were not checked: `cargo deny` is not installed");
        return Vec::new();
    }
    if !quietly(&["deny", "fetch", "db"]) {
        println!("advisories were not checked: the advisory database can't be reached");
        return Vec::new();
    }
    // What it found is printed by cargo-deny itself, at length.
    let checked = Command::new("cargo")
        .args(["deny", "check", "--disable-fetch", "advisories"])
        .current_dir(root)
        .status();
    if checked.is_ok_and(|status| status.success()) {
        return Vec::new();
    }
    vec!["`cargo deny check advisories` found what is written above".to_owned()]
}
