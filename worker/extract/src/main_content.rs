//! Which part of a page is its content.
//!
//! Two finders of articles are asked: `dom_smoothie`, which keeps whole elements and so their structure, and
//! `trafilatura`, which chooses line by line. Where they find the same words, and those read like prose, the page
//! is an article: it is dom_smoothie's, less the blocks that are in `trim`. Any other page (a front page, a
//! catalogue, and what says that it is a product or a thread) is cut down to the `blocks` that are most likely content, and when no block
//! can be told apart, to what is left without its `frame`. **Not here:** Markdown.

use std::collections::HashMap;

use dom_query::Document;
use dom_smoothie::{Config, Readability, TextMode};
use url::Url;

use crate::blocks::{self, Blocks, Opinions, Votes};
use crate::{ExtractError, frame, page, trim};

/// The finders agree when the F1 of their words is at least this.
const AGREEMENT_MIN: f64 = 0.7;
/// More words than this in links, and what they found is a list of other pages.
const LINKED_SHARE_MAX: f32 = 0.2;
/// Fewer words than this in sentences, and what they found is no article.
const PROSE_SHARE_MIN: f32 = 0.6;

/// A choice of less than this share of what is no frame is not trusted. No page of the benchmark comes near it.
const KEPT_SHARE_MIN: f32 = 0.3;

/// The document reduced to its main content; the whole document when none can be told apart.
pub(crate) fn of(document: Document, base: &Url) -> Result<Document, ExtractError> {
    let found = Found::of(&document, base);
    if let Some(article) = found.article(blocks::facts(&document)) {
        return Ok(article);
    }
    if found.cut(&document) {
        return Ok(document);
    }
    let without_frame = document.clone();
    frame::remove(&without_frame);
    if page::has_text(&without_frame.html_root()) { Ok(without_frame) } else { Ok(document) }
}

/// What the finders say.
struct Found {
    readability: Option<Document>,
    trafilatura: String,
}

impl Found {
    fn of(document: &Document, base: &Url) -> Self {
        let trafilatura = by_trafilatura(&document.html(), base);
        Self { readability: by_readability(document.clone(), base), trafilatura }
    }

    /// The article, when both found the same one and it reads like one. Of a page that says that it is an
    /// article the first is enough.
    fn article(&self, facts: u32) -> Option<Document> {
        let article = self.readability.clone()?;
        trim::disputed(&article, &self.trafilatura);
        let agree = agreement(&page::text(&article.html_root()), &self.trafilatura) >= AGREEMENT_MIN;
        let total = Blocks::of(&article)?.total();
        let prose =
            total.linked <= LINKED_SHARE_MAX * total.words && total.prose >= PROSE_SHARE_MIN * total.words;
        let reads = prose && facts & blocks::NO_ARTICLE == 0;
        (agree && (reads || facts & blocks::ARTICLE != 0)).then_some(article)
    }

    /// Cuts the document down to its likeliest blocks; false when there are none.
    fn cut(&self, document: &Document) -> bool {
        let (Some(page), Some(model)) = (self.blocks(document), blocks::model()) else { return false };
        let mut likelihoods = Vec::with_capacity(page.blocks.len());
        blocks::rows(&page, blocks::facts(document), false, &mut |_, row| {
            likelihoods.push(model.likelihood(&row.values));
        });
        let keep = blocks::best(&page, &likelihoods);
        page.share_of_frameless(&keep) >= KEPT_SHARE_MIN && blocks::cut(document, &page, &keep)
    }

    fn blocks(&self, document: &Document) -> Option<Blocks> {
        let mut page = Blocks::of(document)?;
        let article = self.readability.as_ref().and_then(Blocks::of).map(|article| article.lines());
        let frameless = document.clone();
        frame::remove(&frameless);
        let texts = [&article.unwrap_or_default(), &self.trafilatura, &blocks::said(document)];
        page.note(&Votes::of_opinions(&Opinions { texts: texts.map(String::as_str), frameless: &frameless }));
        Some(page)
    }
}

/// The names of the numbers, and every block's text with its numbers.
pub(crate) fn rows(document: &Document, base: &Url) -> crate::BlockRows {
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    if let Some(page) = Found::of(document, base).blocks(document) {
        blocks::rows(&page, blocks::facts(document), true, &mut |block, row| {
            names = row.names;
            rows.push((block.text.clone(), row.values));
        });
    }
    (names, rows)
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
