//! One server as a child process that cannot outlive the test's process. What it serves is not known here.

use crate::{SERVER_LIMIT, within};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::{
    fs,
    fs::File,
    os::fd::OwnedFd,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

/// A running server, or one that has ended.
#[derive(Debug)]
pub(crate) struct Child {
    pid: i32,
    handle: OwnedFd,
    ended: Arc<Ended>,
}

#[derive(Debug, Default)]
struct Ended {
    flag: Mutex<bool>,
    told: Condvar,
}

/// Whom to run as, and with which signal the system ends the child when the test's process is gone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) user: Option<(u32, u32)>,
    pub(crate) death_signal: &'static str,
}

/// A command that runs a program under these terms; its words go to the end of a log file.
pub(crate) fn command(program: &Path, terms: Terms, log: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", terms.death_signal]);
    if let Some((user, group)) = terms.user {
        command.args([format!("--reuid={user}"), format!("--regid={group}")]).arg("--clear-groups");
    }
    let log = File::options().create(true).append(true).open(log).expect("a server's log file can be opened");
    let errors = log.try_clone().expect("an open log file can be shared");
    command.arg(program).stdin(Stdio::null()).stdout(log).stderr(errors);
    command
}

/// Does something in a thread of its own and gives what it sends: the death signal follows the thread that has
/// started the child, which must therefore live as long as the child does.
fn in_own_thread<T: Send + 'static>(work: impl FnOnce(&mpsc::Sender<T>) + Send + 'static) -> T {
    let (tell, told) = mpsc::channel();
    thread::Builder::new()
        .name("server of a test".to_owned())
        .spawn(move || work(&tell))
        .expect("a thread for a server of a test can be started");
    told.recv().expect("the thread of a server says how it went")
}

/// Runs a program to its end, and says whether it went well.
pub(crate) async fn run(mut command: Command) -> bool {
    let work = move |tell: &mpsc::Sender<bool>| {
        // Nobody waits for it when the test has failed meanwhile.
        let _ = tell.send(command.status().is_ok_and(|end| end.success()));
    };
    let run = move || in_own_thread(work);
    tokio::task::spawn_blocking(run).await.unwrap_or(false)
}

impl Child {
    /// Starts a server.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let ended = Arc::<Ended>::default();
        let tell_end = Arc::clone(&ended);
        let (pid, handle) = in_own_thread(move |tell| {
            let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
            let pid = i32::try_from(child.id()).expect("a process number is small");
            let raw = Pid::from_raw(pid).expect("a process number is positive");
            let handle =
                pidfd_open(raw, PidfdFlags::empty()).expect("a process that is not reaped has a handle");
            // Nobody waits for it when the test has failed meanwhile.
            let _ = tell.send((pid, handle));
            let _ = child.wait();
            *tell_end.flag() = true;
            tell_end.told.notify_all();
        });
        Self { pid, handle, ended }
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        *self.ended.flag()
    }

    /// Sends a signal; a process that has ended takes no notice.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.handle, signal);
    }

    /// Ends the process and its children at once, as `kill -9` does, and waits until they are gone.
    pub(crate) async fn kill(&self) {
        let children = children(self.pid);
        self.signal(Signal::KILL);
        children.iter().for_each(Descendant::kill);
        let gone = async || (self.has_ended() && !children.iter().any(Descendant::is_alive)).then_some(());
        within(SERVER_LIMIT, gone).await.expect("a killed server is gone in time");
    }

    /// Asks it to end with this signal, kills it when it does not, and comes back when it is gone.
    pub(crate) fn stop(&self, signal: Signal) {
        self.signal(signal);
        if !self.ended.wait() {
            self.signal(Signal::KILL);
            self.ended.wait();
        }
    }
}

/// The server once `answers` says so; nothing when it has ended before. `name` and `log` tell why it does neither.
pub(crate) async fn once_ready(
    name: &str,
    server: Child,
    log: &Path,
    answers: impl AsyncFn() -> Option<()>,
) -> Option<Child> {
    let ready =
        within(
            SERVER_LIMIT,
            async || {
                if server.has_ended() { Some(false) } else { answers().await.map(|()| true) }
            },
        );
    match ready.await {
        // Somebody else's server may answer on this port while ours has just ended.
        Some(true) => Some(server).filter(|server| !server.has_ended()),
        Some(false) => None,
        None => panic!("{name} does not answer in {SERVER_LIMIT:?}:\n{}", last_words(log)),
    }
}

/// What a server has written to its log.
pub(crate) fn last_words(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_default()
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop(Signal::KILL);
    }
}

impl Ended {
    fn flag(&self) -> MutexGuard<'_, bool> {
        self.flag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end, and says whether it came in time.
    fn wait(&self) -> bool {
        let waited = self.told.wait_timeout_while(self.flag(), SERVER_LIMIT, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A process that a server has started, told from a later one of the same number by when it started.
#[derive(Debug)]
struct Descendant {
    pid: i32,
    started: String,
}

impl Descendant {
    fn is_alive(&self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.state != "Z" && stat.started == self.started)
    }

    fn kill(&self) {
        let handle = Pid::from_raw(self.pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        if let Some(handle) = handle
            && self.is_alive()
        {
            let _ = pidfd_send_signal(handle, Signal::KILL);
        }
    }
}

struct Stat {
    state: String,
    parent: i32,
    started: String,
}

/// The children of a process.
fn children(parent: i32) -> Vec<Descendant> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let of_parent = |pid| {
        let stat = stat(pid).filter(|stat| stat.parent == parent)?;
        Some(Descendant { pid, started: stat.started })
    };
    pids.filter_map(of_parent).collect()
}

fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything; state, parent and so on follow it.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let (state, parent) = (fields.first()?.to_string(), fields.get(1)?.parse().ok()?);
    Some(Stat { state, parent, started: fields.get(19)?.to_string() })
}
