//! Microdata items (`itemscope`, `itemprop`) in the shape of JSON-LD objects.

use dom_query::NodeRef;
use serde_json::{Map, Value};
use url::Url;

use super::OBJECTS_MAX;
use crate::page::{self, Step};

/// A longer property is left empty.
const VALUE_CHARS_MAX: usize = 50_000;

/// The top-level items of the subtree, in document order.
pub(crate) fn read(root: &NodeRef<'_>, base: &Url) -> Vec<Value> {
    let mut open: Vec<(Option<String>, Map<String, Value>)> = Vec::new();
    let mut items = Vec::new();
    page::walk(root, &mut |node, step| {
        if !node.is_element() || items.len() >= OBJECTS_MAX {
            return false;
        }
        let prop = node.attr("itemprop").map(|prop| prop.to_string());
        if node.has_attr("itemscope") {
            if step == Step::In {
                open.push((prop, Map::from_iter(item_type(node))));
            } else if let Some((prop, item)) = open.pop() {
                match (prop, open.last_mut()) {
                    (Some(prop), Some((_, owner))) => add(owner, &prop, &Value::Object(item)),
                    _ => items.push(Value::Object(item)),
                }
            }
        } else if let (Step::In, Some(prop), Some((_, owner))) = (step, prop, open.last_mut()) {
            add(owner, &prop, &Value::String(value(node, base)));
        }
        true
    });
    items
}

fn item_type(node: &NodeRef<'_>) -> Option<(String, Value)> {
    let kind = node.attr("itemtype")?;
    let kind = kind.rsplit(['/', '#']).next()?.trim();
    (!kind.is_empty()).then(|| ("@type".to_owned(), Value::from(kind)))
}

/// Several names may be given; a name that repeats makes a list.
pub(super) fn add(owner: &mut Map<String, Value>, props: &str, value: &Value) {
    for prop in props.split_whitespace() {
        match owner.get_mut(prop) {
            None => {
                owner.insert(prop.to_owned(), value.clone());
            }
            Some(Value::Array(list)) => list.push(value.clone()),
            Some(one) => *one = Value::Array(vec![one.take(), value.clone()]),
        }
    }
}

pub(super) fn value(node: &NodeRef<'_>, base: &Url) -> String {
    let attribute = ["content", "datetime", "href", "src", "data", "value"].iter().find(|name| {
        node.has_attr(name)
            && (!matches!(**name, "data" | "value")
                || node.has_name("data")
                || node.has_name("meter")
                || node.has_name("object"))
    });
    match attribute {
        Some(name @ (&"href" | &"src" | &"data")) => {
            let address = node.attr_or(name, "");
            page::absolute(base, &address).unwrap_or_else(|| address.to_string())
        }
        Some(name) => page::squeeze(&node.attr_or(name, "")),
        None => page::short_text(node, VALUE_CHARS_MAX).unwrap_or_default(),
    }
}
