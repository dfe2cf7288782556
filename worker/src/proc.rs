//! What the kernel says about processes: their groups, what they are, the memory that they hold. Everything here
//! reads `/proc` and may block for some milliseconds; nothing here ends a process.

use std::fs;

/// The fields of `/proc/PID/stat` after the program's name, which itself may hold spaces: state, parent, group, …
pub(crate) fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// The group of a process.
pub(crate) fn group(pid: i32) -> Option<i32> {
    stat(pid)?.get(2)?.parse().ok()
}

/// Every process of a group.
pub(crate) fn members(of: i32) -> impl Iterator<Item = i32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(move |pid| group(*pid) == Some(of))
}

/// Whether it is one of Chromium's renderers, by its command line, which a renderer writes itself, as one text
/// without separators.
pub(crate) fn is_renderer(pid: i32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline"))
        .is_ok_and(|line| String::from_utf8_lossy(&line).contains("--type=renderer"))
}

/// The fields of `/proc/PID/status`, one in a line.
pub(crate) fn status(pid: i32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/status")).ok()
}

/// Bytes that a process holds and that no other place has a copy of: its own pages, shared memory, and what of
/// them is swapped out. Pages of files, Chromium's program above all, are one copy for all processes and are left
/// out, so that these figures may be added up; `smaps_rollup` would be exact about the little that is shared
/// besides, but costs a walk through all pages, and the system may keep it from us.
pub(crate) fn held_bytes(pid: i32) -> u64 {
    status(pid).map_or(0, |status| held_in(&status))
}

fn held_in(status: &str) -> u64 {
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    ["RssAnon:", "RssShmem:", "VmSwap:"].into_iter().filter_map(kib).sum::<u64>() * 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_is_what_goes_when_the_process_goes() {
        let status =
            "VmRSS:\t 900 kB\nRssAnon:\t 100 kB\nRssFile:\t 700 kB\nRssShmem:\t 20 kB\nVmSwap:\t 3 kB\n";
        assert_eq!(held_in(status), 123 * 1_024);
        assert_eq!(held_in("Name:\tzombie\n"), 0);
    }

    #[test]
    fn this_process_is_found_in_its_group() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(members(group(own).unwrap()).any(|pid| pid == own));
        assert!(held_bytes(own) > 0 && !is_renderer(own));
    }
}
