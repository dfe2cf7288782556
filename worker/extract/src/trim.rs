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
    let bare_before = bare_headings(&root);
    for node in unwanted {
        node.remove_from_parent();
    }
    for heading in bare_headings(&root) {
        if !bare_before.iter().any(|before| before.id == heading.id) {
            heading.remove_from_parent();
        }
    }
}

/// Headings under which nothing is said before the next one of the same rank or above.
fn bare_headings<'a>(root: &NodeRef<'a>) -> Vec<NodeRef<'a>> {
    let (mut bare, mut open) = (Vec::new(), Vec::<(usize, NodeRef<'a>)>::new());
    page::walk(root, &mut |node, step| {
        if step == Step::Out {
            return false;
        }
        if let Some(rank) = HEADINGS.iter().position(|name| node.has_name(name)) {
            while let Some(last) = open.pop_if(|(above, _)| *above >= rank) {
                bare.push(last.1);
            }
            open.push((rank, *node));
            return false;
        }
        let says = node.has_name("img") || (node.is_text() && !node.text().trim().is_empty());
        if says {
            open.clear();
        }
        true
    });
    bare.extend(open.into_iter().map(|(_, heading)| heading));
    bare
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_goes_with_all_that_stood_under_it() {
        let article = "<h1>Title</h1><p>The first paragraph is long enough to be found again in the opinion.</p>\
            <h2>Related</h2><div><a href=x>Elsewhere on this site</a></div>\
            <h2>Part</h2><h3>Section</h3><p>The second paragraph, too, is long enough to be found again.</p>";
        let content = Document::from(article);
        let opinion = "The first paragraph is long enough to be found again in the opinion.\n\
            The second paragraph, too, is long enough to be found again.";
        disputed(&content, opinion);
        let text = page::text(&content.html_root());
        assert!(text.contains("Title") && text.contains("Part Section The second"), "{text}");
        assert!(!text.contains("Related") && !text.contains("Elsewhere"), "{text}");
    }
}
