//! Counts the items of a batch from its events alone, as a read model does, and refuses a history in which an
//! item ends twice or leaves a state that it is not in. Knows nothing of `evolve`.

use crate::check::{Verdict, must};
use leafcutter_domain::{ItemIndex, batch::BatchEvent};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

/// Where every item stands.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) total: usize,
    items: Vec<Stand>,
}

impl Tally {
    pub(crate) fn of(events: &[BatchEvent]) -> Result<Self, String> {
        let mut tally = Self::default();
        for event in events {
            tally.count(event).map_err(|why| format!("{why}: {event:?}"))?;
        }
        Ok(tally)
    }

    /// Completed, failed, cancelled, pending, running.
    pub(crate) fn counts(&self) -> [usize; 5] {
        [Stand::Completed, Stand::Failed, Stand::Cancelled, Stand::Pending, Stand::Running]
            .map(|stand| self.items.iter().filter(|item| **item == stand).count())
    }

    pub(crate) fn pending(&self) -> usize {
        self.counts()[3]
    }

    pub(crate) fn running(&self) -> usize {
        self.counts()[4]
    }

    fn count(&mut self, event: &BatchEvent) -> Verdict {
        match event {
            BatchEvent::BatchSubmitted(submitted) => self.total = usize::from(submitted.total),
            BatchEvent::ItemQueued(_) => self.items.push(Stand::Pending),
            BatchEvent::ItemStarted(started) => self.turn(started.item, Stand::Pending, Stand::Running)?,
            BatchEvent::ItemRequeued(requeued) => self.turn(requeued.item, Stand::Running, Stand::Pending)?,
            BatchEvent::ItemCompleted(done) => self.turn(done.item, Stand::Running, Stand::Completed)?,
            BatchEvent::ItemFailed(failed) => {
                let from = if failed.attempt == 0 { Stand::Pending } else { Stand::Running };
                self.turn(failed.item, from, Stand::Failed)?;
            }
            BatchEvent::RetryRequested(requested) => {
                for item in &requested.items {
                    self.turn(*item, Stand::Failed, Stand::Pending)?;
                }
            }
            BatchEvent::BatchCancelled(cancelled) => {
                for item in &cancelled.items {
                    self.turn(*item, Stand::Pending, Stand::Cancelled)?;
                }
                must(self.pending() == 0, || "a cancel left items pending".into())?;
            }
            BatchEvent::BatchFailed(_) => {
                let open = |item: &&mut Stand| matches!(**item, Stand::Pending | Stand::Running);
                self.items.iter_mut().filter(open).for_each(|item| *item = Stand::Cancelled);
            }
            BatchEvent::BatchCompleted(_) => {
                must(self.pending() + self.running() == 0, || "completed with open items".into())?;
            }
            BatchEvent::ResultsErased(_) => {
                must(self.pending() + self.running() == 0, || "erased with open items".into())?;
            }
            BatchEvent::SubmissionAbandoned(_) => {}
        }
        Ok(())
    }

    fn turn(&mut self, item: ItemIndex, from: Stand, to: Stand) -> Verdict {
        let stand = self.items.get_mut(usize::from(item)).ok_or("there is no such item")?;
        must(*stand == from, || format!("item {item} is {stand:?} and not {from:?}"))?;
        *stand = to;
        Ok(())
    }
}
