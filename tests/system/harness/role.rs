//! One process of a cluster: a role of the program, or the server that stands in for the event store. It keeps its
//! address and its folder when it is ended and started again.

use super::{
    Api, PATIENCE, Processes, eventually, processes,
    service::{forget_settings, listen_to, tail},
};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    sync::oneshot,
    time::{Instant, timeout},
};

/// How long the processes of a role may take to disappear after its end.
const GONE_LIMIT: Duration = Duration::from_secs(10);
/// Lines of its log that a failed test shows.
const LOG_LINES: usize = 12;
/// Name of its log.
const LOG_FILE: &str = "log";

/// A process of a cluster, running or not.
pub(crate) struct Role {
    /// What it is, and which one: `worker-1`.
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    /// A client without a key, of this process alone.
    pub(crate) api: Api,
    pub(crate) processes: Processes,
    folder: PathBuf,
    arguments: Vec<String>,
    settings: Vec<(String, String)>,
    running: Option<(Child, Pid)>,
}

impl Role {
    /// A process that is not started yet, with a folder of its own below `home`.
    ///
    /// Its program is a link in that folder, so that each process of it can be told by its command line.
    pub(crate) fn new(home: &Path, name: &str, program: &Path) -> Self {
        let folder = home.join(name);
        fs::create_dir_all(folder.join("tmp")).unwrap();
        symlink(program, folder.join(program.file_name().unwrap())).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, leafcutter_test_servers::free_port()));
        Self {
            name: name.to_owned(),
            address,
            api: Api::new(&format!("http://{address}"), ""),
            processes: Processes::of(&folder),
            arguments: vec![folder.join(program.file_name().unwrap()).to_str().unwrap().to_owned()],
            folder,
            settings: Vec::new(),
            running: None,
        }
    }

    /// Adds arguments.
    pub(crate) fn arguments<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    /// Sets environment variables; the last word counts.
    pub(crate) fn settings<'a>(
        mut self,
        settings: impl IntoIterator<Item = (&'a str, impl Into<String>)>,
    ) -> Self {
        self.settings.extend(settings.into_iter().map(|(name, value)| (name.to_owned(), value.into())));
        self
    }

    /// Sets what is set for another one.
    pub(crate) fn settings_of(mut self, other: &Self) -> Self {
        self.settings.extend(other.settings.iter().cloned());
        self
    }

    /// Everything that it writes, but objects.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Everything that it has logged in all its lives.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The end of its log.
    fn last_words(&self) -> String {
        tail(&self.log(), LOG_LINES)
    }

    /// Where it logs.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.folder.join(LOG_FILE)
    }

    /// Starts it and waits until it listens, which says nothing of whether it can work.
    pub(crate) async fn start(&mut self) {
        assert!(self.running.is_none(), "{} runs already", self.name);
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let mut command = Command::new(&self.arguments[0]);
        forget_settings(&mut command);
        command.args(&self.arguments[1..]).args(["--listen", &self.address.to_string()]);
        command.envs(self.settings.iter().cloned()).env("TMPDIR", self.folder.join("tmp"));
        command.process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.arguments[0]));
        let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
        let (told, listens) = oneshot::channel();
        tokio::spawn(listen_to(child.stdout.take().unwrap(), told));
        self.running = Some((child, pid));
        let listens = timeout(PATIENCE, listens).await;
        assert!(matches!(listens, Ok(Ok(_))), "{} does not listen:\n{}", self.name, self.last_words());
    }

    /// What is missing, as it says itself: nothing when it is ready, `None` when it does not answer.
    pub(crate) async fn missing(&self) -> Option<Vec<String>> {
        let answer = self.api.try_get("/health/ready").await.ok()?;
        let missing: Vec<String> = serde_json::from_value(answer.body["missing"].clone()).ok()?;
        assert_eq!(answer.status == 200, missing.is_empty(), "{}: {}", self.name, answer.body);
        Some(missing)
    }

    /// Waits until it can do its work.
    pub(crate) async fn ready(&self) {
        self.misses("nothing", Vec::is_empty).await;
    }

    /// Waits until what it misses is as wanted.
    pub(crate) async fn misses(&self, what: &str, wanted: impl Fn(&Vec<String>) -> bool) {
        let end = Instant::now() + PATIENCE;
        let as_wanted = async || {
            let missing = self.missing().await;
            let wanted = missing.as_ref().is_some_and(&wanted);
            assert!(
                wanted || Instant::now() < end,
                "{} should miss {what}, but misses {missing:?}",
                self.name
            );
            wanted.then_some(())
        };
        eventually(&self.name, 2 * PATIENCE, as_wanted).await;
    }

    /// Ends it as `kill -9` does, and waits until it and its browsers are gone.
    pub(crate) async fn kill(&mut self) {
        let Some((mut child, pid)) = self.running.take() else { return };
        // The groups of its browsers are noted while somebody still names them.
        self.processes.all();
        processes::end(pid.as_raw_nonzero().get());
        timeout(PATIENCE, child.wait()).await.expect("a killed process ends").unwrap();
        let left = self.processes.wait_until_gone(GONE_LIMIT);
        assert_eq!(left, Ok(()), "processes have outlived {}", self.name);
    }

    /// Asks it to stop, which it must do well, and in time, and leave nothing.
    pub(crate) async fn stop(&mut self) {
        let Some((mut child, pid)) = self.running.take() else { return };
        self.processes.all();
        processes::send(pid.as_raw_nonzero().get(), Signal::TERM);
        let status = timeout(PATIENCE, child.wait()).await;
        let status = status.unwrap_or_else(|_| panic!("{} does not stop:\n{}", self.name, self.last_words()));
        assert!(
            status.as_ref().unwrap().success(),
            "{} ended with {status:?}\n{}",
            self.name,
            self.last_words()
        );
        let left = self.processes.wait_until_gone(Duration::from_secs(1));
        assert_eq!(left, Ok(()), "{} leaves processes after a stop", self.name);
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        if let Some((_, pid)) = &self.running {
            self.processes.all();
            let _ = kill_process_group(*pid, Signal::KILL);
            processes::end(pid.as_raw_nonzero().get());
        }
        if std::thread::panicking() {
            eprintln!("last words of {}:\n{}\n", self.name, self.last_words());
        }
    }
}
