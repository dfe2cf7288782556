//! The test binary as its own child: the process that is killed, or that fills its disk. Not here: expectations.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Names the folder of the log for a child; without it the child's test has nothing to do.
const FOLDER: &str = "LEAFCUTTER_TEST_CHILD_FOLDER";
/// Begins each line that a child says, to tell it from what the test runner prints.
const MARK: &str = "child: ";

/// The folder that this process was told to work in, if it is a child.
pub(crate) fn folder() -> Option<std::path::PathBuf> {
    std::env::var_os(FOLDER).map(Into::into)
}

/// Says a line to the parent.
#[allow(clippy::print_stdout, reason = "the pipe to the parent is the standard output")]
pub(crate) fn say(line: &str) {
    println!("\n{MARK}{line}");
}

/// What a line of a child's output says, if it says anything.
pub(crate) fn said(line: &str) -> Option<&str> {
    line.strip_prefix(MARK)
}

/// This binary, about to run one test as a child in `folder`. `shell`, if any, is run by `sh` before it.
pub(crate) fn command(test: &str, folder: &Path, shell: &str) -> Command {
    let binary = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{shell}\nexec \"$0\" \"$@\"")]).arg(binary);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}
