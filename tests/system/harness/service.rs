//! The program as a child of the test: started on a folder of its own, ended in every way there is, and never left
//! behind. A [`Home`] outlives the services that are started in it, so that a test can end one and start the next.

use super::{Api, Options, PATIENCE, Processes, eventually, processes};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};

/// Services at a time: each brings a Chromium, and deadlines must hold on two cores.
const SERVICES_MAX: u32 = 3;
/// How long the processes of a service may take to disappear after its end.
const GONE_LIMIT: Duration = Duration::from_secs(10);
/// Lines of its log that a failed test shows.
const LOG_LINES: usize = 40;
/// What the program prints before its address.
const LISTENING: &str = "listening on ";

/// The folder of one service: its data, its temporary files, its log. Dropping it ends what is left and, unless the
/// test has failed already, fails it for that.
pub(crate) struct Home {
    pub(crate) processes: Processes,
    folder: TempDir,
    _turn: OwnedSemaphorePermit,
}

impl Home {
    /// An empty folder, once it is this test's turn.
    pub(crate) async fn new() -> Self {
        Self::with_turns(1).await
    }

    /// An empty folder for a test whose processes are as many as the machine bears, once no other service runs.
    pub(crate) async fn alone() -> Self {
        Self::with_turns(SERVICES_MAX).await
    }

    async fn with_turns(count: u32) -> Self {
        static TURNS: std::sync::OnceLock<Arc<Semaphore>> = std::sync::OnceLock::new();
        let turns = TURNS.get_or_init(|| Arc::new(Semaphore::new(SERVICES_MAX as usize)));
        let turn = Arc::clone(turns).acquire_many_owned(count).await.unwrap();
        let folder = TempDir::with_prefix("leafcutter-system-").unwrap();
        // Chromium may run as somebody else, who must be able to pass through.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        fs::set_permissions(folder.path().join("tmp"), Permissions::from_mode(0o755)).unwrap();
        Self { processes: Processes::of(folder.path()), folder, _turn: turn }
    }

    /// Everything that the service can write to.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Everything that was logged by all services of this home.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("service.log")
    }

    /// A command of the program with its temporary folder here, no matter what settings the tests run under.
    pub(crate) fn command(&self, shell: Option<&str>) -> Command {
        let program = env!("CARGO_BIN_EXE_leafcutter");
        let mut command = match shell {
            None => Command::new(program),
            Some(shell) => {
                let mut command = Command::new("/bin/sh");
                command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\""), program]);
                command
            }
        };
        forget_settings(&mut command);
        command.env("TMPDIR", self.folder.path().join("tmp"));
        command.process_group(0).kill_on_drop(true).stdin(Stdio::null());
        command
    }

    /// Starts a service here and waits until it is ready.
    pub(crate) async fn start(self, options: &Options) -> Service {
        let service = self.launch(options).await.unwrap_or_else(|home| panic!("no start:\n{}", home.log()));
        service.ready().await;
        service
    }

    /// Starts a service here and waits until it listens; gives the home back when it dies before.
    pub(crate) async fn launch(self, options: &Options) -> Result<Service, Self> {
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let mut command = self.command(options.shell);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(self.data());
        command.args(&options.flags).envs(options.env.iter().cloned());
        command.stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
        let (told, address) = oneshot::channel();
        tokio::spawn(listen_to(child.stdout.take().unwrap(), told));
        match timeout(PATIENCE, address).await.expect("the service does not listen in time") {
            Ok(address) => {
                let key = fs::read_to_string(self.data().join("api-key")).unwrap();
                let api = Api::new(&address, key.trim());
                Ok(Service { api, child: Some(child), pid, home: Some(self) })
            }
            Err(_) => {
                timeout(PATIENCE, child.wait()).await.expect("it neither listens nor ends").unwrap();
                Err(self)
            }
        }
    }
}

/// Takes the settings that the tests run under from a command, all but the one that says where Chromium is.
pub(super) fn forget_settings(command: &mut Command) {
    for (setting, _) in std::env::vars_os() {
        let name = setting.to_string_lossy();
        if name.starts_with("LEAFCUTTER_") && name != "LEAFCUTTER_CHROMIUM" {
            command.env_remove(&setting);
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let left = self.processes.wait_until_gone(GONE_LIMIT);
        self.processes.end_all();
        if std::thread::panicking() {
            eprintln!("the service's last words:\n{}", tail(&self.log(), LOG_LINES));
        } else if let Err(left) = left {
            panic!("processes outlived the service: {left:#?}");
        }
    }
}

/// The last lines of a log.
pub(super) fn tail(log: &str, count: usize) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// A running service.
pub(crate) struct Service {
    /// A client with the key of the account `default`.
    pub(crate) api: Api,
    child: Option<Child>,
    pid: Pid,
    home: Option<Home>,
}

impl Service {
    /// Starts a service in a home of its own and waits until it is ready.
    pub(crate) async fn start(options: &Options) -> Self {
        Home::new().await.start(options).await
    }

    pub(crate) fn home(&self) -> &Home {
        self.home.as_ref().expect("a running service has a home")
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits until it can do its work.
    pub(crate) async fn ready(&self) {
        eventually("the service is ready", PATIENCE, async || {
            let answer = self.api.try_get("/health/ready").await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
    }

    /// Asks it to stop, which it must do well, and in time, and leave nothing.
    pub(crate) async fn stop(self) -> Home {
        kill_process(self.pid, Signal::TERM).unwrap();
        self.stopped().await
    }

    /// The same, when it was asked already.
    pub(crate) async fn stopped(mut self) -> Home {
        let status = self.exit_status().await;
        assert!(status.success(), "it ended with {status}");
        let home = self.home.take().unwrap();
        let left = home.processes.wait_until_gone(Duration::from_millis(500));
        assert_eq!(left, Ok(()), "processes are left after a stop");
        home
    }

    /// Ends it as `kill -9` does.
    pub(crate) async fn kill(mut self) -> Home {
        let _ = kill_process(self.pid, Signal::KILL);
        self.exit_status().await;
        self.take_home()
    }

    /// Ends it together with the guardians of its browsers, so that a Chromium outlives it.
    pub(crate) async fn kill_and_orphan_chromium(mut self) -> Home {
        // Stopped first, so that it does not end a browser that has lost its guardian.
        processes::send(self.pid(), Signal::STOP);
        self.home().processes.guardians().into_iter().for_each(processes::end);
        processes::end(self.pid());
        self.exit_status().await;
        self.home.take().unwrap()
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn wait_for_death(mut self) -> Home {
        self.exit_status().await;
        self.take_home()
    }

    /// Whether it has ended by itself.
    pub(crate) fn is_dead(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some())
    }

    async fn exit_status(&mut self) -> ExitStatus {
        // The groups of its browsers are noted while somebody still names them.
        self.home().processes.all();
        let mut child = self.child.take().expect("a running service has a process");
        timeout(PATIENCE, child.wait()).await.expect("the service does not end in time").unwrap()
    }

    fn take_home(&mut self) -> Home {
        let home = self.home.take().unwrap();
        let left = home.processes.wait_until_gone(GONE_LIMIT);
        assert_eq!(left, Ok(()), "a Chromium has outlived its service");
        home
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let (Some(home), Some(_)) = (&self.home, &self.child) {
            home.processes.all();
            let _ = kill_process_group(self.pid, Signal::KILL);
            processes::end(self.pid());
        }
    }
}

/// Passes on the address that the program prints, and reads on: a full pipe would hold the program up.
pub(super) async fn listen_to(output: ChildStdout, told: oneshot::Sender<String>) {
    let mut told = Some(told);
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some((_, address)) = line.split_once(LISTENING)
            && let Some(told) = told.take()
        {
            // Nobody waits for it any more when the test has failed.
            let _ = told.send(address.trim().to_owned());
        }
    }
}
