//! What the desk must know of an item before it decides, read from the state of its batch. Decides nothing.

use leafcutter_domain::{
    AccountId, BatchId, ItemIndex, Moment, ScrapeOptions,
    batch::{BatchState, ItemStatus, Running},
};
use leafcutter_secrets::SecretName;

/// What the submit said of an item: it never changes.
pub(super) struct Asked {
    pub(super) account: AccountId,
    pub(super) options: ScrapeOptions,
    pub(super) url: String,
    pub(super) price_list: u32,
    pub(super) cookies: Option<SecretName>,
}

impl Asked {
    pub(super) fn of(state: &BatchState, batch: BatchId, item: ItemIndex) -> Option<Self> {
        let submission = state.submission.as_ref()?;
        Some(Self {
            account: submission.account,
            options: submission.options.clone(),
            url: state.item(item)?.url.clone(),
            price_list: submission.price_list,
            cookies: submission
                .has_cookies
                .then(|| SecretName { batch, request: submission.fingerprint.clone() }),
        })
    }
}

/// An attempt as a report finds it.
pub(super) enum Attempt {
    /// It runs under the report's lease.
    Running(u32),
    /// The last one of the item, which has ended or is another's.
    Other(u32),
}

impl Attempt {
    pub(super) fn last(&self) -> u32 {
        match self {
            Self::Running(attempt) | Self::Other(attempt) => *attempt,
        }
    }
}

/// The running attempt of an item, if it fits.
pub(super) fn attempt_of(
    state: &BatchState,
    item: ItemIndex,
    fits: impl Fn(&Running) -> bool,
) -> Option<(u32, Moment)> {
    let item = state.item(item)?;
    match &item.status {
        ItemStatus::Running(running) if fits(running) => Some((item.attempt, running.deadline)),
        ItemStatus::Running(_)
        | ItemStatus::Pending
        | ItemStatus::Completed
        | ItemStatus::Failed
        | ItemStatus::Cancelled => None,
    }
}
