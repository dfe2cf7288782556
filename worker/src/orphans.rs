//! Browsers that outlived their worker: recorded while they run, swept at the next start. The guardian of each
//! browser makes this the second line, for the case that it was killed together with the service.

use crate::{
    WorkerError,
    browser::PROFILE_PREFIX,
    proc::{members, stat},
};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Records that one sweep reads.
const RECORDS_MAX: usize = 1_000;
const RECORD_SUFFIX: &str = ".chromium.json";

/// What must be known to find a browser again and not take another process for it.
#[derive(Debug, Serialize, Deserialize)]
struct Trace {
    /// The leader of the group.
    pid: i32,
    /// Clock ticks from the boot to its start: field 22 of `/proc/PID/stat`.
    start: u64,
    /// The boot that the ticks count from.
    boot: String,
    /// Its profile folder, named on its command line.
    profile: PathBuf,
}

/// The record of a running browser.
#[derive(Debug)]
pub(crate) struct Record(PathBuf);

impl Record {
    /// Writes down a browser that has just been started.
    pub(crate) fn write(run_folder: &Path, leader: Pid, profile: &Path) -> Result<Self, WorkerError> {
        let pid = leader.as_raw_nonzero().get();
        let trace = Trace { pid, start: start(pid).unwrap_or(0), boot: boot(), profile: profile.to_owned() };
        let file = run_folder.join(format!("{pid}{RECORD_SUFFIX}"));
        let unusable = |source| WorkerError::Folder { folder: run_folder.to_owned(), source };
        let text = serde_json::to_vec(&trace).map_err(|error| unusable(io::Error::other(error)))?;
        fs::write(&file, text).map_err(unusable)?;
        Ok(Self(file))
    }

    /// The browser is gone and its folder removed.
    pub(crate) fn remove(self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(%error, file = %self.0.display(), "the record of a browser could not be removed");
        }
    }
}

/// Ends every browser that a former worker with this run folder left behind, and removes its profile folder.
///
/// # Errors
/// The run folder cannot be made or read.
pub(crate) fn sweep(run_folder: &Path) -> Result<(), WorkerError> {
    let unusable = |source| WorkerError::Folder { folder: run_folder.to_owned(), source };
    fs::create_dir_all(run_folder).map_err(unusable)?;
    for entry in fs::read_dir(run_folder).map_err(unusable)?.flatten().take(RECORDS_MAX) {
        let file = entry.path();
        if !file.to_string_lossy().ends_with(RECORD_SUFFIX) {
            continue;
        }
        if let Some(trace) = fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Trace>(&text).ok())
        {
            end(&trace);
        }
        let _ = fs::remove_file(&file);
    }
    Ok(())
}

fn end(trace: &Trace) {
    let same_boot = trace.boot == boot();
    let leader_lives = same_boot && trace.start != 0 && start(trace.pid) == Some(trace.start);
    if leader_lives || (same_boot && member_names(trace.pid, &trace.profile)) {
        tracing::warn!(pid = trace.pid, "ending a Chromium that a former run left behind");
        if let Some(group) = Pid::from_raw(trace.pid) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
    let ours =
        trace.profile.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PROFILE_PREFIX));
    if ours
        && let Err(error) = fs::remove_dir_all(&trace.profile)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, folder = %trace.profile.display(), "a left profile folder could not be removed");
    }
}

/// Whether a process of this group names this profile folder on its command line.
fn member_names(group: i32, profile: &Path) -> bool {
    let wanted = format!("--user-data-dir={}", profile.display());
    members(group).any(|pid| {
        fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).any(|argument| argument == wanted.as_bytes()))
    })
}

fn start(pid: i32) -> Option<u64> {
    // Field 22 of the whole line; the name was field 2.
    stat(pid)?.get(19)?.parse().ok()
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::process::CommandExt, process::Command};

    fn sleeper() -> std::process::Child {
        Command::new("sleep").arg("600").process_group(0).spawn().unwrap()
    }

    fn record(run: &Path, trace: &Trace) -> PathBuf {
        let file = run.join(format!("{}{RECORD_SUFFIX}", trace.pid));
        fs::write(&file, serde_json::to_vec(trace).unwrap()).unwrap();
        file
    }

    #[test]
    fn a_recorded_group_is_ended_and_its_folder_removed() {
        let run = tempfile::tempdir().unwrap();
        let profile = run.path().join(format!("{PROFILE_PREFIX}x"));
        fs::create_dir(&profile).unwrap();
        let mut left = sleeper();
        let pid = i32::try_from(left.id()).unwrap();
        let trace = Trace { pid, start: start(pid).unwrap(), boot: boot(), profile: profile.clone() };
        let file = record(run.path(), &trace);
        sweep(run.path()).unwrap();
        assert!(!left.wait().unwrap().success());
        assert!(!profile.exists() && !file.exists());
    }

    #[test]
    fn another_process_with_the_same_number_is_left_alone() {
        let run = tempfile::tempdir().unwrap();
        let mut other = sleeper();
        let pid = i32::try_from(other.id()).unwrap();
        let precious = run.path().join("precious");
        fs::create_dir(&precious).unwrap();
        let trace = Trace { pid, start: start(pid).unwrap() + 1, boot: boot(), profile: precious.clone() };
        record(run.path(), &trace);
        sweep(run.path()).unwrap();
        assert!(other.try_wait().unwrap().is_none());
        assert!(precious.exists());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
