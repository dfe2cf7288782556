//! JSON-LD blocks, with the mistakes that real pages make in them.

use std::collections::HashMap;

use dom_query::Document;
use serde_json::Value;

use super::OBJECTS_MAX;

/// Levels of a list or graph that are opened.
const LEVELS_MAX: usize = 6;

/// All typed objects of the page, containers opened. A block that is no JSON, or nests deeper than the
/// parser allows (128), is left out.
pub(crate) fn read(document: &Document) -> Vec<Value> {
    let mut objects = Vec::new();
    for script in document.select("script[type*='ld+json']").nodes() {
        if let Some(block) = parse(&script.text()) {
            open(block, &mut objects, LEVELS_MAX);
        }
    }
    objects.truncate(OBJECTS_MAX);
    resolve(&mut objects);
    objects
}

fn parse(text: &str) -> Option<Value> {
    let mut text = text.trim();
    for (start, end) in
        [("<!--", "-->"), ("//<![CDATA[", "//]]>"), ("/*<![CDATA[*/", "/*]]>*/"), ("<![CDATA[", "]]>")]
    {
        text = text.strip_prefix(start).unwrap_or(text).trim();
        text = text.strip_suffix(end).unwrap_or(text).trim();
    }
    let text = text.trim_end_matches(';');
    serde_json::from_str(text).ok().or_else(|| {
        let without_control: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        serde_json::from_str(&without_control).ok()
    })
}

/// Flattens arrays, `@graph` and `mainEntity` into typed objects.
fn open(value: Value, into: &mut Vec<Value>, levels: usize) {
    match value {
        Value::Array(list) if levels > 0 => list.into_iter().for_each(|one| open(one, into, levels - 1)),
        Value::Object(mut object) => {
            let inner: Vec<Value> =
                ["@graph", "mainEntity"].iter().filter_map(|key| object.get(*key).cloned()).collect();
            object.remove("@graph");
            if object.keys().any(|key| !key.starts_with('@')) {
                into.push(Value::Object(object));
            }
            if levels > 0 {
                inner.into_iter().for_each(|one| open(one, into, levels - 1));
            }
        }
        _ => {}
    }
}

/// Replaces `{"@id": …}` by the object of that id, one level deep.
fn resolve(objects: &mut [Value]) {
    let by_id: HashMap<String, Value> = objects
        .iter()
        .filter_map(|object| Some((object["@id"].as_str()?.to_owned(), object.clone())))
        .collect();
    for object in objects {
        let own_id = object["@id"].as_str().map(str::to_owned);
        for (_, part) in object.as_object_mut().into_iter().flatten() {
            let id =
                part.as_object().filter(|part| part.len() == 1).and_then(|part| part.get("@id")?.as_str());
            if let Some(id) = id
                && own_id.as_deref() != Some(id)
                && let Some(target) = by_id.get(id)
            {
                *part = target.clone();
            }
        }
    }
}
