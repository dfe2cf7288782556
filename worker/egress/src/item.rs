//! What belongs to one item of work and goes with it: counters, refusals, unused connections,
//! and the token that cuts everything still running when the next item begins.
//!
//! **Not allowed here:** I/O and HTTP rules.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::meter::{Limits, Meter};
use crate::policy::{Policy, Target};
use crate::pools::Route;
use crate::refusal::Refusal;
use crate::upstream::IdleConnection;

/// Hosts whose refusal is remembered for an item. A page that is refused at more hosts than this
/// is refused all the same, only not remembered.
const REFUSALS_MAX: usize = 256;
/// Unused connections that an item keeps to all its targets, and to one of them.
const IDLE_CONNECTIONS_MAX: usize = 32;
const IDLE_PER_TARGET_MAX: usize = 6;

/// One item's share of a proxy. Connections hold the item that was current when they began, so
/// nothing that comes late can be counted for the next one.
pub(crate) struct Item {
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) meter: Meter,
    /// The upstream proxy; none: targets are dialled from here.
    pub(crate) route: Option<Route>,
    cut: CancellationToken,
    tasks: TaskTracker,
    refusals: Mutex<HashMap<String, Refusal>>,
    idle: Mutex<HashMap<Target, Vec<IdleConnection>>>,
}

impl Item {
    /// An item whose tasks end when `cut` is cancelled and are awaited through `tasks`.
    pub(crate) fn new(
        policy: Policy,
        limits: Limits,
        route: Option<Route>,
        cut: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            policy,
            limits,
            meter: Meter::new(limits.item_bytes_max),
            route,
            cut,
            tasks,
            refusals: Mutex::default(),
            idle: Mutex::default(),
        }
    }

    /// Runs a task that ends with the item at the latest.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.cut.clone().run_until_cancelled_owned(task);
        drop(self.tasks.spawn(async move {
            let _finished_or_cut = task.await;
        }));
    }

    /// Cuts everything that still runs for this item.
    pub(crate) fn end(&self) {
        self.cut.cancel();
        locked(&self.idle).clear();
    }

    /// Remembers the first refusal of a host and hands this one back.
    pub(crate) fn refuse(&self, host: &str, refusal: Refusal) -> Refusal {
        tracing::debug!(host, code = refusal.code(), "egress refused");
        let mut refusals = locked(&self.refusals);
        let full = refusals.len() >= REFUSALS_MAX;
        if let Entry::Vacant(vacant) = refusals.entry(host.to_owned())
            && !full
        {
            vacant.insert(refusal.clone());
        }
        refusal
    }

    /// The first refusal of a host, in any spelling of it.
    pub(crate) fn refusal_for(&self, host: &str) -> Option<Refusal> {
        let host = Target::parse(host, 0).map_or_else(|_| host.to_owned(), |target| target.host());
        locked(&self.refusals).get(&host).cloned()
    }

    /// The refusal of an item that has moved all its bytes.
    pub(crate) fn too_large(&self, host: &str) -> Refusal {
        Refusal::TooLarge { host: host.to_owned(), part: "item", limit_bytes: self.limits.item_bytes_max }
    }

    /// Takes the most recently used idle connection to a target.
    pub(crate) fn take_idle(&self, target: &Target) -> Option<IdleConnection> {
        locked(&self.idle).get_mut(target)?.pop()
    }

    /// Keeps a connection for the next request to its target, if there is room.
    pub(crate) fn keep_idle(&self, target: Target, connection: IdleConnection) {
        let mut idle = locked(&self.idle);
        if self.cut.is_cancelled() || idle.values().map(Vec::len).sum::<usize>() >= IDLE_CONNECTIONS_MAX {
            return;
        }
        let connections = idle.entry(target).or_default();
        if connections.len() < IDLE_PER_TARGET_MAX {
            connections.push(connection);
        }
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("limits", &self.limits)
            .field("meter", &self.meter)
            .finish_non_exhaustive()
    }
}

/// These maps are whole between any two statements, so a poisoned lock is as good as another.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
