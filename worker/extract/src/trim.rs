//! Takes out of an article the blocks on which two finders do not agree.
//!
//! The first finder keeps whole elements, and with them the lists of related links, share bars and invitations
//! that stand between the paragraphs. The second chooses line by line but loses headings, tables and code.
//! So a block goes only when the second kept next to nothing of it *and* it holds nothing that the second is
//! known to lose. **Not here:** which finder to believe about the whole page (`main_content`).

use std::collections::HashSet;

use dom_query::{Document, NodeId, NodeRef};

use crate::page::{self, Step};

/// The second finder has a say only when it kept at least this share of the words of the first.
const AGREEMENT_SHARE_MIN: f64 = 0.6;
/// A block of which the second finder kept no more than this share goes.
const KEPT_SHARE_MAX: f64 = 0.1;
/// A text run shorter than this must be a line of its own in the second opinion to be kept by it.
const RUN_CHARS_MIN: usize = 8;
/// What the second finder is known to lose from real content.
const SPARED: &[&str] = &["pre", "code", "table", "math", "blockquote", "figcaption", "dl"];
const LISTS: &[&str] = &["ul", "ol"];
const HEADINGS: &[&str] = &["h1", "h2", "h3", "h4", "h5", "h6"];

/// Removes the blocks whose text is not in `opinion`, the text that the second finder kept.
pub(crate) fn disputed(content: &Document, opinion: &str) {
    let root = content.html_root();
    let kept = kept_texts(&root, opinion);
    let words = page::count_words(&root, &|_| true);
    let agreed = page::count_words(&root, &|text| kept.contains(&text.id));
    let of = |counts: &page::Counts, node: &NodeRef<'_>| counts.get(&node.id).copied().unwrap_or(0) as f64;
    if of(&agreed, &root) < of(&words, &root) * AGREEMENT_SHARE_MIN {
        return;
    }
    let mut unwanted = Vec::new();
    page::walk(&root, &mut |node, step| {
        if step == Step::Out || !node.is_element() {
            return true;
        }
        let (all, agreed) = (of(&words, node), of(&agreed, node));
        let disputed = all > 0.0 && agreed <= all * KEPT_SHARE_MAX;
        if disputed && !page::is_inline(node) && !is_one_of(node, HEADINGS) && !holds_spared(node) {
            unwanted.push(*node);
            return false;
        }
        // A list stays or goes as a whole: its short items are often missed. So are rows and lines of code.
        !is_one_of(node, LISTS) && !is_one_of(node, SPARED)
    });
    for node in unwanted {
        node.remove_from_parent();
    }
}

fn is_one_of(node: &NodeRef<'_>, names: &[&str]) -> bool {
    names.iter().any(|name| node.has_name(name))
}

fn holds_spared(node: &NodeRef<'_>) -> bool {
    is_one_of(node, SPARED) || node.descendants_it().any(|below| is_one_of(&below, SPARED))
}

/// The text nodes that stand in `opinion`, judged by whole lines or paragraphs.
fn kept_texts(root: &NodeRef<'_>, opinion: &str) -> HashSet<NodeId> {
    let all = without_space(opinion);
    let lines: HashSet<String> = opinion.lines().map(without_space).collect();
    let mut kept = HashSet::new();
    let mut run: Vec<NodeRef<'_>> = Vec::new();
    page::walk(root, &mut |node, step| {
        if node.is_text() {
            if step == Step::In {
                run.push(*node);
            }
        } else if !page::is_inline(node) {
            let text: String = run.iter().map(|node| without_space(&node.text())).collect();
            let long = text.chars().count() >= RUN_CHARS_MIN;
            if !text.is_empty() && (lines.contains(&text) || (long && all.contains(&text))) {
                kept.extend(run.iter().map(|node| node.id));
            }
            run.clear();
        }
        true
    });
    kept
}

fn without_space(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}
