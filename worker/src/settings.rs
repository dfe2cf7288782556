//! What an operator may set about the worker, with its defaults and bounds. Reading flags and environment
//! variables is the binary's task.

use crate::{WorkerError, memory};
use leafcutter_challenge::SolverSettings;
use leafcutter_domain::WorkerId;
use leafcutter_egress::ProxyPools;
use leafcutter_model::ModelSettings;
use leafcutter_politeness::GateSettings;
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
/// How long a browser is used, in seconds. Busy ones reach their pages first; this is for the others, so that what a
/// browser keeps for itself (fragments of memory, remembered servers) is never older than this.
const BROWSER_AGE_S: u64 = 3_600;
/// Memory of one page's process, in MiB: several times that of a heavy page, a fraction of a small machine.
const PAGE_MEMORY_MIB: u64 = 1_024;
/// Memory of a browser without pages, twice, in MiB.
const BROWSER_MEMORY_BASE_MIB: u64 = 512;
/// Memory that a browser may have besides for each slot, in MiB: pages of real sites take 100 to 300.
const BROWSER_MEMORY_SLOT_MIB: u64 = 256;
/// A browser may have one part in so many of all memory: its successor comes up while it drains.
const BROWSER_MEMORY_PART: u64 = 2;
/// Memory that has to be left before a page is begun, in MiB: what an ordinary page takes.
const MEMORY_RESERVE_MIB: u64 = 256;
/// How long a browser that was taken out of service may go on, in seconds: two items of the usual limit.
const DRAIN_S: u64 = 120;
/// Bytes of a MiB.
const MIB: u64 = 1_024 * 1_024;
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
    /// How hosts are spared. By default only where they ask for it themselves: a batch mostly is of one site, whose
    /// owner or guest the operator is, and the number of slots bounds it already.
    pub politeness: GateSettings,
    /// Wall-clock limit of one item, from the claim to the report.
    pub item_limit: Duration,
    /// Upstream proxies, for batches that ask for one.
    pub proxies: ProxyPools,
    /// The language model that reads pages for JSON; without one, rules do.
    pub model: Option<ModelSettings>,
    /// Service that solves CAPTCHAs; without one they end the item.
    pub solver: Option<SolverSettings>,
    /// Whether every page is painted at every change, and not only when it needs it.
    pub always_paint: bool,
    /// Pages that one browser opens before a fresh one takes over, at least 1.
    pub pages_per_browser: u64,
    /// How long a browser that has opened pages is used before a fresh one takes over.
    pub browser_age: Duration,
    /// Bytes of memory, of all processes of a browser together, at which a fresh one takes over. At twice as many
    /// it is killed.
    pub browser_memory_bytes: u64,
    /// Bytes of memory at which the process of a page is killed, which fails the item.
    pub page_memory_bytes: u64,
    /// Bytes of memory that the machine or container must have left before a page is begun; 0: is not asked.
    pub memory_reserve_bytes: u64,
    /// How long running items of a browser that was taken out of service may go on before they are put back.
    pub drain_limit: Duration,
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
        let concurrency = cores * SLOTS_PER_CORE;
        Self {
            worker: WorkerId(Uuid::now_v7()),
            concurrency,
            chromium: None,
            politeness: GateSettings::default(),
            item_limit: Duration::from_secs(ITEM_LIMIT_S),
            proxies: ProxyPools::default(),
            model: None,
            solver: None,
            always_paint: false,
            pages_per_browser: PAGES_PER_BROWSER,
            browser_age: Duration::from_secs(BROWSER_AGE_S),
            browser_memory_bytes: Self::browser_memory(concurrency),
            page_memory_bytes: PAGE_MEMORY_MIB * MIB,
            memory_reserve_bytes: MEMORY_RESERVE_MIB * MIB,
            drain_limit: Duration::from_secs(DRAIN_S),
            profile_parent: std::env::temp_dir(),
            run_folder: run_folder.into(),
        }
    }

    /// What a browser with so many slots may hold, in bytes, on this machine.
    #[must_use]
    pub fn browser_memory(concurrency: usize) -> u64 {
        let slots = u64::try_from(concurrency).unwrap_or(u64::MAX);
        let wanted = slots.saturating_mul(BROWSER_MEMORY_SLOT_MIB).saturating_add(BROWSER_MEMORY_BASE_MIB);
        let there = memory::room().map_or(u64::MAX, |room| room.total);
        wanted.saturating_mul(MIB).min(there / BROWSER_MEMORY_PART)
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
