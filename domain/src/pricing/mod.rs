//! What a page costs: versioned price lists, the bound that is reserved and the amount that is charged.
//! Prices are data; the version goes into the batch, so that a later list changes no running batch.

mod list;
#[cfg(test)]
mod tests;

pub use list::{PriceFault, PriceList};

use crate::{ErrorCode, ModelBudget, ScrapeMode, ScrapeOptions, Screenshot};
use serde::{Deserialize, Serialize};

/// CAPTCHAs that one item may have solved.
pub const CAPTCHAS_PER_ITEM_MAX: u32 = 1;
/// Tokens that the price of tokens is for.
const TOKENS_PRICED: u64 = 1_000;

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
    /// Tokens that a language model was asked with, failed rounds included.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub model_input_tokens: u32,
    /// Tokens that it answered with, failed rounds included.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub model_output_tokens: u32,
    /// CAPTCHAs solved.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub captchas: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Usage {
    /// Tokens asked and answered.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        u64::from(self.model_input_tokens) + u64::from(self.model_output_tokens)
    }
}

/// What a deployment may use besides opening a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extras {
    /// A language model, with what it may have.
    pub model: Option<ModelBudget>,
    /// Somebody who solves CAPTCHAs.
    pub captcha_solver: bool,
}

impl PriceList {
    /// The most that one item with these options can cost here; this much is reserved.
    #[must_use]
    pub fn reserve_per_item(&self, options: &ScrapeOptions, extras: &Extras) -> u64 {
        let model = extras.model.filter(|_| options.asks_model());
        let tokens = model.map(|model| model.most(options)).unwrap_or_default();
        let captchas = match options.mode {
            ScrapeMode::Default if extras.captcha_solver => CAPTCHAS_PER_ITEM_MAX,
            ScrapeMode::Default | ScrapeMode::Fast => 0,
        };
        let most = Usage {
            model_input_tokens: tokens.input,
            model_output_tokens: tokens.output,
            captchas,
            ..Usage::default()
        };
        let pictured = options.screenshot != Screenshot::None;
        self.completed(options, pictured, &most).max(self.dearest_failure())
    }

    /// The price of a completed item; `pictured` when a screenshot was stored. What goes beyond the reservation
    /// (an item whose batch was submitted before there was a model) is not charged; the batch sees to it.
    #[must_use]
    pub fn completed(&self, options: &ScrapeOptions, pictured: bool, usage: &Usage) -> u64 {
        let page = match options.mode {
            ScrapeMode::Default => self.page,
            ScrapeMode::Fast => self.fast_page,
        };
        let picture = if pictured { self.screenshot } else { 0 };
        // A page that asked for a proxy is never opened without one.
        let proxy = if options.proxy.is_some() { self.proxy } else { 0 };
        let model = if usage.tokens() > 0 { self.model } else { 0 };
        let tokens = usage.tokens().saturating_mul(self.thousand_tokens).div_ceil(TOKENS_PRICED);
        let captchas = u64::from(usage.captchas).saturating_mul(self.captcha);
        [picture, proxy, model, tokens, captchas].into_iter().fold(page, u64::saturating_add)
    }

    /// The price of an item that failed this way: that of its class and nothing else, whatever it used.
    #[must_use]
    pub fn failed(&self, code: ErrorCode) -> u64 {
        self.failures.get(&code).copied().unwrap_or_default()
    }

    fn dearest_failure(&self) -> u64 {
        self.failures.values().copied().max().unwrap_or_default()
    }
}
