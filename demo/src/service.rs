//! The service as a program: started on a temporary data directory, stopped with a signal.
//!
//! **Not allowed here:** HTTP. What stays after the program is `leftovers`' business.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::leftovers;

/// How long the program may take to say where it listens.
const LISTEN_TIMEOUT_MS: u64 = 30_000;
/// How long it may take to stop: running pages are finished first.
const STOP_TIMEOUT_MS: u64 = 60_000;
/// What the program prints before its address.
const LISTENING: &str = "listening on ";
/// The only setting that the demo takes over from its own environment.
const CHROMIUM_SETTING: &str = "LEAFCUTTER_CHROMIUM";

/// A running service. Dropping it kills it with its process group; `stop` ends it properly.
pub(crate) struct Service {
    child: Child,
    group: Pid,
    address: oneshot::Receiver<String>,
    folder: TempDir,
}

impl Service {
    /// Starts the `leafcutter` that stands beside this program, allowed to visit `target` and, on
    /// loopback, nothing else.
    pub(crate) fn spawn(target: SocketAddr) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("leafcutter");
        anyhow::ensure!(program.exists(), "{} is missing: build it, or run `make demo`", program.display());
        leftovers::adopt_orphans()?;
        let folder = TempDir::with_prefix("leafcutter-demo-").context("no temporary folder")?;
        let log = File::create(log_file(&folder))?;
        let mut command = Command::new(&program);
        for (setting, _) in std::env::vars_os() {
            let name = setting.to_string_lossy();
            if name.starts_with("LEAFCUTTER_") && name != CHROMIUM_SETTING {
                command.env_remove(&setting);
            }
        }
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data_folder(&folder));
        command.args(["--allow-targets", &target.to_string()]);
        command.process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().with_context(|| format!("{} did not start", program.display()))?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let group = group.context("the service ended at once")?;
        let output = child.stdout.take().context("the service has no output")?;
        let (told, address) = oneshot::channel();
        tokio::spawn(listen_to(output, told));
        Ok(Self { child, group, address, folder })
    }

    /// Waits until the program says where it listens: `http://HOST:PORT`.
    pub(crate) async fn address(&mut self) -> Result<String> {
        let waited = timeout(Duration::from_millis(LISTEN_TIMEOUT_MS), &mut self.address).await;
        let said =
            waited.with_context(|| format!("the service did not listen after {LISTEN_TIMEOUT_MS} ms"))?;
        said.ok().context("the service ended before it listened")
    }

    /// The key of the account that the first start opened.
    pub(crate) fn api_key(&self) -> Result<String> {
        let file = data_folder(&self.folder).join("api-key");
        let key = std::fs::read_to_string(&file).with_context(|| format!("no key in {}", file.display()))?;
        Ok(key.trim().to_owned())
    }

    /// Where the program writes its log.
    pub(crate) fn log(&self) -> PathBuf {
        log_file(&self.folder)
    }

    /// Fails when the program has ended by itself.
    pub(crate) fn still_runs(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => anyhow::bail!("the service ended by itself: {status}"),
        }
    }

    /// Asks the program to stop and returns what was wrong with how it did. Nothing of it is left then.
    pub(crate) async fn stop(mut self) -> Vec<String> {
        let mut problems = self.terminate().await;
        problems.extend(leftovers::clear().await);
        let path = self.folder.path().to_owned();
        drop(self);
        if path.exists() {
            problems.push(format!("{} could not be removed", path.display()));
        }
        problems
    }

    async fn terminate(&mut self) -> Vec<String> {
        self.signal(kill_process, Signal::TERM);
        match timeout(Duration::from_millis(STOP_TIMEOUT_MS), self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Vec::new(),
            Ok(Ok(status)) => vec![format!("the service was asked to stop and ended with {status}")],
            Ok(Err(error)) => vec![format!("the end of the service could not be awaited: {error}")],
            Err(_) => {
                self.kill();
                let _ = self.child.wait().await;
                vec![format!("the service did not stop within {STOP_TIMEOUT_MS} ms")]
            }
        }
    }

    fn kill(&self) {
        self.signal(kill_process_group, Signal::KILL);
    }

    /// Sends a signal to the program or to its group, unless it was waited for: then the id may be
    /// somebody else's. It fails only when the program has ended, which its exit status then tells.
    fn signal(&self, send: fn(Pid, Signal) -> rustix::io::Result<()>, signal: Signal) {
        if self.child.id().is_some() {
            let _ = send(self.group, signal);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Passes on the address that the program prints, and reads on: a full pipe would hold the program up.
async fn listen_to(output: ChildStdout, told: oneshot::Sender<String>) {
    let mut told = Some(told);
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some((_, address)) = line.split_once(LISTENING)
            && let Some(told) = told.take()
        {
            // Nobody waits for it any more when the demo was interrupted.
            let _ = told.send(address.trim().to_owned());
        }
    }
}

fn data_folder(folder: &TempDir) -> PathBuf {
    folder.path().join("data")
}

fn log_file(folder: &TempDir) -> PathBuf {
    folder.path().join("service.log")
}
