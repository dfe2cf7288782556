//! Which part of a page is its content, and which is frame.
//!
//! Two finders of articles are asked: `dom_smoothie`, which keeps whole elements and so their structure, and
//! `trafilatura`, which chooses line by line. Where they find the same words the page is an article: it is
//! dom_smoothie's, less the blocks that are in `trim`. Where they differ there is no article to find (a front
//! page, a catalogue, a product, a thread) and the page without its `frame` is the content. **Not here:** Markdown.

use std::collections::HashMap;

use dom_query::Document;
use dom_smoothie::{Config, Readability, TextMode};
use url::Url;

use crate::{ExtractError, frame, page, trim};

/// The finders agree when the F1 of their words is at least this.
const AGREEMENT_MIN: f64 = 0.7;

/// The document reduced to its main content; the whole document when none can be told apart.
pub(crate) fn of(document: Document, base: &Url) -> Result<Document, ExtractError> {
    let second = by_trafilatura(&document.html(), base);
    if let Some(article) = by_readability(document.clone(), base) {
        trim::disputed(&article, &second);
        if agreement(&page::text(&article.html_root()), &second) >= AGREEMENT_MIN {
            return Ok(article);
        }
    }
    let without_frame = document.clone();
    frame::remove(&without_frame);
    if page::has_text(&without_frame.html_root()) { Ok(without_frame) } else { Ok(document) }
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
        .with_exclude_comments(true);
    trafilatura::extract(html, &options).map(|found| found.content_text).unwrap_or_default()
}

/// F1 of the words of two texts, each counted as often as it stands there; 0 when one is empty.
fn agreement(one: &str, other: &str) -> f64 {
    let (one, one_count) = bag(one);
    let (other, other_count) = bag(other);
    let common: usize = one.iter().map(|(word, n)| (*n).min(other.get(word).copied().unwrap_or(0))).sum();
    if common == 0 { 0.0 } else { 2.0 * common as f64 / (one_count + other_count) as f64 }
}

fn bag(text: &str) -> (HashMap<String, usize>, usize) {
    let (mut bag, mut count) = (HashMap::new(), 0);
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *bag.entry(word.to_lowercase()).or_default() += 1;
        count += 1;
    }
    (bag, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_counts_words_as_often_as_they_stand() {
        assert!((agreement("One, two; three", "three TWO one") - 1.0).abs() < 1e-9);
        assert!((agreement("a a a a", "a") - 0.4).abs() < 1e-9);
        assert!(agreement("", "a").abs() < 1e-9);
        assert!(agreement("", "").abs() < 1e-9);
    }
}
