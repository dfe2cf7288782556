//! Many pages in one worker: nothing grows and nothing is left. In a process of its own, so that what is counted is
//! this worker's. `LEAFCUTTER_TEST_FULL=1` opens 2,000 pages instead of 100.

use crate::{
    site::Site,
    support::{Order, System, chromiums, folder, group, members, until},
};
use chromiumoxide::{Browser, cdp::browser_protocol::target::GetBrowserContextsParams};
use futures::{StreamExt as _, stream};
use leafcutter_dispatch::Outcome;
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const SLOTS: usize = 4;
const BATCH_ITEMS: usize = 10;
/// Batches at a time, so that every slot moves from batch to batch.
const BATCHES_AT_A_TIME: usize = 6;
/// What measuring twice may differ by, in bytes: allocators keep some of what was freed.
const SLACK_BYTES: u64 = 48 * 1024 * 1024;
/// File handles that may come and go, of connections that are being closed.
const SLACK_FILES: u64 = 64;
/// Processes that may come and go, of contexts that are being made.
const SLACK_PROCESSES: u64 = 4;
const KINDS: [&str; 4] = ["/plain", "/script", "/shadow", "/text"];
/// Set for the process that does the work.
const CHILD: &str = "LEAFCUTTER_TEST_SOAK";

/// What there is at one moment.
#[derive(Debug, Clone, Copy)]
struct Footing {
    pages: usize,
    browsers: usize,
    own_bytes: u64,
    own_files: usize,
    chromium_bytes: u64,
    chromium_files: usize,
    processes: usize,
}

impl Footing {
    fn now(system: &System, pages: usize) -> Self {
        let own = i32::try_from(std::process::id()).unwrap();
        let browsers = browsers(system);
        let chromium = members(&browsers);
        Self {
            pages,
            browsers: browsers.len(),
            own_bytes: held(own),
            own_files: files(own),
            chromium_bytes: chromium.iter().copied().map(held).sum(),
            chromium_files: chromium.iter().copied().map(files).sum(),
            processes: chromium.len(),
        }
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "the figures are for whoever runs this")]
fn thousands_of_pages_leave_nothing_and_nothing_grows() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "soak::the_soak_itself", "--nocapture"]).env(CHILD, "1");
    let output = command.stdin(Stdio::null()).output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Not a test of its own: the process of the test above. Without the variable it has nothing to do.
#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout, reason = "the figures are for whoever runs this")]
async fn the_soak_itself() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let full = std::env::var_os("LEAFCUTTER_TEST_FULL").is_some();
    let (pages, per_browser) = if full { (2_000, 800) } else { (100, 60) };
    let site = Site::start(None).await;
    let folder = folder();
    let system = System::in_folder(folder.path(), &site, |settings| {
        (settings.concurrency, settings.pages_per_browser) = (SLOTS, per_browser);
    })
    .await;
    let begun = Instant::now();
    let footings = open_pages(&system, &site, pages).await;
    println!("{pages} pages in {:?}", begun.elapsed());
    for footing in footings.iter().step_by((footings.len() / 10).max(1)).chain(footings.last()) {
        let Footing { pages, browsers, own_bytes, own_files, chromium_bytes, chromium_files, processes } =
            footing;
        println!(
            "{pages:>5} pages: service {} MiB, {own_files} files; {browsers} Chromium {} MiB, {chromium_files} files, {processes} processes",
            own_bytes >> 20,
            chromium_bytes >> 20
        );
    }
    // A hundred pages are too few to tell growth from warming up.
    if full {
        nothing_grew(&footings);
    }
    nothing_is_left(&system).await;
    let groups = browsers(&system);
    system.stop().await;
    assert_eq!(members(&groups), Vec::<i32>::new());
    until("no zombie is left", || zombies().is_empty().then_some(())).await;
}

/// Opens so many pages and measures after every batch.
async fn open_pages(system: &System, site: &Site, pages: usize) -> Vec<Footing> {
    let batch: Vec<Order> =
        (0..BATCH_ITEMS).map(|nth| Order::of(site.url(KINDS[nth % KINDS.len()]))).collect();
    let batches = stream::iter(0..pages / BATCH_ITEMS).map(|_| failures(system, &batch));
    let mut batches = batches.buffer_unordered(BATCHES_AT_A_TIME);
    let mut footings = Vec::new();
    while let Some(failures) = batches.next().await {
        assert_eq!(failures, Vec::<String>::new(), "after {} pages", footings.len() * BATCH_ITEMS);
        footings.push(Footing::now(system, (footings.len() + 1) * BATCH_ITEMS));
    }
    footings
}

/// What did not come out right in a batch, each with its place in it and how long it took.
async fn failures(system: &System, orders: &[Order]) -> Vec<String> {
    let batch = system.offer(orders).await;
    let mut failures = Vec::new();
    for (item, order) in (0..).zip(orders) {
        let report = system.report(batch, item).await;
        if !matches!(report.outcome, Outcome::Completed(_)) {
            let (url, outcome, usage) = (&order.url, report.outcome, report.usage);
            failures.push(format!("{item} {url}: {outcome:?}, {usage:?}"));
        }
    }
    failures
}

/// The most of the second half is no more than the most of the first, but for some slack. What was measured while
/// one browser handed over to the next, so that there were two, is left out.
fn nothing_grew(footings: &[Footing]) {
    let (first, second) = footings.split_at(footings.len() / 2);
    let most = |half: &[Footing], of: fn(&Footing) -> u64| {
        half.iter().filter(|footing| footing.browsers == 1).map(of).max()
    };
    let grew = |slack: u64, of: fn(&Footing) -> u64| {
        most(first, of).zip(most(second, of)).is_some_and(|(before, after)| after > before + slack)
    };
    assert!(!grew(SLACK_BYTES, |now| now.own_bytes), "the service's memory grew: {footings:#?}");
    assert!(!grew(SLACK_BYTES, |now| now.chromium_bytes), "Chromium's memory grew: {footings:#?}");
    assert!(!grew(SLACK_FILES, |now| now.own_files as u64), "the service's handles grew: {footings:#?}");
    assert!(!grew(SLACK_FILES, |now| now.chromium_files as u64), "Chromium's handles grew: {footings:#?}");
    assert!(!grew(SLACK_PROCESSES, |now| now.processes as u64), "processes grew: {footings:#?}");
}

/// One browser with its folder, no more contexts than slots, no zombie.
#[allow(clippy::print_stdout, reason = "the figures are for whoever runs this")]
async fn nothing_is_left(system: &System) {
    let one = || {
        let groups = browsers(system);
        let folders = fs::read_dir(&system.profiles).unwrap().flatten().map(|entry| entry.path());
        let folders: Vec<_> = folders.collect();
        (groups.len() == 1 && folders.len() == 1).then(|| folders[0].clone())
    };
    let profile = until("one browser in one folder", one).await;
    until("no zombie is left", || zombies().is_empty().then_some(())).await;
    let contexts = contexts(&profile).await;
    println!("{contexts} contexts");
    assert!(contexts <= SLOTS, "{contexts} contexts for {SLOTS} slots");
}

/// How many contexts the browser with this profile has, asked by a connection of our own.
async fn contexts(profile: &Path) -> usize {
    let text = fs::read_to_string(profile.join("DevToolsActivePort")).unwrap();
    let (port, path) = text.trim().split_once('\n').unwrap();
    let (browser, mut handler) = Browser::connect(format!("ws://127.0.0.1:{port}{path}")).await.unwrap();
    let handler = tokio::spawn(async move { while handler.next().await.is_some() {} });
    let answer = browser.execute(GetBrowserContextsParams {});
    let answer = tokio::time::timeout(Duration::from_secs(10), answer).await.unwrap().unwrap();
    handler.abort();
    answer.result.browser_context_ids.len()
}

/// The groups of the browsers that there are.
fn browsers(system: &System) -> Vec<i32> {
    let mut groups: Vec<i32> = chromiums(&system.profiles).into_iter().filter_map(group).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Bytes of a process that are its own.
fn held(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    ["RssAnon:", "RssShmem:", "VmSwap:"].into_iter().filter_map(kib).sum::<u64>() * 1_024
}

fn files(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Children of this process that have ended and were not reaped.
fn zombies() -> Vec<i32> {
    let own = std::process::id().to_string();
    let stats = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse::<i32>().ok()?;
        Some((pid, fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
    });
    stats
        .filter_map(|(pid, stat)| {
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            (fields.next() == Some("Z") && fields.next() == Some(own.as_str())).then_some(pid)
        })
        .collect()
}
