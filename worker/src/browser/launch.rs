//! From a started Chromium to one that has shown that it works: connected, a page opened, its sandbox seen on.

use super::{
    process::{Group, Process},
    sandbox,
    watchdog::{self, Bounds},
};
use crate::{WorkerError, WorkerSettings, memory::Memory};
use chromiumoxide::{
    Page,
    cdp::{
        browser_protocol::target::{CloseTargetParams, CreateTargetParams, EventTargetCreated},
        js_protocol::runtime::EvaluateParams,
    },
    handler::HandlerConfig,
};
use futures::StreamExt as _;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines},
    process::ChildStderr,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// From the start of the process to the opened page, in milliseconds.
const LAUNCH_LIMIT_MS: u64 = 20_000;
/// The longest wait for the answer to one command, in milliseconds.
const COMMAND_LIMIT_MS: u64 = 30_000;
/// Lines of Chromium's own words that are kept for the error when it does not come up.
const SAID_LINES_MAX: usize = 20;
/// Length of one such line.
const SAID_LINE_BYTES_MAX: u64 = 1_000;
/// How often the sandbox is looked at before it counts as off.
const SANDBOX_LOOKS_MAX: usize = 10;
/// Wait between two looks, in milliseconds.
const SANDBOX_LOOK_AGAIN_MS: u64 = 100;
const ADDRESS_LINE: &str = "DevTools listening on ";

/// A Chromium that works. Its last owner ends it by dropping it.
pub(crate) struct Browser {
    control: chromiumoxide::Browser,
    process: Process,
    lost: CancellationToken,
    retired: CancellationToken,
    always_paints: bool,
    drained: CancellationToken,
    pages: AtomicU64,
    pages_max: u64,
    /// Pages that were ended because of the memory that they held.
    killed_pages: AtomicU64,
}

impl Browser {
    /// Starts Chromium and makes sure that it opens pages, in its sandbox.
    pub(crate) async fn launch(
        settings: &WorkerSettings,
        memory: &Memory,
        tasks: &TaskTracker,
    ) -> Result<Arc<Self>, WorkerError> {
        let program = settings.program()?;
        let mut said = Vec::new();
        let limit = Duration::from_millis(LAUNCH_LIMIT_MS);
        match timeout(limit, Self::start(&program, settings, tasks, &mut said)).await {
            Ok(outcome) => {
                let browser = outcome?;
                let watch = watchdog::watch(Arc::downgrade(&browser), Bounds::of(settings), memory.clone());
                tasks.spawn(browser.process.gone().clone().run_until_cancelled_owned(watch));
                Ok(browser)
            }
            Err(_) => Err(WorkerError::Launch(words(&said))),
        }
    }

    async fn start(
        program: &Path,
        settings: &WorkerSettings,
        tasks: &TaskTracker,
        said: &mut Vec<String>,
    ) -> Result<Arc<Self>, WorkerError> {
        let (process, stderr) = Process::start(program, &settings.profile_parent, &settings.run_folder)?;
        // Shutdown waits for this task, hence for the last process and the folder.
        let gone = process.gone().clone();
        tasks.spawn(gone.clone().cancelled_owned());
        let stderr =
            ChildStderr::from_std(stderr).map_err(|_| WorkerError::Launch("no standard error".to_owned()))?;
        let (address, rest) = address(stderr, said).await.ok_or_else(|| WorkerError::Launch(words(said)))?;
        tasks.spawn(gone.clone().run_until_cancelled_owned(drain(rest)));
        let config = HandlerConfig {
            ignore_https_errors: false,
            viewport: None,
            request_timeout: Duration::from_millis(COMMAND_LIMIT_MS),
            ..HandlerConfig::default()
        };
        let (control, handler) = chromiumoxide::Browser::connect_with_config(address, config).await?;
        let lost = CancellationToken::new();
        tasks.spawn(gone.clone().run_until_cancelled_owned(drive(
            handler,
            process.group().clone(),
            lost.clone(),
        )));
        let browser = Arc::new(Self {
            control,
            process,
            lost,
            retired: CancellationToken::new(),
            always_paints: settings.always_paint,
            drained: CancellationToken::new(),
            pages: AtomicU64::new(0),
            pages_max: settings.pages_per_browser.max(1),
            killed_pages: AtomicU64::new(0),
        });
        browser.prove().await?;
        browser.close_windows_of_pages(tasks).await?;
        Ok(browser)
    }

    /// Opens a page and looks at the process that holds it.
    async fn prove(&self) -> Result<(), WorkerError> {
        let page = self.control.new_page(CreateTargetParams::new("about:blank")).await?;
        page.execute(EvaluateParams::new("1")).await?;
        let group = self.process.leader();
        let look = || tokio::task::spawn_blocking(move || sandbox::fault(group));
        let mut fault = look().await;
        // A renderer that Chromium is only just preparing has no filter yet.
        for _ in 1..SANDBOX_LOOKS_MAX {
            if matches!(fault, Ok(None)) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(SANDBOX_LOOK_AGAIN_MS)).await;
            fault = look().await;
        }
        close(page).await;
        match fault {
            Ok(None) => Ok(()),
            Ok(Some(fault)) => Err(WorkerError::NoSandbox(fault)),
            Err(_) => Err(WorkerError::NoSandbox("it could not be looked at".to_owned())),
        }
    }

    /// Closes every window that a page opens: a page has one tab, its item's.
    async fn close_windows_of_pages(self: &Arc<Self>, tasks: &TaskTracker) -> Result<(), WorkerError> {
        let mut created = self.control.event_listener::<EventTargetCreated>().await?;
        let browser = Arc::downgrade(self);
        tasks.spawn(self.process.gone().clone().run_until_cancelled_owned(async move {
            while let Some(event) = created.next().await {
                let info = &event.target_info;
                let Some(browser) = browser.upgrade() else { return };
                if info.opener_id.is_some() && info.r#type == "page" {
                    let _ = browser.control.execute(CloseTargetParams::new(info.target_id.clone())).await;
                }
            }
        }));
        Ok(())
    }

    /// The connection, for commands.
    pub(crate) fn control(&self) -> &chromiumoxide::Browser {
        &self.control
    }

    /// Whether every page is painted at every change.
    pub(super) fn always_paints(&self) -> bool {
        self.always_paints
    }

    /// Cancelled when Chromium has ended, whoever ended it, or can no longer be told anything.
    pub(crate) fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Cancelled when no new item should come here.
    pub(crate) fn retired(&self) -> &CancellationToken {
        &self.retired
    }

    /// Counts a page; the last one that this browser should open retires it.
    pub(crate) fn count_page(&self) {
        if self.pages.fetch_add(1, Ordering::Relaxed) + 1 >= self.pages_max {
            self.retired.cancel();
        }
    }

    /// Pages that were opened.
    pub(super) fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed)
    }

    /// The group that all its processes are in.
    pub(super) fn group_number(&self) -> i32 {
        self.process.leader().as_raw_nonzero().get()
    }

    /// Ends the process of a page, because of the memory that it holds.
    pub(super) fn kill_page(&self, pid: i32) {
        self.killed_pages.fetch_add(1, Ordering::Relaxed);
        self.process.group().kill_member(pid);
    }

    /// How many pages were ended so.
    pub(super) fn killed_pages(&self) -> u64 {
        self.killed_pages.load(Ordering::Relaxed)
    }

    /// Whether Chromium was ended because its last items took too long to leave it. They are not to blame.
    pub(crate) fn drained(&self) -> bool {
        self.drained.is_cancelled()
    }

    /// Ends a retired Chromium that is still in use.
    pub(super) fn end_drain(&self) {
        self.drained.cancel();
        self.abandon();
    }

    /// Ends Chromium at once, because it no longer does what it is told.
    pub(crate) fn abandon(&self) {
        self.lost.cancel();
        self.process.group().kill();
    }
}

/// Keeps the connection going. However it ends, a browser that cannot be told anything must not linger.
async fn drive(mut handler: chromiumoxide::Handler, group: Group, lost: CancellationToken) {
    let _end = LostAtEnd(group, lost);
    while let Some(Ok(())) = handler.next().await {}
}

struct LostAtEnd(Group, CancellationToken);

impl Drop for LostAtEnd {
    fn drop(&mut self) {
        self.1.cancel();
        self.0.kill();
    }
}

async fn close(page: Page) {
    if let Err(error) = page.close().await {
        tracing::debug!(error = %WorkerError::from(error), "the page of the start could not be closed");
    }
}

type StderrLines = Lines<BufReader<tokio::io::Take<ChildStderr>>>;

/// Reads until Chromium names the address of its control connection; `None` when it ends without.
async fn address(stderr: ChildStderr, said: &mut Vec<String>) -> Option<(String, StderrLines)> {
    let mut lines = BufReader::new(stderr.take(SAID_LINE_BYTES_MAX * 1_000)).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(address) = line.strip_prefix(ADDRESS_LINE) {
            let address = address.trim().to_owned();
            return Some((address, lines));
        }
        if said.len() < SAID_LINES_MAX {
            said.push(line);
        }
    }
    None
}

/// Reads on, so that Chromium never waits for a reader. What it says may be about pages and is not kept.
async fn drain(lines: StderrLines) {
    let mut stderr = lines.into_inner().into_inner().into_inner();
    let mut nobody = tokio::io::sink();
    let _ = tokio::io::copy(&mut stderr, &mut nobody).await;
}

fn words(said: &[String]) -> String {
    if said.is_empty() { "nothing".to_owned() } else { said.join(" | ") }
}
