//! Where the servers are installed, and as whom they run. Starting them is `child`.

use std::{env, fs, path::PathBuf};

/// Where Debian keeps PostgreSQL's programs, one folder for each version.
const POSTGRES_FOLDERS: &str = "/usr/lib/postgresql";
/// Where a daemon may be that an ordinary user's PATH leaves out.
const DAEMON_FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// A program of PostgreSQL: on PATH, else of the highest version that is installed.
pub(crate) fn postgres(program: &str) -> PathBuf {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(POSTGRES_FOLDERS)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin").join(program)))
        })
        .filter(|(_, path)| path.is_file())
        .collect();
    versions.sort();
    let newest = || versions.pop().map(|(_, path)| path);
    on_path(program).or_else(newest).unwrap_or_else(|| missing(program))
}

/// The program `nats-server`.
pub(crate) fn nats() -> PathBuf {
    let program = "nats-server";
    let daemon =
        || DAEMON_FOLDERS.iter().map(|folder| PathBuf::from(folder).join(program)).find(|p| p.is_file());
    on_path(program).or_else(daemon).unwrap_or_else(|| missing(program))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

fn missing(program: &str) -> PathBuf {
    panic!("{program} is not installed: run `scripts/setup postgresql nats-server`, which installs it")
}

/// User and group number of an unprivileged user, when this process is root, as whom PostgreSQL does not run.
pub(crate) fn unprivileged() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = ["postgres", "nobody"].into_iter().find_map(|name| numbers(&users, name));
    Some(found.expect("root needs the user `postgres` or `nobody` to start PostgreSQL"))
}

fn numbers(users: &str, name: &str) -> Option<(u32, u32)> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
