//! Where a proxy stands, as a caller may ask for it: a country, the European Union, or anywhere. Not here: which
//! places have proxies, and how they are used; that is the egress.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// The members of the European Union, in order, for the search.
const EU_MEMBERS: &[&[u8; 2]] = &[
    b"at", b"be", b"bg", b"cy", b"cz", b"de", b"dk", b"ee", b"es", b"fi", b"fr", b"gr", b"hr", b"hu", b"ie",
    b"it", b"lt", b"lu", b"lv", b"mt", b"nl", b"pl", b"pt", b"ro", b"se", b"si", b"sk",
];

/// Where a proxy stands. As text: `global`, `eu`, or the two letters of ISO 3166-1, lower-case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProxyPlace {
    /// Anywhere.
    #[default]
    Global,
    /// Any country of the European Union.
    Eu,
    /// One country.
    Country(CountryCode),
}

/// Two lower-case letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountryCode([u8; 2]);

/// A text that is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be a two-letter ISO country, `eu` or `global`")]
pub struct ParsePlaceError;

impl ProxyPlace {
    /// Whether a proxy that stands in `self` serves one who asks for `asked`: everything is somewhere, and a country
    /// of the Union is in it.
    #[must_use]
    pub fn serves(self, asked: Self) -> bool {
        match (self, asked) {
            (_, Self::Global) => true,
            (Self::Country(CountryCode(letters)), Self::Eu) => EU_MEMBERS.binary_search(&&letters).is_ok(),
            (own, asked) => own == asked,
        }
    }
}

impl FromStr for ProxyPlace {
    type Err = ParsePlaceError;

    /// Reads a place in any case of its letters.
    fn from_str(text: &str) -> Result<Self, ParsePlaceError> {
        match text.to_ascii_lowercase().as_bytes() {
            b"global" => Ok(Self::Global),
            b"eu" => Ok(Self::Eu),
            [one, two] if one.is_ascii_lowercase() && two.is_ascii_lowercase() => {
                Ok(Self::Country(CountryCode([*one, *two])))
            }
            _ => Err(ParsePlaceError),
        }
    }
}

impl fmt::Display for ProxyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::Eu => f.write_str("eu"),
            Self::Country(CountryCode(letters)) => {
                letters.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
            }
        }
    }
}

impl Serialize for ProxyPlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProxyPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> ProxyPlace {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_is_two_letters_or_a_region_in_any_case() {
        for (text, written) in [("de", "de"), ("US", "us"), ("EU", "eu"), ("Global", "global")] {
            assert_eq!(place(text).to_string(), written);
        }
        for text in ["", "d", "deu", "d1", "дe", "all", " de"] {
            assert_eq!(text.parse::<ProxyPlace>(), Err(ParsePlaceError), "{text:?}");
        }
    }

    #[test]
    fn a_region_is_served_by_its_countries_and_a_country_only_by_itself() {
        for (own, asked) in
            [("de", "de"), ("de", "eu"), ("at", "eu"), ("sk", "eu"), ("us", "global"), ("eu", "global")]
        {
            assert!(place(own).serves(place(asked)), "{own} serves {asked}");
        }
        for (own, asked) in
            [("us", "eu"), ("gb", "eu"), ("eu", "de"), ("global", "eu"), ("global", "us"), ("us", "de")]
        {
            assert!(!place(own).serves(place(asked)), "{own} does not serve {asked}");
        }
        assert!(EU_MEMBERS.is_sorted());
    }
}
