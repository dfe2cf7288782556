//! Whether the machine, or the container that the worker is in, has memory left for another page. What one browser
//! or one page may hold is `browser::watchdog`'s.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{sync::watch, time::MissedTickBehavior};

/// How often is looked, in milliseconds. A page fills a gigabyte in about a second.
const LOOK_MS: u64 = 500;
/// Memory counts as enough again when so many hundredths of the reserve are left, so that it does not flap.
const ENOUGH_PERCENT: u64 = 125;
/// Below so many hundredths of the reserve running pages are ended, the largest first.
const CRITICAL_PERCENT: u64 = 50;
/// Groups of control above ours that are asked for their limits.
const CGROUP_LEVELS_MAX: usize = 32;

/// How much memory there is for pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Supply {
    /// Work may be taken.
    Enough,
    /// What runs goes on; nothing new is begun.
    Short,
    /// Something that runs has to go, or the kernel chooses what.
    Critical,
}

impl Supply {
    /// What `left_bytes` mean after what was so before.
    fn after(self, left_bytes: u64, reserve_bytes: u64) -> Self {
        let part = |percent: u64| reserve_bytes / 100 * percent;
        if left_bytes < part(CRITICAL_PERCENT) {
            Self::Critical
        } else if left_bytes < reserve_bytes || (self != Self::Enough && left_bytes < part(ENOUGH_PERCENT)) {
            Self::Short
        } else {
            Self::Enough
        }
    }
}

/// Memory of the machine or of the narrowest limit around this process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// All there is.
    pub(crate) total: u64,
    /// What can still be had, the system's caches of files included.
    pub(crate) left: u64,
}

/// The room of this process now; `None` where the system does not say.
pub(crate) fn room() -> Option<Room> {
    room_below(Path::new("/"))
}

fn room_below(root: &Path) -> Option<Room> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let kib = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    let machine = Room { total: kib("MemTotal:")? * 1_024, left: kib("MemAvailable:")? * 1_024 };
    let limits = limits(root).into_iter().filter(|limit| limit.total < machine.total);
    Some(limits.fold(machine, |narrow, limit| Room {
        total: narrow.total.min(limit.total),
        left: narrow.left.min(limit.left),
    }))
}

/// The limits of this process's control groups, of both versions.
fn limits(root: &Path) -> Vec<Room> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (mount, files) = match controllers {
            "" => (root.join("sys/fs/cgroup"), V2),
            "memory" => (root.join("sys/fs/cgroup/memory"), V1),
            _ => continue,
        };
        // In a container the path may be the host's, of which only the mount itself can be seen.
        let own = mount.join(path.trim_start_matches('/'));
        let levels = own.ancestors().take_while(|level| level.starts_with(&mount)).take(CGROUP_LEVELS_MAX);
        limits.extend(levels.filter_map(|level| limit(level, &files)));
    }
    limits
}

struct Files {
    limit: &'static str,
    used: &'static str,
    /// Fields of `memory.stat` with bytes of files, which the kernel takes back when it needs them.
    caches: [&'static str; 2],
}

const V1: Files = Files {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    caches: ["total_inactive_file ", "total_active_file "],
};
const V2: Files =
    Files { limit: "memory.max", used: "memory.current", caches: ["inactive_file ", "active_file "] };

fn limit(level: &Path, files: &Files) -> Option<Room> {
    let number = |name: &str| fs::read_to_string(level.join(name)).ok()?.trim().parse::<u64>().ok();
    // Where there is no limit the file says `max`.
    let (total, used) = (number(files.limit)?, number(files.used)?);
    let stat = fs::read_to_string(level.join("memory.stat")).unwrap_or_default();
    let cache = |name: &&str| stat.lines().find_map(|line| line.strip_prefix(*name)?.parse::<u64>().ok());
    let caches: u64 = files.caches.iter().filter_map(cache).sum();
    Some(Room { total, left: total.saturating_sub(used.saturating_sub(caches)) })
}

/// The supply as slots and browsers see it. Clones see the same.
#[derive(Debug, Clone)]
pub(crate) struct Memory(watch::Receiver<Supply>);

impl Memory {
    /// The supply against a reserve, and the task that keeps it up to date as long as somebody looks at it.
    pub(crate) fn watch(reserve_bytes: u64) -> (Self, impl Future<Output = ()> + Send + 'static) {
        Self::watch_below(PathBuf::from("/"), reserve_bytes)
    }

    fn watch_below(root: PathBuf, reserve_bytes: u64) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let supply = move |before: Supply, room: Option<Room>| {
            room.map_or(Supply::Enough, |room| before.after(room.left, reserve_bytes))
        };
        let (sender, receiver) = watch::channel(supply(Supply::Enough, room_below(&root)));
        let keep = async move {
            let mut tick = tokio::time::interval(Duration::from_millis(LOOK_MS));
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                let root = root.clone();
                let room = tokio::task::spawn_blocking(move || room_below(&root)).await.ok().flatten();
                let before = *sender.borrow();
                let now = supply(before, room);
                if now != before {
                    sender.send_replace(now);
                }
                tell(before, now, room, reserve_bytes);
            }
        };
        (Self(receiver), keep)
    }

    /// The supply now.
    pub(crate) fn now(&self) -> Supply {
        *self.0.borrow()
    }

    /// Returns when it is not what it was when this was last asked.
    pub(crate) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns when there is enough.
    pub(crate) async fn enough(&self) {
        let mut supply = self.0.clone();
        // The keeper goes last, and then nobody needs memory.
        let _ = supply.wait_for(|supply| *supply == Supply::Enough).await;
    }
}

/// One line when it gets short, one when it is over.
fn tell(before: Supply, now: Supply, room: Option<Room>, reserve_bytes: u64) {
    let left_bytes = room.map_or(0, |room| room.left);
    if before == Supply::Enough && now != Supply::Enough {
        tracing::warn!(
            left_bytes,
            reserve_bytes,
            "memory is short: no new page is begun until there is more"
        );
    } else if before != Supply::Enough && now == Supply::Enough {
        tracing::info!(left_bytes, "there is memory again: pages are begun");
    }
}

#[cfg(test)]
mod tests;
