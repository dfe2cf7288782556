//! What a page costs: a versioned price list, the bound that is reserved and the amount that is charged.
//! Prices are data; the version goes into the batch, so that a later list changes no running batch.

use crate::{ErrorCode, ScrapeMode, ScrapeOptions, Screenshot};
use serde::{Deserialize, Serialize};

/// Prices in whole credits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceList {
    /// Grows with every change.
    pub version: u32,
    /// A page opened in Chromium.
    pub page: u64,
    /// A page fetched without a browser.
    pub fast_page: u64,
    /// A picture, on top.
    pub screenshot: u64,
    /// A page that failed, whatever the reason.
    pub failure: u64,
}

/// What an attempt used, as the worker measured it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Wall time of the attempt, in milliseconds.
    pub duration_ms: u64,
    /// Bytes that came in through the egress proxy.
    pub received_bytes: u64,
    /// Requests that went out through the egress proxy.
    pub requests: u32,
}

impl PriceList {
    /// The list that is built in.
    pub const BUILT_IN: Self = Self { version: 1, page: 2, fast_page: 1, screenshot: 1, failure: 0 };

    /// The most that one item with these options can cost; this much is reserved.
    #[must_use]
    pub fn reserve_per_item(&self, options: &ScrapeOptions) -> u64 {
        self.completed(options, options.screenshot != Screenshot::None).max(self.failure)
    }

    /// The price of a completed item; `pictured` when a screenshot was stored.
    #[must_use]
    pub fn completed(&self, options: &ScrapeOptions, pictured: bool) -> u64 {
        let page = match options.mode {
            ScrapeMode::Default => self.page,
            ScrapeMode::Fast => self.fast_page,
        };
        page + if pictured { self.screenshot } else { 0 }
    }

    /// The price of an item that failed this way.
    #[must_use]
    pub fn failed(&self, _code: ErrorCode) -> u64 {
        self.failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_never_above_the_reservation() {
        for screenshot in [Screenshot::None, Screenshot::Viewport, Screenshot::FullPage] {
            for mode in [ScrapeMode::Default, ScrapeMode::Fast] {
                let options = ScrapeOptions { screenshot, mode, ..ScrapeOptions::default() };
                let pictured = screenshot != Screenshot::None;
                let prices = PriceList::BUILT_IN;
                assert!(prices.completed(&options, pictured) <= prices.reserve_per_item(&options));
                for code in ErrorCode::ALL {
                    assert!(prices.failed(*code) <= prices.reserve_per_item(&options));
                }
            }
        }
    }
}
