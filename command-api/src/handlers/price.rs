//! The answer of a dry run, of a submit or a retry alike.

use crate::submission::Quote;
use serde::Serialize;
use utoipa::ToSchema;

/// The price of what was asked for; nothing was queued.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Price {
    /// Always `dryRun`.
    #[schema(pattern = "^dryRun$")]
    status: &'static str,
    /// Number of items.
    total: usize,
    /// The most that one item can cost.
    credits_per_item: u64,
    /// What would be set aside.
    credits_total: u64,
    /// Version of the price list.
    price_list: u32,
}

impl From<Quote> for Price {
    fn from(quote: Quote) -> Self {
        Self {
            status: "dryRun",
            total: quote.items,
            credits_per_item: quote.per_item,
            credits_total: quote.total(),
            price_list: quote.price_list,
        }
    }
}
