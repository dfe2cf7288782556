//! Which work goes on now, towards hosts that are asked politely: the worker's one gate and waiting room, the slots
//! that wait for work, and the porter that fetches as many offers as slots are free.
//!
//! An offer whose hosts have to wait is put aside, unacknowledged, and its slot does something else; any slot takes it
//! up again. When a host may be asked is decided in `leafcutter-politeness`, what a slot does with an item in `slot`.

use futures::{StreamExt as _, stream::FuturesUnordered};
use leafcutter_dispatch::{Delivery, HostKey, WorkSource};
use leafcutter_domain::{BatchId, ItemIndex};
use leafcutter_politeness::{Gate, GateSettings, Party, ROOM_PARTIES_MAX, Room, Start, Taken, retry_after};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use url::Url;

/// An offer in the worker's hands. Dropped before its end it is given back.
pub(crate) struct Work {
    delivery: Box<dyn Delivery>,
    /// Items that nobody has begun.
    left: Vec<ItemIndex>,
}

impl Work {
    fn new(delivery: Box<dyn Delivery>) -> Self {
        let left = delivery.offer().items.clone();
        Self { delivery, left }
    }

    pub(crate) fn batch(&self) -> BatchId {
        self.delivery.offer().batch
    }

    /// Whether every item was begun.
    pub(crate) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// Every item was reported or refused.
    pub(crate) async fn acknowledge(self) {
        self.delivery.acknowledge().await;
    }
}

impl Party for Work {
    type Host = HostKey;
    type Group = BatchId;

    fn group(&self) -> BatchId {
        self.batch()
    }

    fn hosts(&self) -> impl Iterator<Item = Option<HostKey>> {
        self.left.iter().map(|item| self.delivery.offer().hosts.get(item).copied())
    }
}

/// An item whose turn it is; its host counts it until this is dropped.
pub(crate) struct Turn {
    hosts: Arc<Hosts>,
    pub(crate) item: ItemIndex,
    start: Option<Start<HostKey>>,
}

impl Turn {
    /// The item is not to be done, so its host was not asked.
    pub(crate) fn unused(mut self) {
        if let Some(start) = self.start.take() {
            self.hosts.lock().gate.undo(start);
            self.hosts.slots.notify_one();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(start) = self.start.take() {
            self.hosts.lock().gate.end(start);
            self.hosts.slots.notify_one();
        }
    }
}

/// What the slots of a worker share about hosts and waiting work.
pub(crate) struct Hosts {
    state: Mutex<State>,
    /// Wakes one slot that waits: something may be ready, or be ready sooner than it thinks. Who takes work wakes the
    /// next, so that one of them always minds the clock.
    slots: Notify,
    /// Wakes the porter: a slot waits, or there is space in the room.
    porter: Notify,
}

struct State {
    gate: Gate<HostKey>,
    room: Room<Work>,
    /// Slots that wait for work.
    free: usize,
    /// No more work is given out.
    closed: bool,
}

impl Hosts {
    pub(crate) fn new(settings: GateSettings) -> Arc<Self> {
        let state = State { gate: Gate::new(settings), room: Room::default(), free: 0, closed: false };
        Arc::new(Self { state: Mutex::new(state), slots: Notify::new(), porter: Notify::new() })
    }

    /// The next work, as soon as a host of it may be asked, if possible of this batch; `None` when the source has
    /// closed. The caller is free to do it.
    pub(crate) async fn next(self: &Arc<Self>, batch: Option<BatchId>) -> Option<(Work, Turn)> {
        let _free = Free::begin(self);
        loop {
            let ready_at = {
                let mut state = self.lock();
                if state.closed {
                    return None;
                }
                let now = now();
                let State { gate, room, .. } = &mut *state;
                if let Some(taken) = room.take(gate, now, batch.as_ref()) {
                    return Some(self.begin(taken));
                }
                room.ready_at(gate, now)
            };
            match ready_at {
                Some(at) => tokio::select! {
                    () = self.slots.notified() => {}
                    () = sleep_until(Instant::from_std(at)) => {}
                },
                None => self.slots.notified().await,
            }
        }
    }

    fn begin(self: &Arc<Self>, taken: Taken<Work>) -> (Work, Turn) {
        let Taken { mut party, item, start } = taken;
        let item = party.left.remove(item);
        (party, Turn { hosts: Arc::clone(self), item, start })
    }

    /// An item of the work in hand whose host may be asked now, if there is one. It goes before others that wait for
    /// the host, since an offer is short and a change of batch costs a context.
    pub(crate) fn go_on(self: &Arc<Self>, work: &mut Work) -> Option<Turn> {
        let now = now();
        let gate = &mut self.lock().gate;
        let found = work.hosts().enumerate().find_map(|(place, host)| match host {
            None => Some((place, None)),
            Some(host) => gate.start(host, now).map(|start| (place, Some(start))),
        });
        let (place, start) = found?;
        Some(Turn { hosts: Arc::clone(self), item: work.left.remove(place), start })
    }

    /// The work has to wait.
    pub(crate) fn put_aside(&self, work: Work) {
        let mut state = self.lock();
        if !state.closed {
            state.room.enter(work);
        }
        drop(state);
        self.slots.notify_one();
    }

    /// What an answer says about further requests to its host: with 429 and 503 it can ask for a pause.
    pub(crate) fn heed(&self, url: &Url, status: u16, asked: Option<&str>) {
        let asked = asked.filter(|_| matches!(status, 429 | 503));
        let wait = asked.and_then(|value| retry_after(value, SystemTime::now()));
        if let Some((host, wait)) = HostKey::of(url).zip(wait) {
            let now = now();
            self.lock().gate.quiet(host, now + wait, now);
        }
    }

    /// The site has set itself this delay from page to page.
    pub(crate) fn slow(&self, url: &Url, delay: Duration) {
        if let Some(host) = HostKey::of(url) {
            self.lock().gate.slow(host, delay, now());
        }
    }

    /// Fetches offers from `source`, as many as slots are free. When it has closed, or this is dropped, no more work is
    /// given out and what waits is given back.
    pub(crate) async fn carry(self: Arc<Self>, source: Arc<dyn WorkSource>) {
        let _closing = Closing(&self);
        let mut asked = FuturesUnordered::new();
        loop {
            for _ in asked.len()..self.wanted() {
                asked.push(source.next());
            }
            // A question that was begun is not left again: an offer may be on its way.
            tokio::select! {
                Some(delivery) = asked.next() => match delivery {
                    Some(delivery) => self.receive(Work::new(delivery)).await,
                    None => return,
                },
                () = self.porter.notified() => {}
            }
        }
    }

    /// How many offers may be on their way.
    fn wanted(&self) -> usize {
        let state = self.lock();
        let idle = state.free.saturating_sub(state.room.ready(&state.gate, now()));
        idle.min(ROOM_PARTIES_MAX.saturating_sub(state.room.len()))
    }

    async fn receive(&self, mut work: Work) {
        self.leave_out_what_waits(&mut work);
        if work.is_done() {
            work.acknowledge().await;
        } else {
            self.put_aside(work);
        }
    }

    /// An item that waits here is offered again after a while, in vain.
    fn leave_out_what_waits(&self, work: &mut Work) {
        let (state, batch) = (self.lock(), work.batch());
        for held in state.room.parties().filter(|held| held.batch() == batch) {
            work.left.retain(|item| !held.left.contains(item));
        }
    }

    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        drop(state.room.clear());
        drop(state);
        // Each slot that goes wakes the next.
        self.slots.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a slot as long as it waits.
struct Free<'a>(&'a Hosts);

impl<'a> Free<'a> {
    fn begin(hosts: &'a Hosts) -> Self {
        hosts.lock().free += 1;
        hosts.porter.notify_one();
        Self(hosts)
    }
}

impl Drop for Free<'_> {
    fn drop(&mut self) {
        self.0.lock().free -= 1;
        self.0.porter.notify_one();
        self.0.slots.notify_one();
    }
}

/// Closes when it is dropped.
struct Closing<'a>(&'a Hosts);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// On the clock that waits are measured with.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}
