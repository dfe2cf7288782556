//! One Chromium as a group of processes: started, killed as a whole, reaped to the last one, its folder removed.
//! Nothing here speaks to Chromium; that is `launch`.

use super::command_line::{UNPRIVILEGED_ID, command};
use crate::{WorkerError, orphans::Record, proc};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process_group, pidfd_open,
    pidfd_send_signal, test_kill_process_group, waitid, waitpgid,
};
use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStderr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// How long the killed members of a group may take to disappear, in milliseconds.
const REAP_LIMIT_MS: u64 = 5_000;
/// How often the reaper looks whether they have, in milliseconds.
const REAP_LOOK_MS: u64 = 5;

/// The right to kill a group. It holds the group's number only while the leader is not reaped, so that no other
/// group can have the number.
#[derive(Debug, Clone)]
pub(crate) struct Group(Arc<Mutex<Option<Pid>>>);

impl Group {
    /// Kills every process of the group at once.
    pub(crate) fn kill(&self) {
        if let Some(group) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // An error means that nobody is left to be killed.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Kills one process, if it is of this group.
    pub(crate) fn kill_member(&self, pid: i32) {
        // Held until the signal is sent, so that the group cannot be another one meanwhile.
        let group = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(group), Some(pid)) = (*group, Pid::from_raw(pid)) else { return };
        // Looked at after it was opened, so that it is this process and not a later one with its number.
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        if proc::group(pid.as_raw_nonzero().get()) == Some(group.as_raw_nonzero().get()) {
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
    }

    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A running Chromium. Dropping it kills every process of it; `gone` tells when they are reaped.
#[derive(Debug)]
pub(crate) struct Process {
    group: Group,
    leader: Pid,
    gone: CancellationToken,
}

impl Process {
    /// Starts Chromium in a group and a profile folder of its own. The second value is what it says.
    pub(crate) fn start(
        program: &Path,
        profile_parent: &Path,
        run_folder: &Path,
    ) -> Result<(Self, ChildStderr), WorkerError> {
        let as_root = rustix::process::geteuid().is_root();
        let profile = profile(profile_parent, as_root)?;
        let mut command = command(program, profile.path(), as_root);
        command.process_group(0);
        let failed = |source| {
            let program = if as_root { "setpriv" } else { "/bin/sh" };
            WorkerError::Spawn { program: program.to_owned(), source }
        };
        let mut child = command.spawn().map_err(failed)?;
        let leader = Pid::from_child(&child);
        let group = Group(Arc::new(Mutex::new(Some(leader))));
        let gone = CancellationToken::new();
        let process = Self { group: group.clone(), leader, gone: gone.clone() };
        let stderr = child.stderr.take().ok_or_else(|| failed(std::io::Error::other("no standard error")))?;
        let record = Record::write(run_folder, leader, profile.path());
        let (record, unrecorded) = match record {
            Ok(record) => (Some(record), None),
            Err(error) => (None, Some(error)),
        };
        std::thread::Builder::new()
            .name("chromium-reaper".to_owned())
            .spawn(move || {
                reap(child, leader, &group);
                remove(profile);
                if let Some(record) = record {
                    record.remove();
                }
                gone.cancel();
            })
            .map_err(failed)?;
        // Dropping the process ends an unrecorded browser; the reaper waits for it.
        unrecorded.map_or(Ok((process, stderr)), Err)
    }

    /// The number of the group, which is that of its leader.
    pub(crate) fn leader(&self) -> Pid {
        self.leader
    }

    /// Cancelled when no process of the group is left and its folder is removed.
    pub(crate) fn gone(&self) -> &CancellationToken {
        &self.gone
    }

    /// The right to kill the group, for others.
    pub(crate) fn group(&self) -> &Group {
        &self.group
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.kill();
    }
}

fn profile(parent: &Path, as_root: bool) -> Result<TempDir, WorkerError> {
    let unusable = |source| WorkerError::Folder { folder: parent.to_owned(), source };
    let folder = tempfile::Builder::new().prefix(PROFILE_PREFIX).tempdir_in(parent).map_err(unusable)?;
    if as_root {
        std::os::unix::fs::chown(folder.path(), Some(UNPRIVILEGED_ID), Some(UNPRIVILEGED_ID))
            .map_err(unusable)?;
    }
    Ok(folder)
}

/// How every profile folder's name begins.
pub(crate) const PROFILE_PREFIX: &str = "leafcutter-chromium-";

/// Waits for the group's leader, kills the rest and waits for them.
fn reap(mut child: Child, leader: Pid, group: &Group) {
    // Without reaping: the dead leader keeps its number, so the group cannot be taken for another one.
    let unreaped = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(leader), unreaped), Err(rustix::io::Errno::INTR)) {}
    let _ = kill_process_group(leader, Signal::KILL);
    group.forget();
    if let Err(error) = child.wait() {
        tracing::warn!(%error, "Chromium's guardian could not be reaped");
    }
    // Orphans of the group become our children, because the worker is their subreaper.
    let end = Instant::now() + Duration::from_millis(REAP_LIMIT_MS);
    while test_kill_process_group(leader).is_ok() {
        while matches!(waitpgid(leader, WaitOptions::NOHANG), Ok(Some(_))) {}
        if Instant::now() > end {
            tracing::warn!(
                group = leader.as_raw_nonzero().get(),
                "processes of Chromium are still there after they were killed"
            );
            break;
        }
        std::thread::sleep(Duration::from_millis(REAP_LOOK_MS));
    }
}

fn remove(profile: TempDir) {
    let folder = profile.path().to_owned();
    if let Err(error) = profile.close() {
        tracing::warn!(%error, folder = %folder.display(), "Chromium's profile folder could not be removed; the next start tries again");
    }
}
