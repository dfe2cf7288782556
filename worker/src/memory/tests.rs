//! The supply against made-up systems, written down in folders.

use super::*;
use tempfile::TempDir;

const GIB: u64 = 1 << 30;

fn system(available_bytes: u64, files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "proc/meminfo", &meminfo(available_bytes));
    for (file, text) in files {
        write(root.path(), file, text);
    }
    root
}

fn meminfo(available_bytes: u64) -> String {
    format!("MemTotal:  {} kB\nMemAvailable:  {} kB\n", 16 * GIB / 1_024, available_bytes / 1_024)
}

fn write(root: &Path, file: &str, text: &str) {
    let file = root.join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

#[test]
fn without_a_limit_the_machine_is_the_room() {
    let root = system(3 * GIB, &[("proc/self/cgroup", "0::/a\n"), ("sys/fs/cgroup/a/memory.max", "max\n")]);
    assert_eq!(room_below(root.path()), Some(Room { total: 16 * GIB, left: 3 * GIB }));
}

#[test]
fn the_narrowest_limit_above_counts_and_caches_are_not_lost() {
    let files = [
        ("proc/self/cgroup", "0::/a/b\n"),
        ("sys/fs/cgroup/a/memory.max", "2147483648\n"),
        ("sys/fs/cgroup/a/memory.current", "1610612736\n"),
        ("sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file 536870912\nactive_file 0\n"),
        ("sys/fs/cgroup/a/b/memory.max", "max\n"),
    ];
    let root = system(3 * GIB, &files);
    assert_eq!(room_below(root.path()), Some(Room { total: 2 * GIB, left: GIB }));
}

#[test]
fn the_first_version_of_control_groups_is_read_too_also_from_inside_a_container() {
    let files = [
        ("proc/self/cgroup", "7:cpu:/\n4:memory:/docker/not-visible-here\n0::/\n"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n"),
        ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1073741824\n"),
        ("sys/fs/cgroup/memory/memory.stat", "total_inactive_file 1048576\ntotal_active_file 1048576\n"),
    ];
    let root = system(3 * GIB, &files);
    assert_eq!(room_below(root.path()), Some(Room { total: GIB, left: 2 << 20 }));
}

#[test]
fn a_limit_wider_than_the_machine_is_none() {
    let files = [
        ("proc/self/cgroup", "4:memory:/\n"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ("sys/fs/cgroup/memory/memory.usage_in_bytes", "9223372036854771712\n"),
    ];
    let root = system(GIB, &files);
    assert_eq!(room_below(root.path()), Some(Room { total: 16 * GIB, left: GIB }));
}

#[test]
fn a_shortage_ends_only_with_some_room_to_spare() {
    use Supply::{Critical, Enough, Short};
    for (before, left, after) in [
        (Enough, 100, Enough),
        (Enough, 99, Short),
        (Short, 110, Short),
        (Short, 125, Enough),
        (Short, 49, Critical),
        (Critical, 60, Short),
        (Critical, 200, Enough),
    ] {
        assert_eq!(before.after(left * 1_000, 100_000), after, "{before:?} with {left}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_memory_goes_on_when_there_is_some() {
    let root = system(GIB / 2, &[]);
    let (memory, keep) = Memory::watch_below(root.path().to_owned(), GIB);
    let keeper = tokio::spawn(keep);
    assert_eq!(memory.now(), Supply::Short);
    write(root.path(), "proc/meminfo", &meminfo(2 * GIB));
    memory.enough().await;
    let mut watched = memory.clone();
    watched.changed().await;
    assert_eq!(memory.now(), Supply::Enough);
    write(root.path(), "proc/meminfo", &meminfo(GIB / 4));
    watched.changed().await;
    assert_eq!(memory.now(), Supply::Critical);
    keeper.abort();
}
