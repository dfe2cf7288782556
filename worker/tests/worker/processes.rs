//! What is left when the worker stops or is killed: nothing.

use crate::{
    site::Site,
    support::{Order, System, chromiums, folder, group, members, until},
};
use leafcutter_dispatch::Outcome;
use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_leaves_no_process_and_no_folder() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    system.completed(Order::of(site.url("/plain"))).await;
    let profiles = system.profiles.clone();
    let groups: Vec<i32> = chromiums(&profiles).into_iter().filter_map(group).collect();
    assert!(!groups.is_empty());
    system.stop().await;
    assert_eq!(members(&groups), Vec::<i32>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_still_runs_after_the_grace_is_put_back() {
    let site = Site::start(None).await;
    let system = System::start(&site).await;
    let batch = system.offer(&[Order::of(site.url("/gate/never")), Order::of(site.url("/plain"))]).await;
    until("the page is asked for", || (site.count("/gate/never") > 0).then_some(())).await;
    assert_eq!(system.worker.running(), 1);
    let reports = system.reports();
    timeout(Duration::from_secs(30), system.worker.shutdown(Duration::from_millis(100))).await.unwrap();
    let reports = reports.borrow();
    assert!(matches!(reports[&(batch, 0)].outcome, Outcome::PutBack));
    assert!(!reports.contains_key(&(batch, 1)), "an item was begun after the stop");
}

/// Folder of the worker that [`a_worker_for_killing`] is, when this program was started for that.
const FOLDER: &str = "LEAFCUTTER_TEST_WORKER_FOLDER";

/// Not a test of its own: the process that the next test kills. Without the variable it has nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_for_killing() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let site = Site::start(None).await;
    let system = System::in_folder(Path::new(&folder), &site, |_| ()).await;
    std::fs::write(Path::new(&folder).join("ready"), "").unwrap();
    std::future::pending::<()>().await;
    drop(system);
}

fn parent(folder: &Path) -> Parent {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "processes::a_worker_for_killing"]).env(FOLDER, folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Parent(command.spawn().unwrap())
}

/// Is killed with the test, also when it fails.
struct Parent(Child);

impl Parent {
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_parent_takes_chromium_with_it_and_its_folder_is_swept() {
    let folder = folder();
    let (profiles, ready) = (folder.path().join("profiles"), folder.path().join("ready"));
    let first = parent(folder.path());
    until("the worker is ready", || ready.exists().then_some(())).await;
    let groups: Vec<i32> = chromiums(&profiles).into_iter().filter_map(group).collect();
    assert!(!groups.is_empty());
    first.kill();
    until("Chromium is gone", || members(&groups).into_iter().all(is_dead).then_some(())).await;
    std::fs::remove_file(&ready).unwrap();
    let left = std::fs::read_dir(&profiles).unwrap().flatten().map(|entry| entry.path()).next().unwrap();
    let second = parent(folder.path());
    until("the worker is ready again", || ready.exists().then_some(())).await;
    assert!(!left.exists(), "the folder of the killed run was not swept");
    second.kill();
    until("nothing is left", || chromiums(&profiles).is_empty().then_some(())).await;
}

/// Whether a process has ended, reaped by the system or not yet.
fn is_dead(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).ok().is_none_or(|stat| {
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
    })
}
