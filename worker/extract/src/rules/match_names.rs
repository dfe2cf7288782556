//! Which facts can answer a field: its own name first, then names that mean the same.
//!
//! **Not here:** reading a value.

use super::concepts::{COMMON, CONCEPTS, LEADING, TRAILING};
use crate::structured::entity::words;

/// A longer description is a sentence about the field.
const DESCRIBED_WORDS_MAX: usize = 4;

/// What a field asks for.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// The field's own words.
    pub(crate) words: Vec<String>,
    /// Names of facts that can answer, best first.
    pub(crate) names: Vec<String>,
    /// Canonical name of the meaning, when it is a known one.
    pub(crate) concept: Option<&'static str>,
}

impl Query {
    /// From a field's name, and what its description says.
    pub(crate) fn new(field: &str, description: &str) -> Self {
        let words = words(field);
        let mut names = vec![words.concat()];
        for short in shortened(&words) {
            push(&mut names, short);
        }
        let by_name = names.iter().find_map(|name| concept(name));
        let concept = by_name.or_else(|| in_sentence(description));
        for alias in concept.into_iter().flatten() {
            push(&mut names, (*alias).to_owned());
        }
        // A short description is a label in the page's own language.
        let described = crate::structured::entity::words(description);
        if (1..=DESCRIBED_WORDS_MAX).contains(&described.len()) {
            push(&mut names, described.concat());
        }
        Self { words, names, concept: concept.and_then(|names| names.first().copied()) }
    }

    /// The field speaks of absence: `out_of_stock`, `sold_out`.
    pub(crate) fn is_inverted(&self) -> bool {
        let name = self.words.concat();
        ["outofstock", "soldout", "unavailable", "discontinued"].iter().any(|word| name.contains(word))
    }

    /// The values are addresses.
    pub(crate) fn is_address(&self) -> bool {
        matches!(self.concept, Some("url" | "image" | "images"))
            || self
                .words
                .iter()
                .any(|word| matches!(word.as_str(), "url" | "link" | "href" | "links" | "urls"))
    }
}

/// The names of a meaning, when `name` is one of them.
pub(crate) fn concept(name: &str) -> Option<&'static [&'static str]> {
    let canonical = |name: &str| CONCEPTS.iter().find(|names| names[0] == name);
    let known = || CONCEPTS.iter().find(|names| names.contains(&name));
    let singular = || canonical(name.strip_suffix('s')?);
    canonical(name).or_else(known).or_else(singular).map(Vec::as_slice)
}

/// The meaning that a sentence names: the longest known name, uncommon ones first.
pub(crate) fn in_sentence(sentence: &str) -> Option<&'static [&'static str]> {
    let words = words(sentence);
    let mut common = None;
    for length in (1..=3).rev() {
        for window in words.windows(length) {
            let name = window.concat();
            if let Some(found) = concept(&name) {
                if !COMMON.contains(&name.as_str()) {
                    return Some(found);
                }
                common = common.or(Some(found));
            }
        }
    }
    common
}

fn shortened(words: &[String]) -> Vec<String> {
    let lead = words
        .iter()
        .take(words.len().saturating_sub(1))
        .take_while(|word| LEADING.contains(&word.as_str()))
        .count();
    let core = &words[lead..];
    let trail = core.iter().skip(1).rev().take_while(|word| TRAILING.contains(&word.as_str())).count();
    let mut names: Vec<String> = (1..=lead).map(|skip| words[skip..].concat()).collect();
    names.push(core[..core.len() - trail].concat());
    if let Some(singular) = names.last().and_then(|name| name.strip_suffix('s')) {
        names.push(singular.to_owned());
    }
    names
}

fn push(names: &mut Vec<String>, name: String) {
    if !name.is_empty() && !names.contains(&name) {
        names.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_understood_by_its_name_and_else_by_its_description() {
        let cases = [
            ("price", "", "price"),
            ("productPrice", "", "price"),
            ("price_usd", "", "price"),
            ("in_stock", "", "availability"),
            ("isAvailable", "", "availability"),
            ("product_name", "", "name"),
            ("imageUrl", "", "image"),
            ("original_price", "", "originalprice"),
            ("published_at", "", "date"),
            ("x1", "The price of the item in US dollars", "price"),
            ("who", "Name of the author", "author"),
            ("review_count", "", "reviewcount"),
            ("currencyCode", "", "currency"),
        ];
        for (field, description, expected) in cases {
            assert_eq!(Query::new(field, description).concept, Some(expected), "{field}");
        }
        assert_eq!(Query::new("shipping_cost", "").concept, None);
    }
}
