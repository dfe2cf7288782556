//! The processes that one service has started, told by its folder on their command line and by the groups that such
//! processes lead. Reads `/proc`; ends only what it has told apart that way.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How often the system is asked whether a process is gone, in milliseconds.
const LOOK_MS: u64 = 10;

/// Watches what belongs to one folder.
pub(crate) struct Processes {
    folder: PathBuf,
    /// Groups that have been seen, so that their members are known also when the leader is gone.
    groups: Mutex<BTreeSet<i32>>,
}

impl Processes {
    pub(crate) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), groups: Mutex::default() }
    }

    /// Everything that lives now: the service, and each process of its browsers.
    pub(crate) fn all(&self) -> Vec<i32> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let living: Vec<i32> = pids().filter(|pid| is_alive(*pid)).collect();
        let named = living.iter().filter(|pid| self.names_folder(**pid));
        groups.extend(named.filter_map(|pid| group(*pid)));
        living.into_iter().filter(|pid| group(*pid).is_some_and(|group| groups.contains(&group))).collect()
    }

    /// Chromium's browser process, the one that a crash would take: it has a profile folder and is of no other kind.
    pub(crate) fn browsers(&self) -> Vec<i32> {
        let is_browser = |pid: &i32| {
            let line = command_line(*pid);
            let program = line.first().is_some_and(|program| {
                let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
                !matches!(name.as_ref(), "sh" | "setpriv" | "leafcutter")
            });
            program
                && line.iter().any(|argument| argument.starts_with("--user-data-dir="))
                && !line.iter().any(|argument| argument.starts_with("--type="))
        };
        self.all().into_iter().filter(is_browser).collect()
    }

    /// The shells that end a browser together with its service.
    pub(crate) fn guardians(&self) -> Vec<i32> {
        let is_guardian =
            |pid: &i32| command_line(*pid).get(3).is_some_and(|name| name == "leafcutter-chromium");
        self.all().into_iter().filter(is_guardian).collect()
    }

    /// The command lines of everything that lives now.
    pub(crate) fn command_lines(&self) -> Vec<String> {
        self.all().into_iter().map(|pid| command_line(pid).join(" ")).collect()
    }

    /// Waits until nothing lives; what still does after `limit` is the error.
    pub(crate) fn wait_until_gone(&self, limit: Duration) -> Result<(), Vec<String>> {
        let end = Instant::now() + limit;
        loop {
            let left = self.all();
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(left
                    .iter()
                    .map(|pid| format!("{pid}: {}", command_line(*pid).join(" ")))
                    .collect());
            }
            std::thread::sleep(Duration::from_millis(LOOK_MS));
        }
    }

    /// Ends whatever lives.
    pub(crate) fn end_all(&self) {
        for pid in self.all() {
            end(pid);
        }
    }

    fn names_folder(&self, pid: i32) -> bool {
        let folder = self.folder.to_string_lossy();
        command_line(pid).iter().any(|argument| argument.contains(folder.as_ref()))
    }
}

/// Ends one process at once, as `kill -9` does.
pub(crate) fn end(pid: i32) {
    send(pid, Signal::KILL);
}

/// Sends a signal to one process.
pub(crate) fn send(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // An error means that it has ended already.
        let _ = kill_process(pid, signal);
    }
}

/// Whether a process runs; one that has ended and waits to be reaped does not.
pub(crate) fn is_alive(pid: i32) -> bool {
    stat(pid).is_some_and(|fields| !matches!(fields.first().map(String::as_str), Some("Z" | "X") | None))
}

fn group(pid: i32) -> Option<i32> {
    stat(pid)?.get(2)?.parse().ok()
}

/// State, parent, group and so on: what follows the name in `/proc/PID/stat`.
fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn command_line(pid: i32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let arguments = bytes.split(|byte| *byte == 0).filter(|argument| !argument.is_empty());
    arguments.map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
}

fn pids() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}
