//! The price list as data: its fields, the two lists that are built in, and what makes a list unusable. How prices
//! add up is next door.

use crate::{ErrorCode, limits::PRICE_CREDITS_MAX};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::{collections::BTreeMap, fmt};

/// Prices in whole credits, each at most [`PRICE_CREDITS_MAX`]. Fields added later cost nothing in lists that do not
/// name them; a field that is not known here is refused, because it would be a price that nobody is charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceList {
    /// Grows with every change.
    pub version: u32,
    /// A page opened in Chromium.
    pub page: u64,
    /// A page fetched without a browser.
    pub fast_page: u64,
    /// A picture, on top.
    #[serde(default)]
    pub screenshot: u64,
    /// A page that was opened through an upstream proxy, on top.
    #[serde(default)]
    pub proxy: u64,
    /// Once for an item for which a language model was asked, on top.
    #[serde(default)]
    pub model: u64,
    /// A thousand tokens of a language model, asked and answered alike, on top. An item's sum is rounded up.
    #[serde(default)]
    pub thousand_tokens: u64,
    /// A CAPTCHA that was solved, on top.
    #[serde(default)]
    pub captcha: u64,
    /// A page that failed, by the reason; nothing for reasons that are not named.
    #[serde(default, deserialize_with = "each_once")]
    pub failures: BTreeMap<ErrorCode, u64>,
}

/// Why a price list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceFault {
    /// Versions begin with 1.
    #[error("the version of a price list must be at least 1")]
    Version,
    /// An amount that could make the sum of a batch larger than any account can hold.
    #[error(
        "`{field}` of price list {version} is {amount}; a price may be at most {PRICE_CREDITS_MAX} credits"
    )]
    TooHigh {
        /// The version of the list.
        version: u32,
        /// The field, as it is written in a file.
        field: String,
        /// Its amount.
        amount: u64,
    },
}

impl PriceList {
    /// The list of the first release: no model, no CAPTCHAs.
    const FIRST: Self = Self {
        version: 1,
        page: 2,
        fast_page: 1,
        screenshot: 1,
        proxy: 0,
        model: 0,
        thousand_tokens: 0,
        captcha: 0,
        failures: BTreeMap::new(),
    };

    /// The list that holds where the operator has none. Proxies and the asking of a model stay free in it: proxies are
    /// the operator's own, and tokens say better what a model costs. So there is nothing that a third version would
    /// change, and numbers from 3 on are left to operators.
    #[must_use]
    pub fn built_in() -> Self {
        Self { version: 2, thousand_tokens: 1, captcha: 5, ..Self::FIRST }
    }

    /// The built-in list of this version. Lists of operators are in the log.
    #[must_use]
    pub fn built_in_of(version: u32) -> Option<Self> {
        [Self::FIRST, Self::built_in()].into_iter().find(|list| list.version == version)
    }

    /// Whether the list can be used.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), PriceFault> {
        if self.version == 0 {
            return Err(PriceFault::Version);
        }
        let Self { version, page, fast_page, screenshot, proxy, model, thousand_tokens, captcha, failures } =
            self;
        let named = [
            ("page", page),
            ("fastPage", fast_page),
            ("screenshot", screenshot),
            ("proxy", proxy),
            ("model", model),
            ("thousandTokens", thousand_tokens),
            ("captcha", captcha),
        ];
        let named = named.into_iter().map(|(field, amount)| (field.to_owned(), amount));
        let classes = failures.iter().map(|(code, amount)| (format!("failures.{code}"), amount));
        let too_high = named.chain(classes).find(|(_, amount)| **amount > PRICE_CREDITS_MAX);
        too_high.map_or(Ok(()), |(field, amount)| {
            Err(PriceFault::TooHigh { version: *version, field, amount: *amount })
        })
    }
}

/// Reads prices of failures; one that is named twice is a slip of the pen.
fn each_once<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<ErrorCode, u64>, D::Error> {
    struct Prices;

    impl<'de> de::Visitor<'de> for Prices {
        type Value = BTreeMap<ErrorCode, u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of error codes and their prices")
        }

        fn visit_map<M: de::MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut prices = BTreeMap::new();
            while let Some((code, price)) = map.next_entry()? {
                if prices.insert(code, price).is_some() {
                    return Err(de::Error::custom(format_args!("duplicate price of {code}")));
                }
            }
            Ok(prices)
        }
    }

    from.deserialize_map(Prices)
}
