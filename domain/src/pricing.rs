//! What a page costs: versioned price lists, the bound that is reserved and the amount that is charged.
//! Prices are data; the version goes into the batch, so that a later list changes no running batch.

use crate::{ErrorCode, ModelBudget, ScrapeMode, ScrapeOptions, Screenshot};
use serde::{Deserialize, Serialize};

/// CAPTCHAs that one item may have solved.
pub const CAPTCHAS_PER_ITEM_MAX: u32 = 1;
/// Tokens that the price of tokens is for.
const TOKENS_PRICED: u64 = 1_000;

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
    /// A thousand tokens of a language model, asked and answered alike, on top. An item's sum is rounded up.
    #[serde(default)]
    pub thousand_tokens: u64,
    /// A CAPTCHA that was solved, on top.
    #[serde(default)]
    pub captcha: u64,
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
    /// The list of the first release: no model, no CAPTCHAs.
    const FIRST: Self =
        Self { version: 1, page: 2, fast_page: 1, screenshot: 1, failure: 0, thousand_tokens: 0, captcha: 0 };
    /// The list that is built in: the newest.
    pub const BUILT_IN: Self = Self { version: 2, thousand_tokens: 1, captcha: 5, ..Self::FIRST };

    /// The list that had this version; `None` for one that never was.
    #[must_use]
    pub fn of_version(version: u32) -> Option<Self> {
        [Self::FIRST, Self::BUILT_IN].into_iter().find(|list| list.version == version)
    }

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
        self.completed(options, options.screenshot != Screenshot::None, &most).max(self.failure)
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
        let tokens = usage.tokens().saturating_mul(self.thousand_tokens).div_ceil(TOKENS_PRICED);
        let captchas = u64::from(usage.captchas).saturating_mul(self.captcha);
        page.saturating_add(picture).saturating_add(tokens).saturating_add(captchas)
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
    use crate::OutputFormat;
    use proptest::prelude::*;

    fn options() -> impl Strategy<Value = ScrapeOptions> {
        let screenshot =
            prop_oneof![Just(Screenshot::None), Just(Screenshot::Viewport), Just(Screenshot::FullPage)];
        let mode = prop_oneof![Just(ScrapeMode::Default), Just(ScrapeMode::Fast)];
        let output = prop_oneof![Just(OutputFormat::Json), Just(OutputFormat::Markdown)];
        (screenshot, mode, output, proptest::option::of("[a-z ]{0,60}"), any::<bool>()).prop_map(
            |(screenshot, mode, output, prompt, has_schema)| ScrapeOptions {
                screenshot,
                mode,
                output,
                prompt,
                schema: has_schema.then(|| serde_json::json!({"type": "object"})),
                ..ScrapeOptions::default()
            },
        )
    }

    fn extras() -> impl Strategy<Value = Extras> {
        let budget = (any::<u32>(), any::<u32>())
            .prop_map(|(page_tokens, answer_tokens)| ModelBudget { page_tokens, answer_tokens });
        (proptest::option::of(budget), any::<bool>())
            .prop_map(|(model, captcha_solver)| Extras { model, captcha_solver })
    }

    /// What an attempt within its bounds may use, as parts of the most.
    fn used(options: &ScrapeOptions, extras: &Extras, part: (f64, f64, bool)) -> Usage {
        let most = extras.model.filter(|_| options.asks_model()).map(|model| model.most(options));
        let most = most.unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a u32 is one")]
        let some = |most: u32, part: f64| (f64::from(most) * part) as u32;
        let solves = part.2 && extras.captcha_solver && options.mode == ScrapeMode::Default;
        Usage {
            model_input_tokens: some(most.input, part.0),
            model_output_tokens: some(most.output, part.1),
            captchas: u32::from(solves),
            ..Usage::default()
        }
    }

    proptest! {
        #[test]
        fn a_charge_is_never_above_the_reservation(
            options in options(),
            extras in extras(),
            part in (0.0..=1.0, 0.0..=1.0, any::<bool>()),
            version in 1..=2_u32,
        ) {
            let prices = PriceList::of_version(version).unwrap();
            let reserved = prices.reserve_per_item(&options, &extras);
            let usage = used(&options, &extras, part);
            let pictured = options.screenshot != Screenshot::None;
            prop_assert!(prices.completed(&options, pictured, &usage) <= reserved);
            prop_assert!(prices.completed(&options, false, &Usage::default()) <= reserved);
            for code in ErrorCode::ALL {
                prop_assert_eq!(prices.failed(*code), 0);
            }
        }
    }

    #[test]
    fn tokens_are_charged_by_what_was_used_and_rounded_up_once() {
        let options = ScrapeOptions::default();
        let usage = Usage { model_input_tokens: 1_400, model_output_tokens: 601, ..Usage::default() };
        assert_eq!(PriceList::BUILT_IN.completed(&options, false, &usage), 2 + 3);
        assert_eq!(PriceList::FIRST.completed(&options, false, &usage), 2);
    }

    #[test]
    fn a_solved_captcha_is_reserved_and_charged_where_somebody_solves() {
        let (options, prices) = (ScrapeOptions::default(), PriceList::BUILT_IN);
        let solver = Extras { captcha_solver: true, ..Extras::default() };
        assert_eq!(prices.reserve_per_item(&options, &Extras::default()), 2);
        assert_eq!(prices.reserve_per_item(&options, &solver), 7);
        assert_eq!(prices.completed(&options, false, &Usage { captchas: 1, ..Usage::default() }), 7);
        let fast = ScrapeOptions { mode: ScrapeMode::Fast, ..options };
        assert_eq!(prices.reserve_per_item(&fast, &solver), 1);
    }

    #[test]
    fn batches_of_the_first_list_keep_its_prices() {
        let first = PriceList::of_version(1).unwrap();
        let model = Some(ModelBudget { page_tokens: 8_000, answer_tokens: 2_000 });
        let extras = Extras { model, captcha_solver: true };
        let options = ScrapeOptions {
            output: OutputFormat::Json,
            prompt: Some("prices".to_owned()),
            ..ScrapeOptions::default()
        };
        assert_eq!(first.reserve_per_item(&options, &extras), 2);
        assert!(PriceList::BUILT_IN.reserve_per_item(&options, &extras) > 20);
        assert_eq!(PriceList::of_version(3), None);
    }
}
