//! Reads one fact as the kind of value that the schema wants, or says that it is none.

use serde_json::Value;

use super::dates;
use super::match_names::Query;
use super::shape::{Kind, Shape};
use super::validate::is_within;
use super::values::{self, Writing};
use super::yes_no;
use crate::page;
use crate::structured::Found;
use crate::structured::entity::{Fact, scalar};

/// Levels of a value that is taken over as it stands.
const RAW_LEVELS_MAX: usize = 6;

/// The fact as a scalar of that shape.
pub(crate) fn scalar_value(fact: &Fact, shape: &Shape, query: &Query, found: &Found) -> Option<Value> {
    let value = match &shape.kind {
        Kind::Number | Kind::Integer => number(fact, shape, query, found)?,
        Kind::Boolean => Value::from(boolean(&fact.value)? != query.is_inverted()),
        Kind::Text => text(fact, shape, query, found).map(Value::from)?,
        Kind::Any => any(fact, query, found)?,
        Kind::Object(_) | Kind::List(_) | Kind::Either(_) => return None,
    };
    if shape.choices.is_empty() { Some(value) } else { nearest(&value, &shape.choices) }
}

fn number(fact: &Fact, shape: &Shape, query: &Query, found: &Found) -> Option<Value> {
    let integer = matches!(shape.kind, Kind::Integer);
    if let Value::Number(number) = &fact.value {
        return (!integer || number.as_f64().is_some_and(|value| value.fract() == 0.0))
            .then(|| number.as_f64().and_then(values::json_number))
            .flatten();
    }
    let text = scalar(&fact.value)?;
    if let Some(minutes) = values::minutes(&text) {
        let per = if query.words.iter().any(|word| word.starts_with("hour")) { 60.0 } else { 1.0 };
        return values::json_number(minutes / per).filter(|number| !integer || number.is_i64());
    }
    // A stock status is no count, a year is no price: only text with a number near its start is read.
    let writing = Writing { visible: fact.visible, decimal_comma: found.decimal_comma };
    let value = values::number(&text, writing)?;
    // A count has no decimals: there "1.284" is one thousand and so on, whoever wrote it.
    let value = if integer && value.fract() != 0.0 { values::grouped(&text).unwrap_or(value) } else { value };
    let prose =
        text.split_whitespace().take_while(|word| !word.contains(|c: char| c.is_ascii_digit())).count();
    if (prose > 4 && query.concept.is_some()) || (integer && value.fract() != 0.0) {
        return None;
    }
    values::json_number(value)
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        other => yes_no::boolean(&scalar(other)?),
    }
}

/// The fact as text in the wanted format.
pub(crate) fn text(fact: &Fact, shape: &Shape, query: &Query, found: &Found) -> Option<String> {
    let address = query.is_address()
        || matches!(shape.format.as_deref(), Some("uri" | "url" | "iri" | "uri-reference"));
    if address {
        return address_of(&fact.value, found);
    }
    let text = match &fact.value {
        Value::Array(list) if list.len() > 1 => list.iter().filter_map(scalar).collect::<Vec<_>>().join(", "),
        other => scalar(other)?,
    };
    match shape.format.as_deref() {
        Some("date") => dates::date(&text),
        Some("date-time") => dates::date_time(&text),
        Some("email") => text.contains('@').then(|| text.trim_start_matches("mailto:").to_owned()),
        _ if query.concept == Some("currency") => values::currency(&text).map(str::to_owned),
        _ if query.concept == Some("author") => author(&text),
        _ => Some(text),
    }
}

/// A name without "by"; the page of a social network or an address for letters is none.
fn author(text: &str) -> Option<String> {
    const BY: &[&str] = &[
        "written by ",
        "posted by ",
        "by ",
        "von ",
        "par ",
        "por ",
        "di ",
        "door ",
        "av ",
        "af ",
        "autor: ",
        "author: ",
    ];
    let lower = text.to_lowercase();
    let by = BY.iter().find(|by| lower.starts_with(**by)).map_or(0, |by| by.len());
    let name = text.get(by..).unwrap_or(text).trim();
    let is_mail = name.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    (!name.is_empty() && !name.starts_with("http") && !is_mail).then(|| name.to_owned())
}

fn address_of(value: &Value, found: &Found) -> Option<String> {
    match value {
        Value::Array(list) => list.iter().find_map(|one| address_of(one, found)),
        Value::Object(object) => {
            ["url", "contentUrl", "@id"].iter().find_map(|key| address_of(object.get(*key)?, found))
        }
        Value::String(text) if !text.trim().contains(' ') => page::absolute(&found.base, text),
        _ => None,
    }
}

fn any(fact: &Fact, query: &Query, found: &Found) -> Option<Value> {
    match &fact.value {
        Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) if query.concept.is_none() => {
            is_within(&fact.value, RAW_LEVELS_MAX).then(|| fact.value.clone())
        }
        value => {
            let text = if query.is_address() { address_of(value, found) } else { scalar(value) }?;
            let writing = Writing { visible: fact.visible, decimal_comma: found.decimal_comma };
            match query.concept {
                Some("price" | "originalprice" | "rating" | "reviewcount") => {
                    values::number(&text, writing).and_then(values::json_number)
                }
                Some("currency") => values::currency(&text).map(Value::from),
                _ => Some(Value::from(text)),
            }
        }
    }
}

/// The member of an enumeration that is meant.
fn nearest(value: &Value, choices: &[Value]) -> Option<Value> {
    if choices.contains(value) {
        return Some(value.clone());
    }
    let fold = |text: &str| {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
    };
    let text = fold(&scalar(value)?);
    let named: Vec<(String, &Value)> =
        choices.iter().filter_map(|one| Some((fold(&scalar(one)?), one))).collect();
    let equal = named.iter().find(|(name, _)| *name == text);
    let part = || {
        let inside = named.iter().filter(|(name, _)| {
            name.len() > 2 && (text.contains(name) || name.contains(&text)) && text.len() > 2
        });
        inside.max_by_key(|(name, _)| name.len())
    };
    let stock = || {
        let status = yes_no::boolean(&scalar(value)?)?;
        named.iter().find(|(_, one)| {
            scalar(one).and_then(|name| yes_no::boolean(&name.replace('_', " "))) == Some(status)
        })
    };
    let close = || {
        let ranked = named
            .iter()
            .map(|entry| (distance(&entry.0, &text), entry))
            .min_by_key(|(distance, _)| *distance)?;
        (ranked.0 * 3 <= text.chars().count()).then_some(ranked.1)
    };
    equal.or_else(stock).or_else(part).or_else(close).map(|(_, one)| (*one).clone())
}

/// Single-character edits between two short texts.
fn distance(a: &str, b: &str) -> usize {
    const CHARS_MAX: usize = 64;
    let b: Vec<char> = b.chars().take(CHARS_MAX).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(CHARS_MAX).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_member_is_chosen() {
        let choices = [Value::from("in_stock"), Value::from("out_of_stock"), Value::from("preorder")];
        for (text, expected) in [
            ("InStock", 0),
            ("OutOfStock", 1),
            ("PreOrder", 2),
            ("Sold out", 1),
            ("In stock (3)", 0),
            ("pre-ordr", 2),
        ] {
            assert_eq!(nearest(&Value::from(text), &choices), Some(choices[expected].clone()), "{text}");
        }
        assert_eq!(nearest(&Value::from("purple"), &choices), None);
    }
}
