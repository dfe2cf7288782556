//! The prices that the write side charges: the list of new batches, and those of batches that are under way. The log
//! says what a version costs; the operator's file only says which lists there are to be and which one holds now.

use crate::Commands;
use leafcutter_domain::{
    BatchId, ErrorCode, Moment, PriceList,
    price_lists::{PriceListRejection, PriceLists, PublishPriceList},
};
use leafcutter_event_store::{EventStore, Streams, TransactError};
use leafcutter_wire::ApiError;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

/// The price lists of a process.
pub struct PriceBook {
    log: Streams<PriceLists>,
    /// What the operator wants to be published.
    offered: Vec<PriceList>,
    /// The newest of them.
    current: PriceList,
    /// Lists that were looked up. A version never changes, so they are never looked up again.
    known: RwLock<BTreeMap<u32, Arc<PriceList>>>,
}

impl PriceBook {
    /// A book with these lists of the operator; without any, the built-in one holds.
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>, offered: Vec<PriceList>) -> Self {
        let newest = offered.iter().max_by_key(|list| list.version).cloned();
        let current = newest.unwrap_or_else(PriceList::built_in);
        Self { log: Streams::new(store), offered, current, known: RwLock::default() }
    }

    /// Writes the operator's lists into the log, those that are not there. To be done before anything is charged;
    /// done twice, also by two replicas at once, it changes nothing.
    ///
    /// # Errors
    /// A version is there with other prices, or the log cannot be written.
    pub async fn publish(&self, at: Moment) -> Result<(), TransactError<PriceListRejection>> {
        for list in &self.offered {
            self.log.transact((), PublishPriceList { list: list.clone(), at }).await?;
        }
        let newest = self.log.inspect((), |folded| folded.state.lists.keys().next_back().copied()).await?;
        if let Some(newest) = newest.filter(|newest| *newest > self.current.version) {
            let version = self.current.version;
            tracing::warn!(
                version,
                newest,
                "new batches are priced by an older list than the newest published"
            );
        }
        Ok(())
    }

    /// The prices of new batches.
    pub(crate) fn current(&self) -> &PriceList {
        &self.current
    }

    /// The prices under which a batch was submitted.
    pub(crate) async fn of_version(&self, version: u32) -> Result<Arc<PriceList>, ApiError> {
        if let Some(list) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&version) {
            return Ok(Arc::clone(list));
        }
        let found = self.log.inspect((), |folded| folded.state.of_version(version)).await?;
        let Some(list) = found.map(Arc::new) else {
            tracing::error!(version, "a batch names a price list that was never published");
            return Err(ApiError::Internal);
        };
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(version, Arc::clone(&list));
        Ok(list)
    }
}

impl Commands {
    /// What an item of this batch costs whose worker is lost for good.
    pub(crate) async fn price_of_lost(&self, batch: BatchId) -> Result<u64, ApiError> {
        let submitted = self
            .batches
            .recall(batch, |folded| folded.state.submission.as_ref().map(|submission| submission.price_list));
        let Some(version) = submitted.await? else { return Ok(0) };
        Ok(self.prices.of_version(version).await?.failed(ErrorCode::WorkerLost))
    }
}
