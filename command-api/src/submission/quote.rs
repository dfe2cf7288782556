//! What a round would set aside, said before anything is: what a dry run answers, what a ceiling is held against, and
//! what is then reserved are one and the same number.

use crate::Commands;
use leafcutter_domain::ScrapeOptions;
use leafcutter_wire::ApiError;

/// The price of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quote {
    /// Items of the round.
    pub(crate) items: usize,
    /// The most that one item can cost.
    pub(crate) per_item: u64,
    /// Version of the price list.
    pub(crate) price_list: u32,
}

impl Quote {
    /// Credits for all items.
    pub(crate) fn total(&self) -> u64 {
        self.per_item.saturating_mul(self.items as u64)
    }

    /// Refuses what costs more than the caller allows.
    ///
    /// # Errors
    /// 422 `COST_CEILING`.
    pub(crate) fn within(&self, max_credits: Option<u64>) -> Result<(), ApiError> {
        let total = self.total();
        let Some(max) = max_credits.filter(|max| *max < total) else { return Ok(()) };
        Err(ApiError::Invalid {
            code: "COST_CEILING",
            message: format!("{total} credits would be set aside, more than the {max} allowed."),
            errors: vec![format!("maxCredits: {max} is below {total}")],
        })
    }
}

impl Commands {
    /// The price of a new batch.
    pub(crate) fn quote(&self, options: &ScrapeOptions, items: usize) -> Quote {
        let prices = self.prices.current();
        let per_item = prices.reserve_per_item(options, &self.settings.extras);
        Quote { items, per_item, price_list: prices.version }
    }
}
