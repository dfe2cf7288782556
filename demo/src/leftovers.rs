//! Whether anything that the service started outlived it.
//!
//! **Not allowed here:** trusting process groups. A browser may have its own; but every orphan comes to
//! the nearest ancestor that asked for it, and that is this program.

use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};
use tokio::time::{Instant, sleep};

/// How long the service's processes may take to disappear once it has ended.
const GONE_TIMEOUT_MS: u64 = 2_000;
const POLL_PAUSE_MS: u64 = 20;

/// From now on orphans of what this program starts become its own children.
pub(crate) fn adopt_orphans() -> Result<()> {
    set_child_subreaper(Some(getpid())).context("the system does not hand orphans over")
}

/// Waits until no child is left, kills those that stay and names them. Only for when every child of this
/// program's own was waited for.
pub(crate) async fn clear() -> Vec<String> {
    let left = wait_until_gone().await;
    let mut problems = Vec::new();
    for child in &left {
        problems.push(format!(
            "the process {} ({}) outlived the service",
            child.name,
            child.pid.as_raw_nonzero()
        ));
    }
    // Killing a process hands its own children over, so one round may not be enough.
    let deadline = Instant::now() + Duration::from_millis(GONE_TIMEOUT_MS);
    while !reap_and_list().is_empty() && Instant::now() < deadline {
        for child in reap_and_list() {
            let _ = kill_process(child.pid, Signal::KILL);
        }
        sleep(Duration::from_millis(POLL_PAUSE_MS)).await;
    }
    problems
}

#[derive(Debug)]
struct LeftBehind {
    pid: Pid,
    name: String,
}

async fn wait_until_gone() -> Vec<LeftBehind> {
    let deadline = Instant::now() + Duration::from_millis(GONE_TIMEOUT_MS);
    loop {
        let left = reap_and_list();
        if left.is_empty() || Instant::now() >= deadline {
            return left;
        }
        sleep(Duration::from_millis(POLL_PAUSE_MS)).await;
    }
}

/// Takes the exit status of every ended child and lists the living.
fn reap_and_list() -> Vec<LeftBehind> {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let stats =
        processes.flatten().filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    stats.filter_map(|stat| child_of(getpid(), &stat)).collect()
}

/// Reads `PID (NAME) STATE PARENT …`; the name may hold anything, even brackets and spaces.
fn child_of(parent: Pid, stat: &str) -> Option<LeftBehind> {
    let (before, after) = stat.rsplit_once(')')?;
    let (pid, name) = before.split_once(" (")?;
    let its_parent: i32 = after.split_whitespace().nth(1)?.parse().ok()?;
    let pid = Pid::from_raw(pid.parse().ok()?)?;
    (Pid::from_raw(its_parent) == Some(parent)).then(|| LeftBehind { pid, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_told_by_its_parent_whatever_its_name() {
        let parent = Pid::from_raw(7).unwrap();
        let child = child_of(parent, "12 (a (b) c) S 7 7 7 0").unwrap();
        assert_eq!((child.pid.as_raw_nonzero().get(), child.name.as_str()), (12, "a (b) c"));
        assert!(child_of(parent, "12 (sh) S 8 7 7 0").is_none());
        assert!(child_of(parent, "").is_none());
    }

    #[test]
    fn a_running_child_of_this_program_is_listed() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        assert_eq!(child_of(getpid(), &stat).map(|one| one.pid), Some(pid));
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}
