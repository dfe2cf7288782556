//! XML of no kind that is known. **Not here:** feeds and sitemaps (`feed`).

use serde_json::{Map, Value, json};

/// Elements and texts of a document that is read at all.
pub(crate) const NODES_MAX: u32 = 1_000_000;
/// Elements inside each other that go into JSON; what is deeper is left out.
const DEPTH_MAX: usize = 64;

/// The text of a document.
pub(crate) struct Xml(pub(crate) String);

/// Parses a document. Entities may be declared in it; the library bounds what they may grow to.
pub(crate) fn parse(text: &str) -> Option<roxmltree::Document<'_>> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, nodes_limit: NODES_MAX, ..Default::default() };
    roxmltree::Document::parse_with_options(text.trim_start_matches('\u{feff}').trim_start(), options).ok()
}

impl Xml {
    /// Elements by their names: repeated ones as a list, attributes with an `@`, text beside them as `#text`.
    pub(crate) fn json(&self) -> Value {
        match parse(&self.0) {
            Some(document) => {
                let root = document.root_element();
                json!({ root.tag_name().name(): value(root, 0) })
            }
            None => json!({ "text": self.0 }),
        }
    }
}

fn value(node: roxmltree::Node<'_, '_>, depth: usize) -> Value {
    let mut object = Map::new();
    for attribute in node.attributes() {
        object.insert(format!("@{}", attribute.name()), Value::from(attribute.value()));
    }
    for child in node.children().filter(|child| child.is_element() && depth < DEPTH_MAX) {
        let (name, value) = (child.tag_name().name(), value(child, depth + 1));
        match object.get_mut(name) {
            Some(Value::Array(all)) => all.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None => drop(object.insert(name.to_owned(), value)),
        }
    }
    let text: String =
        node.children().filter(roxmltree::Node::is_text).filter_map(|child| child.text()).collect();
    let text = text.trim();
    if object.is_empty() {
        return if text.is_empty() { Value::Null } else { Value::from(text) };
    }
    if !text.is_empty() {
        object.insert("#text".to_owned(), Value::from(text));
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_become_values_by_their_names() {
        let xml = Xml("<?xml version='1.0'?>\n<a b='1'><c>x</c><c>y</c><d>z<e/></d></a>".to_owned());
        assert_eq!(xml.json(), json!({"a": {"@b": "1", "c": ["x", "y"], "d": {"e": null, "#text": "z"}}}));
        assert_eq!(Xml("<a>".to_owned()).json(), json!({"text": "<a>"}));
    }

    #[test]
    fn entities_that_grow_without_end_are_refused() {
        let mut dtd = "<!ENTITY a0 'ha'>".to_owned();
        for n in 1..40 {
            dtd.push_str(&format!("<!ENTITY a{n} '{}'>", format!("&a{};", n - 1).repeat(10)));
        }
        assert!(parse(&format!("<!DOCTYPE x [{dtd}]><x>&a39;</x>")).is_none());
    }
}
