//! What befalls single items of a world: claims, reports in and out of time, put-backs and expired leases.

use crate::{
    plan::{Ending, Pick},
    rules::Rules,
    world::World,
};
use leafcutter_domain::{
    ErrorCode, ItemIndex, Usage, WorkerId,
    batch::{
        BatchCommand, ExpireLease, Extractor, FailPending, ItemStatus, PutBackItem, ReportCompleted,
        ReportFailed, Running, StartItem, StoredObject,
    },
};
use uuid::Uuid;

/// How long a lease lasts.
const LEASE_MS: i64 = 60_000;

impl<R: Rules> World<R> {
    pub(crate) fn start(&mut self, slot: usize, pick: Pick) {
        let pending = self.batches[slot].stream.state.pending_items();
        // With nothing pending the claim is for some item all the same: a message that came twice.
        let one = self.some_item(slot, pick);
        let items = if pending.is_empty() && !self.drains(pick) { vec![one] } else { some(&pending, pick) };
        for item in items {
            let claim = Uuid::from_u128(self.serial());
            self.claim(slot, item, claim);
        }
    }

    fn drains(&self, pick: Pick) -> bool {
        pick.count == usize::MAX
    }

    /// A claim gets a new lease token each time it is decided.
    pub(crate) fn claim(&mut self, slot: usize, item: ItemIndex, claim: Uuid) {
        let lease_hash = format!("lease {}", self.serial());
        self.batches[slot].leases.push((item, lease_hash.clone()));
        let command = StartItem {
            item,
            worker: WorkerId(Uuid::from_u128(7)),
            claim,
            lease_hash,
            deadline: self.now.plus_millis(LEASE_MS),
            at: self.now,
        };
        self.ask(slot, command).ok();
    }

    pub(crate) fn report(&mut self, slot: usize, pick: Pick, ending: Ending) {
        for (item, _, running) in some(&self.running_items(slot), pick) {
            let report = self.report_of(item, running.lease_hash, ending);
            self.ask(slot, report).ok();
        }
    }

    pub(crate) fn old_report(&mut self, slot: usize, lease: usize, ending: Ending) {
        let leases = &self.batches[slot].leases;
        if let Some((item, lease_hash)) = leases.get(lease % leases.len().max(1)).cloned() {
            let report = self.report_of(item, lease_hash, ending);
            self.ask(slot, report).ok();
        }
    }

    fn report_of(&self, item: ItemIndex, lease_hash: String, ending: Ending) -> BatchCommand {
        let stored = StoredObject { key: format!("{item}"), hash: "0".into(), bytes: 1 };
        match ending {
            Ending::Completed(credits) => BatchCommand::from(ReportCompleted {
                item,
                lease_hash,
                result: stored,
                screenshot: None,
                final_url: "https://shop.example".into(),
                http_status: 200,
                extractor: Extractor::Rules,
                usage: Usage::default(),
                credits,
                at: self.now,
            }),
            Ending::Failed(code) => BatchCommand::from(ReportFailed {
                item,
                lease_hash,
                code,
                message: code.to_string(),
                final_url: None,
                http_status: None,
                usage: Usage::default(),
                credits: self.setup.prices.failed(code),
                at: self.now,
            }),
        }
    }

    pub(crate) fn put_back(&mut self, slot: usize, pick: Pick) {
        for (item, attempt, _) in self.running_or_former(slot, pick) {
            let credits = self.setup.prices.failed(ErrorCode::WorkerLost);
            self.ask(slot, PutBackItem { item, attempt, credits, at: self.now }).ok();
        }
    }

    /// A watchdog's clock is not the desk's: one item's lease may be over while others live on.
    pub(crate) fn expire(&mut self, slot: usize, pick: Pick, due: bool) {
        for (item, attempt, running) in self.running_or_former(slot, pick) {
            let deadline = running.map(|running| running.deadline.plus_millis(1));
            let at = deadline.filter(|_| due).unwrap_or(self.now);
            let credits = self.setup.prices.failed(ErrorCode::WorkerLost);
            self.ask(slot, ExpireLease { item, attempt, credits, at }).ok();
        }
    }

    pub(crate) fn fail_pending(&mut self, slot: usize, pick: Pick) {
        let mut items = some(&self.batches[slot].stream.state.pending_items(), pick);
        if items.is_empty() {
            items = vec![self.some_item(slot, pick)];
        }
        for item in items {
            let message = "The cookies are gone.".into();
            let code = ErrorCode::CookiesExpired;
            let credits = self.setup.prices.failed(code);
            let command = FailPending { item, code, message, credits, at: self.now };
            self.ask(slot, command).ok();
        }
    }

    /// Any item, or one beyond the last.
    fn some_item(&self, slot: usize, pick: Pick) -> ItemIndex {
        let items = self.batches[slot].stream.state.items.len();
        ItemIndex::try_from(pick.first % (items + 1)).unwrap_or(0)
    }

    /// The picked running items; with none running, the former attempt of some item: word of it came late.
    fn running_or_former(&self, slot: usize, pick: Pick) -> Vec<(ItemIndex, u32, Option<Running>)> {
        let running = some(&self.running_items(slot), pick);
        if running.is_empty() {
            let item = self.some_item(slot, pick);
            let attempt = self.batches[slot].stream.state.item(item).map_or(1, |item| item.attempt);
            return vec![(item, attempt, None)];
        }
        running.into_iter().map(|(item, attempt, running)| (item, attempt, Some(running))).collect()
    }

    /// Running items with their attempt and lease.
    fn running_items(&self, slot: usize) -> Vec<(ItemIndex, u32, Running)> {
        let items = (0..).zip(&self.batches[slot].stream.state.items);
        items
            .filter_map(|(index, item)| match &item.status {
                ItemStatus::Running(running) => Some((index, item.attempt, running.clone())),
                ItemStatus::Pending | ItemStatus::Completed | ItemStatus::Failed | ItemStatus::Cancelled => {
                    None
                }
            })
            .collect()
    }
}

/// The picked ones, beginning anywhere and going around.
fn some<T: Clone>(candidates: &[T], pick: Pick) -> Vec<T> {
    let first = pick.first % candidates.len().max(1);
    candidates.iter().cycle().skip(first).take(pick.count.min(candidates.len())).cloned().collect()
}
