//! Settings of the worker's browsers: how many pages, how long, how much memory. What they do is the worker's.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub(crate) struct ChromiumArgs {
    /// Pages opened at the same time [default: 4 for each core].
    #[arg(long, env = "LEAFCUTTER_CONCURRENCY", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: Option<u16>,

    /// Pages of one host opened at the same time, by each worker; 0: as many as it opens at all.
    #[arg(long, env = "LEAFCUTTER_HOST_CONCURRENCY", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024))]
    pub(crate) host_concurrency: u16,

    /// Milliseconds from the start of one page of a host to the start of the next, in each worker.
    #[arg(long, env = "LEAFCUTTER_HOST_DELAY_MS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=60_000))]
    pub(crate) host_delay_ms: u32,

    /// Chromium's program [default: searched for on the path].
    #[arg(long, env = "LEAFCUTTER_CHROMIUM")]
    pub(crate) chromium: Option<PathBuf>,

    /// Paints every page at every change. Without it a page is painted when it asks for frames, takes long to load, or
    /// is pictured, which takes a third less of the processor.
    #[arg(long, env = "LEAFCUTTER_ALWAYS_PAINT", default_value_t = false)]
    pub(crate) always_paint: bool,

    /// Pages that one Chromium opens before a fresh one takes over.
    #[arg(long, env = "LEAFCUTTER_PAGES_PER_BROWSER", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) pages_per_browser: u64,

    /// Seconds that one Chromium is used before a fresh one takes over.
    #[arg(long, env = "LEAFCUTTER_BROWSER_AGE", default_value_t = 3_600, value_parser = clap::value_parser!(u32).range(60..=604_800))]
    pub(crate) browser_age: u32,

    /// MiB that all processes of one Chromium hold when a fresh one takes over; at twice as many it is killed
    /// [default: 512 and 256 for each page at a time, at most half of the memory].
    #[arg(long, env = "LEAFCUTTER_BROWSER_MEMORY_MB", value_parser = clap::value_parser!(u64).range(256..=1_048_576))]
    pub(crate) browser_memory_mb: Option<u64>,

    /// MiB that the process of one page may hold; then it is killed and its item fails.
    #[arg(long, env = "LEAFCUTTER_PAGE_MEMORY_MB", default_value_t = 1_024, value_parser = clap::value_parser!(u64).range(64..=1_048_576))]
    pub(crate) page_memory_mb: u64,

    /// MiB that the machine or container must have left before a page is begun; 0: is not asked.
    #[arg(long, env = "LEAFCUTTER_MEMORY_RESERVE_MB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(..=1_048_576))]
    pub(crate) memory_reserve_mb: u64,

    /// Seconds that running pages get to finish when the service is stopped.
    #[arg(long, env = "LEAFCUTTER_STOP_TIMEOUT", default_value_t = 30, value_parser = clap::value_parser!(u16).range(..=600))]
    pub(crate) stop_timeout: u16,
}
