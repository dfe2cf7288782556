//! The parsed page and the small questions every other room asks of it.
//!
//! **Not here:** anything about schemas or Markdown.

use std::collections::HashMap;

use dom_query::{Document, NodeId, NodeRef};
use url::Url;

use crate::{ExtractError, depth, lazy};

/// Deepest tree that is handed to a library; `depth` keeps pages far below it.
const TREE_DEPTH_MAX: usize = 1_000;

/// A hidden part with fewer words asks for a script to be enabled.
const HIDDEN_WORDS_MIN: usize = 50;
/// A page is a shell when it hides this many times the words that it shows.
const HIDDEN_TIMES_MIN: usize = 10;

/// Elements whose text no reader sees.
const INVISIBLE: &[&str] = &["script", "style", "noscript", "template", "head", "svg", "iframe", "object"];

/// Parses hostile HTML into a tree of bounded depth.
pub(crate) fn parse(html: &str) -> Result<Document, ExtractError> {
    let document = Document::from(depth::cap(html).as_ref());
    let (mut depth, mut deepest) = (0_usize, 0);
    walk(&document.root(), &mut |_, step| {
        match step {
            Step::In => depth += 1,
            Step::Out => depth -= 1,
        }
        deepest = deepest.max(depth);
        true
    });
    if deepest > TREE_DEPTH_MAX {
        return Err(ExtractError::Failed(format!(
            "the page nests {deepest} elements, the limit is {TREE_DEPTH_MAX}"
        )));
    }
    reveal_shell(&document);
    lazy::resolve(&document);
    Ok(document)
}

/// Shows what a page that is only a shell hides until its script has run: `noscript` and `hidden` parts,
/// when they hold nearly all of its words.
fn reveal_shell(document: &Document) {
    let count = |text: String| text.split_whitespace().count();
    let hidden = document.select("body noscript, body [hidden]");
    let inside = hidden.nodes().iter().flat_map(NodeRef::children).filter(|child| !is_invisible(child));
    let hidden_words: usize = inside.map(|child| count(text(&child))).sum();
    let shell = || hidden_words > HIDDEN_TIMES_MIN * count(text(&document.html_root()));
    if hidden_words >= HIDDEN_WORDS_MIN && shell() {
        for node in hidden.nodes() {
            node.remove_attr("hidden");
            if node.has_name("noscript") {
                node.rename("div");
            }
        }
    }
}

/// Where a walk stands at a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Before its children.
    In,
    /// After its children.
    Out,
}

/// Visits a subtree in document order without recursion. `visit` answers whether to go into the children.
pub(crate) fn walk<'a>(root: &NodeRef<'a>, visit: &mut dyn FnMut(&NodeRef<'a>, Step) -> bool) {
    let mut at = *root;
    loop {
        let deeper = if visit(&at, Step::In) { at.first_child() } else { None };
        if let Some(child) = deeper {
            at = child;
            continue;
        }
        loop {
            visit(&at, Step::Out);
            if at.id == root.id {
                return;
            }
            if let Some(next) = at.next_sibling() {
                at = next;
                break;
            }
            match at.parent() {
                Some(parent) => at = parent,
                None => return,
            }
        }
    }
}

/// Words below each element.
pub(crate) type Counts = HashMap<NodeId, usize>;

/// Counts the words of the text nodes that `counts` lets pass, for every element of the subtree.
pub(crate) fn count_words(root: &NodeRef<'_>, counts: &dyn Fn(&NodeRef<'_>) -> bool) -> Counts {
    let (mut sums, mut open) = (Counts::new(), Vec::<usize>::new());
    walk(root, &mut |node, step| {
        if node.is_text() {
            if step == Step::In
                && counts(node)
                && let Some(last) = open.last_mut()
            {
                *last += node.text().split_whitespace().count();
            }
            return false;
        }
        if step == Step::In {
            open.push(0);
        } else {
            let count = open.pop().unwrap_or(0);
            sums.insert(node.id, count);
            if let Some(last) = open.last_mut() {
                *last += count;
            }
        }
        true
    });
    sums
}

/// The address that relative ones are resolved against: `<base href>` on top of the page's own.
pub(crate) fn base(document: &Document, url: &Url) -> Url {
    document
        .select_single("base[href]")
        .attr("href")
        .and_then(|href| url.join(href.trim()).ok())
        .filter(|base| !base.cannot_be_a_base())
        .unwrap_or_else(|| url.clone())
}

/// White space collapsed to single spaces, none at the ends.
pub(crate) fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The text a reader sees in a subtree, squeezed; block and cell borders count as white space.
pub(crate) fn text(node: &NodeRef<'_>) -> String {
    let mut raw = String::new();
    walk(node, &mut |at, step| {
        if at.is_text() {
            if step == Step::In {
                raw.push_str(&at.text());
            }
            return false;
        }
        if is_invisible(at) {
            return false;
        }
        if !is_inline(at) {
            raw.push(' ');
        }
        true
    });
    squeeze(&raw)
}

/// The text of a small subtree; `None` when it has more characters, or far more nodes, than a field would.
///
/// Asked for every element of a page, so its cost must not depend on what the element holds.
pub(crate) fn short_text(node: &NodeRef<'_>, chars_max: usize) -> Option<String> {
    const NODES_MORE_MAX: usize = 200;
    let nodes_max = chars_max + NODES_MORE_MAX;
    if node.descendants_it().take(nodes_max + 1).count() > nodes_max {
        return None;
    }
    Some(text(node)).filter(|text| text.chars().count() <= chars_max)
}

/// Whether the subtree shows any character to a reader.
pub(crate) fn has_text(node: &NodeRef<'_>) -> bool {
    let mut found = false;
    walk(node, &mut |at, step| {
        if found || is_invisible(at) {
            return false;
        }
        found = step == Step::In && at.is_text() && !at.text().trim().is_empty();
        !found
    });
    found
}

/// Lower-case element name; empty for text and comments.
pub(crate) fn name(node: &NodeRef<'_>) -> String {
    if node.is_element() {
        node.node_name().map(|name| name.to_string()).unwrap_or_default()
    } else {
        String::new()
    }
}

pub(crate) fn is_invisible(node: &NodeRef<'_>) -> bool {
    node.is_element() && (INVISIBLE.iter().any(|tag| node.has_name(tag)) || node.has_attr("hidden"))
}

/// Whether the element's own style or attributes keep it out of sight.
pub(crate) fn is_styled_away(node: &NodeRef<'_>) -> bool {
    let style: String = node.attr_or("style", "").chars().filter(|c| !c.is_whitespace()).collect();
    node.has_attr("hidden")
        || node.attr_or("aria-hidden", "").trim() == "true"
        || style.contains("display:none")
        || style.contains("visibility:hidden")
}

/// Whether the element flows inside a line of text.
pub(crate) fn is_inline(node: &NodeRef<'_>) -> bool {
    const INLINE: &[&str] = &[
        "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
        "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time",
        "tt", "u", "var", "wbr",
    ];
    node.is_element() && INLINE.iter().any(|tag| node.has_name(tag))
}

/// An absolute http(s) address, or `None` for fragments, scripts, data and what cannot be resolved.
pub(crate) fn absolute(base: &Url, href: &str) -> Option<String> {
    let href = href.trim();
    if href.is_empty() || href.starts_with('#') {
        return None;
    }
    base.join(href).ok().filter(|url| matches!(url.scheme(), "http" | "https")).map(String::from)
}

/// The document's title, squeezed; an `svg` has a title too, so the head's comes first.
pub(crate) fn title(document: &Document) -> Option<String> {
    ["head > title", "title"]
        .iter()
        .map(|selector| squeeze(&document.select_single(selector).text()))
        .find(|title| !title.is_empty())
}
