//! Where schemas stand inside a schema, and what a reference inside it names.
//!
//! A property that is *called* `$ref` and an example that *contains* one are no references, so this goes by
//! keyword and not by key. **Not here:** limits.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

/// The value to which an inner schema applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applies {
    /// The same value as the schema around it.
    Here,
    /// One of the value's members, another member than its neighbours do.
    OneMember,
    /// Any of the value's members.
    EachMember,
}

/// Keywords with one schema.
const SINGLE: &[(&str, Applies)] = &[
    ("not", Applies::Here),
    ("if", Applies::Here),
    ("then", Applies::Here),
    ("else", Applies::Here),
    ("additionalProperties", Applies::OneMember),
    ("unevaluatedProperties", Applies::EachMember),
    ("propertyNames", Applies::EachMember),
    ("items", Applies::OneMember),
    ("additionalItems", Applies::OneMember),
    ("unevaluatedItems", Applies::EachMember),
    ("contains", Applies::EachMember),
    ("contentSchema", Applies::EachMember),
];
/// Keywords with a list of schemas.
const LISTS: &[(&str, Applies)] = &[
    ("allOf", Applies::Here),
    ("anyOf", Applies::Here),
    ("oneOf", Applies::Here),
    ("prefixItems", Applies::OneMember),
    ("items", Applies::OneMember),
];
/// Keywords with schemas by name.
const MAPS: &[(&str, Applies)] = &[
    ("properties", Applies::OneMember),
    ("patternProperties", Applies::EachMember),
    ("dependentSchemas", Applies::Here),
    ("dependencies", Applies::Here),
];
/// Keywords that name a schema that stands elsewhere.
const REFERENCES: &[&str] = &["$ref", "$dynamicRef", "$recursiveRef"];
/// Keywords that keep schemas for references; they apply to nothing by themselves.
const KEPT: &[&str] = &["$defs", "definitions"];

/// The schemas directly inside `schema` and what they apply to; references are not followed.
pub(super) fn inner(schema: &Map<String, Value>) -> impl Iterator<Item = (Applies, &Value)> {
    let single = SINGLE.iter().filter_map(|(key, applies)| Some((*applies, schema.get(*key)?)));
    let lists = LISTS.iter().flat_map(|(key, applies)| {
        let list = schema.get(*key).and_then(Value::as_array);
        list.into_iter().flatten().map(|one| (*applies, one))
    });
    let maps = MAPS.iter().flat_map(|(key, applies)| named(schema, key).map(|one| (*applies, one)));
    single.chain(lists).chain(maps).filter(|(_, one)| one.is_object())
}

/// The schemas that only wait to be referred to.
pub(super) fn kept(schema: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    KEPT.iter().flat_map(|key| named(schema, key))
}

fn named<'s>(schema: &'s Map<String, Value>, key: &str) -> impl Iterator<Item = &'s Value> {
    schema.get(key).and_then(Value::as_object).into_iter().flat_map(Map::values)
}

/// The references of a schema, as written.
pub(super) fn references(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    REFERENCES.iter().filter_map(|key| schema.get(*key)?.as_str())
}

/// A schema with what references in it can name.
pub(super) struct Document<'s> {
    pub(super) root: &'s Value,
    anchors: HashMap<&'s str, &'s Value>,
}

impl<'s> Document<'s> {
    /// Work: one look at each value.
    pub(super) fn new(root: &'s Value) -> Self {
        let (mut open, mut anchors) = (vec![root], HashMap::new());
        while let Some(next) = open.pop() {
            match next {
                Value::Object(map) => {
                    let names =
                        ["$anchor", "$dynamicAnchor"].iter().filter_map(|key| map.get(*key)?.as_str());
                    anchors.extend(names.map(|name| (name, next)));
                    open.extend(map.values());
                }
                Value::Array(list) => open.extend(list),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        Self { root, anchors }
    }

    /// What `#`, `#/a/pointer` or `#anchor` names.
    pub(super) fn target(&self, reference: &str) -> Option<&'s Value> {
        let fragment = reference.strip_prefix('#')?;
        if fragment.is_empty() || fragment.starts_with('/') {
            return self.root.pointer(&percent_decoded(fragment)?);
        }
        self.anchors.get(fragment).copied()
    }

    /// Every schema, each once, the root first, references followed; `Err` is a reference that leads
    /// nowhere inside.
    pub(super) fn schemas(&self) -> Result<Vec<&'s Map<String, Value>>, &'s str> {
        let mut seen = HashSet::new();
        let (mut open, mut found) = (vec![self.root], Vec::new());
        while let Some(next) = open.pop() {
            let Some(schema) = next.as_object().filter(|schema| seen.insert(std::ptr::from_ref(*schema)))
            else {
                continue;
            };
            found.push(schema);
            open.extend(inner(schema).map(|(_, one)| one).chain(kept(schema)));
            for reference in references(schema) {
                open.push(self.target(reference).ok_or(reference)?);
            }
        }
        Ok(found)
    }
}

/// `None` when it is no text after decoding.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let coded = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte = coded
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).ok()
}
