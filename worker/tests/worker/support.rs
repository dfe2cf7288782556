//! A worker with everything it needs: queue, desk, objects, folders. Hides construction from the tests.

use crate::site::Site;
use async_trait::async_trait;
use leafcutter_dispatch::{
    Assignment, ClaimAnswer, ClaimRequest, Cookies, DeskError, Dispatch, FailedPage, HostKey, InProcessQueue,
    LeaseToken, Offer, Outcome, Report, ReportAnswer, ScrapedPage, WorkDesk, in_process,
};
use leafcutter_domain::{BatchId, ItemIndex, Moment, ScrapeOptions};
use leafcutter_egress::Policy;
use leafcutter_object_store::Objects;
use leafcutter_worker::{Readiness, Worker, WorkerSettings};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;
use tokio::{sync::watch, time::timeout};
use uuid::Uuid;

/// No wait of a test takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a test asks of one item.
#[derive(Clone, Default)]
pub(crate) struct Order {
    pub(crate) url: String,
    pub(crate) options: ScrapeOptions,
    pub(crate) cookies: Option<&'static str>,
}

impl Order {
    pub(crate) fn of(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }
}

/// A desk that grants every known item once and keeps the reports.
#[derive(Default)]
struct Desk {
    orders: Mutex<HashMap<(BatchId, ItemIndex), Order>>,
    reports: watch::Sender<HashMap<(BatchId, ItemIndex), Report>>,
}

#[async_trait]
impl WorkDesk for Desk {
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, DeskError> {
        let Some(order) = self.orders.lock().unwrap().remove(&(request.batch, request.item)) else {
            return Ok(ClaimAnswer::Refused);
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        Ok(ClaimAnswer::Granted(Box::new(Assignment {
            batch: request.batch,
            item: request.item,
            attempt: 1,
            url: order.url,
            options: order.options,
            cookies: order.cookies.map(|header| Cookies::new(header.to_owned())),
            lease: LeaseToken([7; 32]),
            deadline: Moment::from_millis(i64::try_from(now).unwrap() + 120_000),
            object_prefix: format!("account/{}/{}/1", request.batch, request.item),
            result_bytes_max: 100_000,
        })))
    }

    async fn report(&self, report: Report) -> Result<ReportAnswer, DeskError> {
        self.reports.send_modify(|reports| drop(reports.insert((report.batch, report.item), report)));
        Ok(ReportAnswer::Recorded)
    }
}

pub(crate) struct System {
    pub(crate) worker: Worker,
    pub(crate) objects: Objects,
    pub(crate) profiles: PathBuf,
    queue: InProcessQueue,
    desk: Arc<Desk>,
    run: PathBuf,
    folder: Option<TempDir>,
}

impl System {
    /// A worker that may reach `site`, under both of its names, and nothing else on this machine.
    pub(crate) async fn start(site: &Site) -> Self {
        Self::with(site, |_| ()).await
    }

    pub(crate) async fn with(site: &Site, change: impl FnOnce(&mut WorkerSettings)) -> Self {
        let folder = folder();
        let mut system = Self::in_folder(folder.path(), site, change).await;
        system.folder = Some(folder);
        system
    }

    /// The same, in a folder that stays.
    pub(crate) async fn in_folder(
        folder: &Path,
        site: &Site,
        change: impl FnOnce(&mut WorkerSettings),
    ) -> Self {
        let targets = [
            site.address.to_string(),
            site.sibling.to_string(),
            format!("localhost:{}", site.address.port()),
        ];
        let allow = targets.map(|target| target.parse().unwrap()).to_vec();
        Self::assembled(folder, Policy::new(allow), change).await
    }

    /// A worker that may reach what `policy` says.
    pub(crate) async fn guarded(policy: Policy, change: impl FnOnce(&mut WorkerSettings)) -> Self {
        let folder = folder();
        let mut system = Self::assembled(folder.path(), policy, change).await;
        system.folder = Some(folder);
        system
    }

    async fn assembled(folder: &Path, policy: Policy, change: impl FnOnce(&mut WorkerSettings)) -> Self {
        let (profiles, run) = (folder.join("profiles"), folder.join("run"));
        std::fs::create_dir_all(&profiles).unwrap();
        let mut settings = WorkerSettings {
            concurrency: 1,
            profile_parent: profiles.clone(),
            item_limit: Duration::from_secs(30),
            ..WorkerSettings::new(&run)
        };
        change(&mut settings);
        let queue = in_process(16);
        let desk = Arc::new(Desk::default());
        let objects = Objects::local(&folder.join("objects")).unwrap();
        let source = Arc::new(queue.clone());
        let worker = Worker::start(settings, source, desk.clone(), objects.clone(), policy)
            .await
            .expect("these tests need Chromium: install the package chromium-headless-shell");
        let system = Self { worker, objects, profiles, run, queue, desk, folder: None };
        system.ready().await;
        system
    }

    /// Waits until Chromium works, with memory for pages or without.
    pub(crate) async fn ready(&self) {
        let mut ready = self.worker.ready();
        let known = timeout(PATIENCE, ready.wait_for(|now| *now != Readiness::Starting)).await;
        let known = known.expect("Chromium is not up in time").unwrap();
        assert!(matches!(*known, Readiness::Ready | Readiness::ShortOfMemory), "{known:?}");
    }

    /// Offers the orders as items of one new batch and does not wait.
    pub(crate) async fn offer(&self, orders: &[Order]) -> BatchId {
        let batch = BatchId(Uuid::new_v4());
        let items = (0..).zip(orders).map(|(item, order)| {
            self.desk.orders.lock().unwrap().insert((batch, item), order.clone());
            item
        });
        let (id, items) = (Uuid::new_v4(), items.collect());
        let host = |order: &Order| HostKey::of_text(&order.url);
        let hosts = (0..).zip(orders).filter_map(|(item, order)| Some((item, host(order)?))).collect();
        self.queue.offer(Offer { id, batch, items, hosts }).await.unwrap();
        batch
    }

    /// Every report so far, also after the worker has gone.
    pub(crate) fn reports(&self) -> watch::Receiver<HashMap<(BatchId, ItemIndex), Report>> {
        self.desk.reports.subscribe()
    }

    /// The report of an item, once it is there.
    pub(crate) async fn report(&self, batch: BatchId, item: ItemIndex) -> Report {
        let mut reports = self.desk.reports.subscribe();
        let found = timeout(PATIENCE, reports.wait_for(|reports| reports.contains_key(&(batch, item)))).await;
        found.expect("no report in time").unwrap()[&(batch, item)].clone()
    }

    /// Runs the orders as one batch, in one slot, and answers with their outcomes.
    pub(crate) async fn run(&self, orders: &[Order]) -> Vec<Outcome> {
        let batch = self.offer(orders).await;
        let mut outcomes = Vec::new();
        for (item, _) in (0..).zip(orders) {
            outcomes.push(self.report(batch, item).await.outcome);
        }
        outcomes
    }

    /// Runs one item that has to be completed; answers with what was reported and its result as text.
    pub(crate) async fn completed(&self, order: Order) -> (ScrapedPage, String) {
        match self.run(&[order]).await.remove(0) {
            Outcome::Completed(page) => {
                let text = self.objects.get(&page.result.key, 100_000).await.unwrap();
                (page, String::from_utf8(text.to_vec()).unwrap())
            }
            other => panic!("not completed: {other:?}"),
        }
    }

    /// Runs one item that has to fail.
    pub(crate) async fn failed(&self, order: Order) -> FailedPage {
        match self.run(&[order]).await.remove(0) {
            Outcome::Failed(failure) => failure,
            other => panic!("not failed: {other:?}"),
        }
    }

    /// Stops the worker and makes sure that it left nothing.
    pub(crate) async fn stop(self) {
        timeout(PATIENCE, self.worker.shutdown(Duration::from_secs(5))).await.expect("no end in time");
        assert_eq!(entries(&self.profiles), Vec::<String>::new(), "profile folders are left");
        assert_eq!(entries(&self.run), Vec::<String>::new(), "records are left");
        drop(self.folder);
    }
}

/// A folder that an unprivileged Chromium may pass through.
pub(crate) fn folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn entries(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

/// Waits, within the patience of a test, until `found` answers.
pub(crate) async fn until<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    let look = async {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        loop {
            tick.tick().await;
            if let Some(found) = found() {
                return found;
            }
        }
    };
    timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("{what}: not in time"))
}

/// Processes whose command line names this folder as their profile.
pub(crate) fn chromiums(profiles: &Path) -> Vec<i32> {
    let wanted = format!("--user-data-dir={}", profiles.display());
    let named = |pid: &i32| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&wanted))
    };
    pids().filter(named).collect()
}

/// Every process of these groups.
pub(crate) fn members(groups: &[i32]) -> Vec<i32> {
    pids().filter(|pid| group(*pid).is_some_and(|group| groups.contains(&group))).collect()
}

/// The group of a process.
pub(crate) fn group(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

fn pids() -> impl Iterator<Item = i32> {
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Of a long list every one in a full run, else every `nth`: each takes a browser some time.
pub(crate) fn some_of<T>(all: impl IntoIterator<Item = T>, nth: usize) -> Vec<T> {
    let full = std::env::var_os("LEAFCUTTER_TEST_FULL").is_some();
    all.into_iter().step_by(if full { 1 } else { nth }).collect()
}
