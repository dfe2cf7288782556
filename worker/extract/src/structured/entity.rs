//! One thing with named facts: the common form of a JSON-LD object, a table row and a product card.
//!
//! **Not here:** which fact answers which field; that is `rules::match_names`.

use serde_json::{Map, Value};

/// Levels of a JSON object that become facts of its owner.
const LEVELS_MAX: usize = 4;
/// Facts of one entity; more are left out.
const FACTS_MAX: usize = 4_000;

/// Parts that say something about their owner: the price in `offers` is the product's price.
const TRANSPARENT: &[&str] = &[
    "offers",
    "pricespecification",
    "aggregaterating",
    "hasvariant",
    "address",
    "geo",
    "nutrition",
    "basesalary",
    "joblocation",
    "reviewrating",
    "location",
    "mainentity",
    "value",
];
/// Facts of a part that never speak for its owner.
const OWN_ONLY: &[&str] = &["type", "name", "description", "url", "image", "sku", "id", "value", "author"];

/// A name, as words in lower case, and a value.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    /// `priceCurrency` and `price_currency` are both `["price", "currency"]`.
    pub(crate) words: Vec<String>,
    /// The words without a gap.
    pub(crate) name: String,
    /// What was said.
    pub(crate) value: Value,
    /// Written for readers ("1.299,00 €"), not for machines ("1299.00").
    pub(crate) visible: bool,
}

impl Fact {
    pub(crate) fn new(name: &str, value: impl Into<Value>, visible: bool) -> Self {
        let mut words = words(name);
        // People write "Item #" and "Artikel-Nr." above numbers.
        let number = matches!(words.last().map(String::as_str), Some("no" | "nr" | "num")) && words.len() > 1;
        if visible && number {
            words.pop();
        }
        if visible && (number || name.trim_end_matches([':', ' ']).ends_with(['#', '№'])) {
            words.push("number".to_owned());
        }
        Self { name: words.concat(), words, value: value.into(), visible }
    }
}

/// Facts in the order in which they are believed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entity {
    /// What is said outright.
    pub(crate) facts: Vec<Fact>,
    /// What classes, wording and position suggest; asked only when no fact answers.
    pub(crate) hints: Vec<Fact>,
    /// The names of things by what they are: `product`, `organization`. They answer texts only.
    pub(crate) kinds: Vec<Fact>,
}

impl Entity {
    /// The facts of a JSON object, its own first, then those of its parts.
    pub(crate) fn from_json(value: &Value) -> Self {
        let mut entity = Self::default();
        if let Some(object) = value.as_object() {
            entity.add(object, None, LEVELS_MAX);
            let kinds = object.get("@type").into_iter().flat_map(|kind| match kind {
                Value::Array(list) => list.as_slice(),
                one => std::slice::from_ref(one),
            });
            let name = ["name", "headline", "title"].iter().find_map(|key| object.get(*key));
            let named = kinds.filter_map(Value::as_str).zip(std::iter::repeat(name));
            entity.kinds.extend(named.filter_map(|(kind, name)| Some(Fact::new(kind, name?.clone(), false))));
        }
        entity
    }

    fn add(&mut self, object: &Map<String, Value>, part_of: Option<&str>, levels: usize) {
        for (key, value) in object {
            let fact = Fact::new(key, value.clone(), false);
            if self.facts.len() >= FACTS_MAX
                || fact.words.is_empty()
                || matches!(key.as_str(), "@context" | "@id")
            {
                continue;
            }
            let Some(part) = part_of else {
                self.facts.push(fact);
                continue;
            };
            self.facts.push(Fact::new(&format!("{part} {key}"), value.clone(), false));
            if TRANSPARENT.contains(&words(part).concat().as_str()) && !OWN_ONLY.contains(&fact.name.as_str())
            {
                self.facts.push(fact);
            }
        }
        for (key, value) in object {
            match key.as_str() {
                "additionalProperty" | "variableMeasured" => self.add_named_values(value),
                _ if levels > 0 => {
                    if let Some(part) = first_object(value) {
                        self.add(part, Some(key), levels - 1);
                    }
                }
                _ => {}
            }
        }
    }

    /// `PropertyValue`s: `{"name": "Weight", "value": "2 kg"}`.
    fn add_named_values(&mut self, list: &Value) {
        for one in list.as_array().map_or(std::slice::from_ref(list), Vec::as_slice) {
            if let (Some(name), Some(value)) = (one["name"].as_str(), one.get("value")) {
                self.facts.push(Fact::new(name, value.clone(), true));
            }
        }
    }

    /// Adds what `other` says, believed less than what is here.
    pub(crate) fn append(&mut self, other: Self) {
        self.facts.extend(other.facts);
        self.hints.extend(other.hints);
        self.kinds.extend(other.kinds);
    }
}

/// The object itself, or of a list the first that can be had for a price, else the first with a price, else
/// the first: a shoe is in stock when one of its sizes is.
fn first_object(value: &Value) -> Option<&Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        Value::Array(list) => {
            let mut objects = list.iter().filter_map(Value::as_object);
            let is_priced =
                |one: &&Map<String, Value>| one.contains_key("price") || one.contains_key("offers");
            let is_stocked = |one: &&Map<String, Value>| {
                one.get("availability").and_then(Value::as_str).is_some_and(|told| told.ends_with("InStock"))
            };
            let stocked = objects.clone().filter(is_priced).find(is_stocked);
            stocked.or_else(|| objects.clone().find(is_priced)).or_else(|| objects.next())
        }
        _ => None,
    }
}

/// Splits a name at case changes and everything that is no letter or digit; accents are taken off.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut lower_before = false;
    for c in name.chars() {
        let gap = !c.is_alphanumeric() || (c.is_uppercase() && lower_before);
        if gap && !current.is_empty() {
            words.push(std::mem::take(&mut current));
        }
        if c.is_alphanumeric() {
            current.extend(c.to_lowercase().map(plain));
        }
        lower_before = c.is_lowercase() || c.is_numeric();
    }
    if !current.is_empty() {
        words.push(current);
    }
    words
}

/// A Latin letter without its accent: field names are often written so.
fn plain(c: char) -> char {
    const FROM: &str = "àáâãäåāăąçćčďđèéêëēėęěìíîïīįıłľñńňòóôõöøőŕřśšşșťţțùúûüūůűųýÿźžżģķļņĺ";
    const INTO: &str = "aaaaaaaaacccddeeeeeeeeiiiiiiillnnnooooooorrsssstttuuuuuuuuyyzzzgklnl";
    if c.is_ascii() {
        return c;
    }
    FROM.chars().position(|one| one == c).and_then(|at| INTO.chars().nth(at)).unwrap_or(c)
}

/// The one text that stands for a value: a brand's name, an image's address, a step's text.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Object(object) => {
            let keys = ["@value", "name", "text", "contentUrl", "url", "headline", "value", "@id"];
            let inner = keys.iter().find_map(|key| object.get(*key).filter(|inner| !inner.is_object()))?;
            return scalar(inner);
        }
        Value::Array(list) => return list.iter().find_map(scalar),
        Value::Null => return None,
    };
    let text = crate::page::squeeze(&decode(&text));
    let text = ["https://schema.org/", "http://schema.org/"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix).map(str::to_owned))
        .unwrap_or(text);
    (!text.is_empty()).then_some(text)
}

/// JSON-LD often carries text that was escaped for HTML once more.
fn decode(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let pairs =
        [("&quot;", "\""), ("&#39;", "'"), ("&#039;", "'"), ("&apos;", "'"), ("&nbsp;", " "), ("&lt;", "<")];
    let decoded = pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    decoded.replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_are_taken_off_letter_by_letter() {
        assert_eq!(words("Año de construcción"), ["ano", "de", "construccion"]);
        assert_eq!(words("Größe, Żółw, šířka, Ünïcödé"), ["große", "zolw", "sirka", "unicode"]);
    }

    #[test]
    fn a_number_is_called_so_in_many_ways() {
        for label in ["Item #:", "Item No.", "Item-Nr.", "Item number"] {
            assert_eq!(Fact::new(label, "1", true).name, "itemnumber", "{label}");
        }
    }

    #[test]
    fn names_in_every_case_style_are_the_same_words() {
        for name in ["priceCurrency", "price_currency", "price-currency", "Price currency:", "PriceCurrency"]
        {
            assert_eq!(words(name), ["price", "currency"], "{name}");
        }
    }
}
