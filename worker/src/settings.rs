//! What an operator may set about the worker, with its defaults and bounds. Reading flags and environment
//! variables is the binary's task.

use crate::WorkerError;
use leafcutter_domain::WorkerId;
use leafcutter_egress::ProxyPools;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use uuid::Uuid;

/// Slots for each core, unless the operator says otherwise. A page mostly waits for its network.
const SLOTS_PER_CORE: usize = 4;
/// Wall-clock limit of one item, in seconds.
const ITEM_LIMIT_S: u64 = 60;
/// Pages that one browser opens before a fresh one takes over.
const PAGES_PER_BROWSER: u64 = 500;
/// Programs that are looked for, the cheapest per context first.
const PROGRAMS: [&str; 4] = ["chromium-headless-shell", "chrome-headless-shell", "chromium", "google-chrome"];

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// This life of the worker, new at every start.
    pub worker: WorkerId,
    /// Items that run at the same time, at least 1.
    pub concurrency: usize,
    /// Chromium's program; searched for on the path when not given.
    pub chromium: Option<PathBuf>,
    /// Wall-clock limit of one item, from the claim to the report.
    pub item_limit: Duration,
    /// Upstream proxies, for batches that ask for one.
    pub proxies: ProxyPools,
    /// Pages that one browser opens before a fresh one takes over, at least 1.
    pub pages_per_browser: u64,
    /// Folder in which each browser gets its profile folder. Started as root, Chromium runs as an unprivileged
    /// user, who must be able to pass through it.
    pub profile_parent: PathBuf,
    /// Folder with a record of each running browser, for the sweep at the next start. It belongs to one worker.
    pub run_folder: PathBuf,
}

impl WorkerSettings {
    /// The defaults, with the records of running browsers in `run_folder`.
    #[must_use]
    pub fn new(run_folder: impl Into<PathBuf>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            worker: WorkerId(Uuid::now_v7()),
            concurrency: cores * SLOTS_PER_CORE,
            chromium: None,
            item_limit: Duration::from_secs(ITEM_LIMIT_S),
            proxies: ProxyPools::default(),
            pages_per_browser: PAGES_PER_BROWSER,
            profile_parent: std::env::temp_dir(),
            run_folder: run_folder.into(),
        }
    }

    /// The program to start.
    ///
    /// # Errors
    /// There is none.
    pub fn program(&self) -> Result<PathBuf, WorkerError> {
        if let Some(program) = &self.chromium {
            let found = program.is_file().then(|| program.clone()).or_else(|| on_path(program));
            return found.ok_or_else(|| WorkerError::ChromiumMissing(program.display().to_string()));
        }
        let found = PROGRAMS.iter().find_map(|name| on_path(Path::new(name)));
        found.ok_or_else(|| WorkerError::ChromiumMissing("any place of the search path".to_owned()))
    }
}

fn on_path(program: &Path) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_what_to_do() {
        let settings = WorkerSettings {
            chromium: Some(PathBuf::from("/nowhere/chromium")),
            ..WorkerSettings::new("/tmp")
        };
        let message = settings.program().unwrap_err().to_string();
        assert!(
            message.contains("/nowhere/chromium") && message.contains("LEAFCUTTER_CHROMIUM"),
            "{message}"
        );
    }
}
