//! What an item costs and what is set aside for it, under the built-in lists and under any that may be used.

use super::*;
use crate::limits::{BATCH_URLS_MAX, CREDITS_MAX, PRICE_CREDITS_MAX};
use crate::{OutputFormat, ProxyPlace};
use proptest::prelude::*;

fn first() -> PriceList {
    PriceList::built_in_of(1).unwrap()
}

/// Any list that may be used.
fn lists() -> impl Strategy<Value = PriceList> {
    let price = || prop_oneof![Just(0), 0..=20_u64, 0..=PRICE_CREDITS_MAX];
    let failures = proptest::collection::btree_map(prop::sample::select(ErrorCode::ALL), price(), 0..=4);
    let flat = (price(), price(), price(), price());
    let used = (price(), price(), price());
    (1..=9_u32, flat, used, failures).prop_map(|(version, flat, used, failures)| PriceList {
        version,
        page: flat.0,
        fast_page: flat.1,
        screenshot: flat.2,
        proxy: flat.3,
        model: used.0,
        thousand_tokens: used.1,
        captcha: used.2,
        failures,
    })
}

fn options() -> impl Strategy<Value = ScrapeOptions> {
    let screenshot =
        prop_oneof![Just(Screenshot::None), Just(Screenshot::Viewport), Just(Screenshot::FullPage)];
    let mode = prop_oneof![Just(ScrapeMode::Default), Just(ScrapeMode::Fast)];
    let output = prop_oneof![Just(OutputFormat::Json), Just(OutputFormat::Markdown)];
    let forms = (screenshot, mode, output, any::<bool>());
    (forms, proptest::option::of("[a-z ]{0,60}"), any::<bool>()).prop_map(
        |((screenshot, mode, output, proxied), prompt, has_schema)| ScrapeOptions {
            screenshot,
            mode,
            output,
            proxy: proxied.then_some(ProxyPlace::Global),
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
        prices in prop_oneof![Just(first()), Just(PriceList::built_in()), lists()],
    ) {
        let reserved = prices.reserve_per_item(&options, &extras);
        let usage = used(&options, &extras, part);
        let pictured = options.screenshot != Screenshot::None;
        prop_assert!(prices.completed(&options, pictured, &usage) <= reserved);
        prop_assert!(prices.completed(&options, false, &Usage::default()) <= reserved);
        for code in ErrorCode::ALL {
            prop_assert!(prices.failed(*code) <= reserved);
        }
    }

    #[test]
    fn what_a_batch_sets_aside_is_exact_under_every_list_that_may_be_used(
        options in options(),
        prices in lists(),
    ) {
        let huge = ModelBudget { page_tokens: u32::MAX, answer_tokens: u32::MAX };
        let reserved = prices.reserve_per_item(&options, &Extras { model: Some(huge), captcha_solver: true });
        let batch = reserved.checked_mul(BATCH_URLS_MAX as u64);
        prop_assert!(batch.is_some_and(|batch| batch.checked_add(CREDITS_MAX).is_some()));
        prop_assert_eq!(prices.check(), Ok(()));
    }

    #[test]
    fn a_list_is_read_as_it_was_written(prices in lists()) {
        let json = serde_json::to_string(&prices).unwrap();
        prop_assert_eq!(serde_json::from_str::<PriceList>(&json).unwrap(), prices);
    }
}

#[test]
fn tokens_are_charged_by_what_was_used_and_rounded_up_once() {
    let options = ScrapeOptions::default();
    let usage = Usage { model_input_tokens: 1_400, model_output_tokens: 601, ..Usage::default() };
    assert_eq!(PriceList::built_in().completed(&options, false, &usage), 2 + 3);
    assert_eq!(first().completed(&options, false, &usage), 2);
}

#[test]
fn a_solved_captcha_is_reserved_and_charged_where_somebody_solves() {
    let (options, prices) = (ScrapeOptions::default(), PriceList::built_in());
    let solver = Extras { captcha_solver: true, ..Extras::default() };
    assert_eq!(prices.reserve_per_item(&options, &Extras::default()), 2);
    assert_eq!(prices.reserve_per_item(&options, &solver), 7);
    assert_eq!(prices.completed(&options, false, &Usage { captchas: 1, ..Usage::default() }), 7);
    let fast = ScrapeOptions { mode: ScrapeMode::Fast, ..options };
    assert_eq!(prices.reserve_per_item(&fast, &solver), 1);
}

#[test]
fn batches_of_the_first_list_keep_its_prices() {
    let first = PriceList::built_in_of(1).unwrap();
    let model = Some(ModelBudget { page_tokens: 8_000, answer_tokens: 2_000 });
    let extras = Extras { model, captcha_solver: true };
    let options = ScrapeOptions {
        output: OutputFormat::Json,
        prompt: Some("prices".to_owned()),
        ..ScrapeOptions::default()
    };
    assert_eq!(first.reserve_per_item(&options, &extras), 2);
    assert!(PriceList::built_in().reserve_per_item(&options, &extras) > 20);
    assert_eq!(PriceList::built_in_of(3), None);
    assert!(ErrorCode::ALL.iter().all(|code| first.failed(*code) == 0));
}

#[test]
fn a_proxy_and_the_asking_of_a_model_are_charged_once_for_an_item() {
    let prices = PriceList { version: 3, proxy: 10, model: 100, thousand_tokens: 0, ..PriceList::built_in() };
    let proxied = ScrapeOptions { proxy: Some(ProxyPlace::Global), ..ScrapeOptions::default() };
    let asked = Usage { model_input_tokens: 5_000, model_output_tokens: 1, ..Usage::default() };
    let cost = |options: &ScrapeOptions, usage: &Usage| prices.completed(options, false, usage);
    assert_eq!(cost(&proxied, &asked), 2 + 10 + 100);
    assert_eq!(cost(&proxied, &Usage::default()), 2 + 10);
    assert_eq!(cost(&ScrapeOptions::default(), &asked), 2 + 100);
    assert_eq!(prices.reserve_per_item(&proxied, &Extras::default()), 2 + 10);
}

#[test]
fn a_failure_costs_the_price_of_its_class_and_can_be_dearer_than_a_result() {
    let failures = [(ErrorCode::Blocked, 1), (ErrorCode::WorkerLost, 9)].into();
    let prices = PriceList { version: 3, failures, ..PriceList::built_in() };
    assert_eq!((prices.failed(ErrorCode::Blocked), prices.failed(ErrorCode::DnsFailure)), (1, 0));
    assert_eq!(prices.reserve_per_item(&ScrapeOptions::default(), &Extras::default()), 9);
}

#[test]
fn a_list_names_what_it_prices_and_nothing_else_once() {
    let read = |text: &str| serde_json::from_str::<PriceList>(text).map_err(|error| error.to_string());
    let least = read(r#"{"version": 3, "page": 2, "fastPage": 1}"#).unwrap();
    assert_eq!(least, PriceList { version: 3, screenshot: 0, ..first() });
    let wrong = [
        (r#"{"version": 3, "page": 2, "fastPage": 1, "pages": 3}"#, "unknown field `pages`"),
        (r#"{"version": 3, "page": 2, "page": 3, "fastPage": 1}"#, "duplicate field `page`"),
        (r#"{"version": 3, "page": -2, "fastPage": 1}"#, "-2"),
        (r#"{"version": 3, "page": 2}"#, "missing field `fastPage`"),
        (r#"{"version": 3, "page": 2, "fastPage": 1, "failures": {"OFF": 1}}"#, "unknown variant `OFF`"),
        (
            r#"{"version": 3, "page": 2, "fastPage": 1, "failures": {"BLOCKED": 1, "BLOCKED": 2}}"#,
            "duplicate price of BLOCKED",
        ),
    ];
    for (text, said) in wrong {
        assert!(read(text).is_err_and(|error| error.contains(said)), "{text}");
    }
}

#[test]
fn a_price_beyond_the_bound_and_a_version_of_nothing_are_refused_by_name() {
    let blocked = [(ErrorCode::Blocked, PRICE_CREDITS_MAX + 1)].into();
    let dear = PriceList { version: 3, failures: blocked, ..PriceList::built_in() };
    let said = dear.check().unwrap_err().to_string();
    assert!(said.contains("failures.BLOCKED") && said.contains("price list 3"), "{said}");
    assert_eq!(PriceList { version: 0, ..PriceList::built_in() }.check(), Err(PriceFault::Version));
}
