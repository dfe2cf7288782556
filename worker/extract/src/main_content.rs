//! Which part of a page is its content, and which is frame.
//!
//! `dom_smoothie` decides; on pages that are no articles it sometimes keeps too little, so `trafilatura`
//! gives a second opinion on *what* to keep, which is then cut out of the page's own tree, because
//! that crate's output loses headings, images and code. **Not here:** Markdown.

use std::collections::HashSet;

use dom_query::{Document, NodeId, NodeRef};
use dom_smoothie::{Config, Readability, TextMode};
use url::Url;

use crate::{ExtractError, page};

/// The second opinion counts when the first kept less than this share of its words.
const SECOND_OPINION_SHARE: f64 = 0.5;
/// A text run shorter than this must be a line of its own in the second opinion to be kept by it.
const RUN_CHARS_MIN: usize = 16;
/// How far above an image a kept text may be.
const IMAGE_LEVELS_MAX: usize = 3;

/// The document reduced to its main content; the whole document when none can be told apart.
pub(crate) fn of(document: Document, base: &Url) -> Result<Document, ExtractError> {
    let first = by_readability(document.clone(), base);
    let second = by_trafilatura(&document.html(), base);
    let words = first.as_ref().map_or(0, |content| count_words(&page::text(&content.html_root())));
    let second_words = count_words(&second);
    if (words as f64) < second_words as f64 * SECOND_OPINION_SHARE {
        cut(&document, &second);
        return Ok(document);
    }
    match first {
        Some(content) if words > 0 => Ok(content),
        _ => Ok(document),
    }
}

fn by_readability(document: Document, base: &Url) -> Option<Document> {
    let config = Config { text_mode: TextMode::Formatted, disable_json_ld: true, ..Config::default() };
    let mut readability = Readability::with_document(document, Some(base.as_str()), Some(config)).ok()?;
    let article = readability.parse().ok()?;
    Some(Document::from(article.content))
}

fn by_trafilatura(html: &str, base: &Url) -> String {
    let options = trafilatura::Options::default()
        .with_url(base.clone())
        .with_fallback(true)
        .with_links(true)
        .with_images(true)
        .with_exclude_comments(true);
    trafilatura::extract(html, &options).map(|found| found.content_text).unwrap_or_default()
}

fn count_words(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count()
}

fn without_space(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Removes from the tree every text run that `wanted` does not contain, with what then stands empty.
fn cut(document: &Document, wanted: &str) {
    document.select("script, style, template, noscript").remove();
    let all = without_space(wanted);
    let lines: HashSet<String> = wanted.lines().map(without_space).collect();
    let Some(body) = document.body() else { return };
    let keep = kept_elements(&body, &all, &lines);
    let mut unwanted = Vec::new();
    page::walk(&body, &mut |node, step| {
        if step == page::Step::Out || node.id == body.id || keep.contains(&node.id) {
            return true;
        }
        let kept_text = node.is_text() && node.text().trim().is_empty();
        if !kept_text {
            unwanted.push(*node);
        }
        false
    });
    for node in unwanted {
        node.remove_from_parent();
    }
}

/// Every kept node with its ancestors: the runs that `all` contains, and the images near them.
fn kept_elements(body: &NodeRef<'_>, all: &str, lines: &HashSet<String>) -> HashSet<NodeId> {
    let mut keep = HashSet::new();
    let mut run: Vec<NodeRef<'_>> = Vec::new();
    let mut images = Vec::new();
    page::walk(body, &mut |node, step| {
        if node.is_text() {
            if step == page::Step::In {
                run.push(*node);
            }
        } else if node.has_name("img") {
            images.push(*node);
        } else if !page::is_inline(node) {
            keep_run(&mut run, all, lines, &mut keep);
        }
        true
    });
    for image in images {
        let near = image
            .ancestors_it(Some(IMAGE_LEVELS_MAX))
            .any(|above| above.id != body.id && keep.contains(&above.id));
        if near {
            keep_with_ancestors(&image, &mut keep);
        }
    }
    keep
}

/// Decides over the text nodes of one line or paragraph together.
fn keep_run(run: &mut Vec<NodeRef<'_>>, all: &str, lines: &HashSet<String>, keep: &mut HashSet<NodeId>) {
    let text: String = run.iter().map(|node| without_space(&node.text())).collect();
    let long = text.chars().count() >= RUN_CHARS_MIN;
    let wanted = !text.is_empty() && (lines.contains(&text) || (long && all.contains(&text)));
    for node in run.drain(..) {
        if wanted {
            keep_with_ancestors(&node, keep);
        }
    }
}

fn keep_with_ancestors(node: &NodeRef<'_>, keep: &mut HashSet<NodeId>) {
    let mut at = Some(*node);
    while let Some(here) = at {
        if !keep.insert(here.id) {
            return;
        }
        at = here.parent();
    }
}
