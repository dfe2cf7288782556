//! Labels with values outside tables: definition lists, "Label: value", a label element beside a value
//! element, and a heading above a list.

use dom_query::NodeRef;
use serde_json::Value;

use super::OBJECTS_MAX;
use crate::page::{self, Step};

/// A label longer than this is a sentence.
const LABEL_CHARS_MAX: usize = 40;
/// A value longer than this is a text of its own.
const VALUE_CHARS_MAX: usize = 400;
/// List items kept under one heading.
const ITEMS_MAX: usize = 200;

/// All pairs of the subtree, in document order.
pub(crate) fn read(root: &NodeRef<'_>) -> Vec<(String, Value)> {
    let mut pairs = Vec::new();
    page::walk(root, &mut |node, step| {
        if step == Step::Out || !node.is_element() || pairs.len() >= OBJECTS_MAX {
            return true;
        }
        let tag = page::name(node);
        match tag.as_str() {
            "script" | "style" | "template" | "head" | "svg" | "nav" | "form" | "table" | "pre" => {
                return false;
            }
            "dt" => pairs.extend(definition(node)),
            "h2" | "h3" | "h4" | "h5" | "h6" => pairs.extend(heading_with_list(node)),
            "li" | "p" | "div" | "span" | "td" | "section" => {
                pairs.extend(beside(node).or_else(|| colon(node)))
            }
            _ => {}
        }
        true
    });
    pairs
}

fn pair(label: &str, value: String) -> Option<(String, Value)> {
    let label = label.trim().trim_end_matches(':').trim();
    let fits = !label.is_empty()
        && label.chars().count() <= LABEL_CHARS_MAX
        && label.chars().any(char::is_alphabetic)
        && !value.is_empty()
        && value.chars().count() <= VALUE_CHARS_MAX;
    fits.then(|| (label.to_owned(), Value::from(value)))
}

/// A `dt` with the `dd`s that follow it.
fn definition(term: &NodeRef<'_>) -> Option<(String, Value)> {
    let mut values = Vec::new();
    let mut next = term.next_element_sibling();
    while let Some(value) = next.filter(|value| value.has_name("dd") && values.len() < ITEMS_MAX) {
        values.extend(page::short_text(&value, VALUE_CHARS_MAX));
        next = value.next_element_sibling();
    }
    match values.as_slice() {
        [] => None,
        [one] => pair(&page::short_text(term, LABEL_CHARS_MAX)?, one.clone()),
        _ => Some((page::short_text(term, LABEL_CHARS_MAX)?, Value::from(values))),
    }
}

/// "Ingredients" above a list of them.
fn heading_with_list(heading: &NodeRef<'_>) -> Option<(String, Value)> {
    let list = heading.next_element_sibling().filter(|next| next.has_name("ul") || next.has_name("ol"))?;
    let items = list.element_children();
    let items: Vec<Value> = items
        .iter()
        .take(ITEMS_MAX)
        .filter_map(|item| page::short_text(item, VALUE_CHARS_MAX))
        .filter(|text| !text.is_empty())
        .map(Value::from)
        .collect();
    let label = page::short_text(heading, LABEL_CHARS_MAX)?;
    (!items.is_empty() && !label.is_empty() && label.chars().count() <= LABEL_CHARS_MAX)
        .then(|| (label, Value::from(items)))
}

/// `<b>Weight:</b> 2 kg`, or an element of class "label" beside its value.
fn beside(node: &NodeRef<'_>) -> Option<(String, Value)> {
    let children: Vec<_> =
        node.children_it(false).filter(|child| child.is_element() || child.is_nonempty_text()).collect();
    let [first, rest @ ..] = children.as_slice() else { return None };
    if !first.is_element() || rest.is_empty() || rest.len() > 3 {
        return None;
    }
    let label = page::short_text(first, LABEL_CHARS_MAX + 1)?;
    let class = first.attr_or("class", "").to_lowercase();
    let named =
        ["label", "key", "term", "heading"].iter().any(|word| class.contains(word)) && rest.len() == 1;
    if !label.ends_with(':')
        && !named
        && !rest.first().is_some_and(|next| next.is_text() && next.text().trim_start().starts_with(':'))
    {
        return None;
    }
    let value = page::squeeze(
        &rest
            .iter()
            .map(|part| page::short_text(part, VALUE_CHARS_MAX))
            .collect::<Option<Vec<_>>>()?
            .join(" "),
    );
    pair(&label, value.trim_start_matches(':').trim_start().to_owned())
}

/// "Weight: 2 kg" as the whole text of an element without block children.
fn colon(node: &NodeRef<'_>) -> Option<(String, Value)> {
    let simple = node.children_it(false).all(|child| !child.is_element() || page::is_inline(&child));
    let text = if simple { page::short_text(node, VALUE_CHARS_MAX)? } else { return None };
    let (label, value) = text.split_once(": ")?;
    let words = label.split_whitespace().count();
    if words > 4 || text.chars().count() > VALUE_CHARS_MAX {
        None
    } else {
        pair(label, value.trim().to_owned())
    }
}
