//! RDFa items (`typeof`, `property`) in the shape of JSON-LD objects.
//!
//! Prefixes are cut off: `schema:name` and `http://schema.org/name` are `name`. Subjects named apart from
//! where they stand (`about` and `resource` that point at each other) are not joined.

use dom_query::NodeRef;
use serde_json::{Map, Value};
use url::Url;

use super::{OBJECTS_MAX, microdata};
use crate::page::{self, Step};

/// Prefixes that `meta` reads.
const SOCIAL: &[&str] = &["og:", "fb:", "twitter:", "article:", "product:"];

/// The top-level items of the subtree, in document order.
pub(crate) fn read(root: &NodeRef<'_>, base: &Url) -> Vec<Value> {
    let mut open: Vec<(Option<String>, Map<String, Value>)> = Vec::new();
    let mut items = Vec::new();
    page::walk(root, &mut |node, step| {
        if !node.is_element() || items.len() >= OBJECTS_MAX {
            return false;
        }
        let prop = node.attr("property").map(|prop| prop.to_string()).filter(|prop| is_own(prop));
        if let Some(kind) = node.attr("typeof") {
            if step == Step::In {
                let kind = kind.split_whitespace().next().map(local).filter(|kind| !kind.is_empty());
                let item = kind.map(|kind| ("@type".to_owned(), Value::from(kind)));
                open.push((prop, Map::from_iter(item)));
            } else if let Some((prop, item)) = open.pop() {
                close(prop, item, open.last_mut().map(|(_, owner)| owner), &mut items);
            }
        } else if let (Step::In, Some(prop), Some((_, owner))) = (step, prop, open.last_mut()) {
            add(owner, &prop, &Value::String(value(node, base)));
        }
        true
    });
    items
}

fn close(
    prop: Option<String>,
    item: Map<String, Value>,
    owner: Option<&mut Map<String, Value>>,
    items: &mut Vec<Value>,
) {
    match (prop, owner) {
        (Some(prop), Some(owner)) => add(owner, &prop, &Value::Object(item)),
        // A type alone says nothing.
        _ if item.keys().any(|key| !key.starts_with('@')) => items.push(Value::Object(item)),
        _ => {}
    }
}

fn is_own(prop: &str) -> bool {
    !SOCIAL.iter().any(|prefix| prop.trim_start().starts_with(prefix))
}

/// A name without its vocabulary.
fn local(name: &str) -> String {
    name.rsplit(['/', '#', ':']).next().unwrap_or_default().to_owned()
}

fn add(owner: &mut Map<String, Value>, props: &str, value: &Value) {
    let names: Vec<String> = props.split_whitespace().map(local).collect();
    microdata::add(owner, &names.join(" "), value);
}

fn value(node: &NodeRef<'_>, base: &Url) -> String {
    // Unlike in microdata, an address may be named by `resource`.
    let resource = node.attr("resource").filter(|_| !node.has_attr("content") && !node.has_attr("href"));
    match resource.and_then(|address| page::absolute(base, &address)) {
        Some(address) => address,
        None => microdata::value(node, base),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dom_query::Document;
    use serde_json::json;

    #[test]
    fn things_and_their_parts_are_read_without_their_prefixes() {
        let html = "<div vocab='http://schema.org/' typeof='schema:Product'><b property='schema:name'>Cup</b>\
            <p property='offers' typeof='Offer'><i property='price' content='3.50'>3,50</i></p>\
            <a property='url' href='/cup'>more</a><meta property='og:title' content='x'></div><div typeof='Empty'></div>";
        let document = Document::from(html);
        let base = Url::parse("https://a.example/").unwrap();
        let expected = json!([{"@type": "Product", "name": "Cup", "url": "https://a.example/cup",
            "offers": {"@type": "Offer", "price": "3.50"}}]);
        assert_eq!(Value::from(read(&document.html_root(), &base)), expected);
    }
}
