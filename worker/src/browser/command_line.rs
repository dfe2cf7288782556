//! How Chromium is called: its flags, its environment, the unprivileged user, and the guardian that lets it die
//! with the service. Only this file knows flags. Starting and reaping is in `process`.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Width of the window, in CSS pixels.
pub(crate) const WINDOW_WIDTH_PX: u32 = 1_280;
/// Height of the window, in CSS pixels.
pub(crate) const WINDOW_HEIGHT_PX: u32 = 800;
/// The user and group (`nobody`) that Chromium runs as when the service was started as root.
pub(crate) const UNPRIVILEGED_ID: u32 = 65_534;
/// Chromium keeps its pictures elsewhere when shared memory is smaller than this.
const SHARED_MEMORY_BYTES_MIN: u64 = 512 * 1024 * 1024;

/// Leads the process group: it ends the whole group when Chromium ends, and when the service ends, which closes
/// the pipe that it reads. That holds for any way the service dies and for a Chromium behind a wrapper script,
/// which a parent death signal would not reach.
const GUARDIAN: &str = r#"("$@" </dev/null; kill -KILL 0) & read -r _; kill -KILL 0"#;

const FLAGS: &[&str] = &[
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--mute-audio",
    "--hide-scrollbars",
    // Nothing of its own goes out.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--disable-crash-reporter",
    "--disable-breakpad",
    "--no-pings",
    // Nothing goes past the proxy of a context: the browser's own proxy is a dead end, names are not looked up
    // here, and neither QUIC nor WebRTC may use UDP.
    "--proxy-server=http://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    // Pages open no windows, prompts are refused, left pages do not live on.
    "--block-new-web-contents",
    "--deny-permission-prompts",
    "--disable-notifications",
    "--disable-back-forward-cache",
    "--disable-features=BackForwardCache,Prerender2,MediaRouter,OptimizationHints,Translate,DialMediaRouteProvider,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,DnsOverHttps",
    // Every slot's tab works at full speed, whichever is in front.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-hang-monitor",
    "--password-store=basic",
];

/// The command that starts the guardian and, below it, Chromium with `profile` as its only folder.
pub(crate) fn command(program: &Path, profile: &Path, as_root: bool) -> Command {
    let mut command = if as_root {
        let mut command = Command::new("setpriv");
        let id = UNPRIVILEGED_ID.to_string();
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--"]).arg("/bin/sh");
        command
    } else {
        Command::new("/bin/sh")
    };
    command.args(["-c", GUARDIAN, "leafcutter-chromium"]).arg(program).args(arguments(program, profile));
    // The service's environment holds its secrets; Chromium gets nothing of it but the search path.
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()));
    command.env("HOME", profile).env("TMPDIR", profile).env("LANG", "C.UTF-8");
    command.current_dir(profile);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn arguments(program: &Path, profile: &Path) -> Vec<String> {
    let shell = program.file_name().is_some_and(|name| name.to_string_lossy().contains("headless"));
    let mut arguments = vec![
        if shell { "--headless" } else { "--headless=new" }.to_owned(),
        format!("--user-data-dir={}", profile.display()),
        format!("--window-size={WINDOW_WIDTH_PX},{WINDOW_HEIGHT_PX}"),
    ];
    arguments.extend(FLAGS.iter().map(ToString::to_string));
    if !shared_memory_suffices() {
        arguments.push("--disable-dev-shm-usage".to_owned());
    }
    arguments.push("about:blank".to_owned());
    arguments
}

fn shared_memory_suffices() -> bool {
    rustix::fs::statvfs("/dev/shm")
        .is_ok_and(|found| found.f_blocks * found.f_frsize >= SHARED_MEMORY_BYTES_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_is_never_switched_off() {
        for as_root in [true, false] {
            let command = command(Path::new("/usr/bin/chromium"), Path::new("/tmp/profile"), as_root);
            let line: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
            assert!(!line.iter().any(|arg| arg.contains("sandbox")), "{line:?}");
            assert!(line.contains(&"--headless=new".to_owned()));
        }
    }

    #[test]
    fn as_root_chromium_runs_as_somebody_else() {
        let command = command(Path::new("/usr/bin/chromium-headless-shell"), Path::new("/tmp/profile"), true);
        assert_eq!(command.get_program(), "setpriv");
    }
}
