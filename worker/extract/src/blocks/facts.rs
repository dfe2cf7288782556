//! What a page says of itself: its kind (schema.org types, the Open Graph type) and the texts in its markup.
//!
//! **Not here:** the data under those types (`rules`, `structured`).

use dom_query::Document;
use serde_json::Value;

/// Kinds that pages name, by what their markup says; the place is the bit.
const KINDS: &[&[&str]] = &[
    &["Article", "NewsArticle", "BlogPosting", "Report"],
    &["Product", "ProductGroup"],
    &["ItemList", "CollectionPage", "OfferCatalog", "SearchResultsPage", "Blog"],
    &["DiscussionForumPosting", "QAPage", "Question", "Answer"],
    &["TechArticle", "APIReference", "HowTo"],
    &["Service", "LocalBusiness", "Organization", "FAQPage"],
    &["WebPage", "WebSite", "AboutPage"],
];
const OPEN_GRAPH: &[&str] = &["article", "product", "website"];

/// The bit of an article.
pub(crate) const ARTICLE: u32 = 1;
/// Bits of what is read otherwise than an article however much prose it holds: product and thread.
pub(crate) const NO_ARTICLE: u32 = 1 << 1 | 1 << 3;
/// Bits that [`of`] may set.
pub(crate) const COUNT: usize = KINDS.len() + OPEN_GRAPH.len();

/// A bit for each kind that the page says it is.
pub(crate) fn of(document: &Document) -> u32 {
    let mut bits = 0;
    for script in document.select("script[type='application/ld+json']").iter() {
        bits |= types(&script.text().replace(|c: char| c.is_whitespace(), ""));
    }
    for item in document.select("[itemtype]").iter() {
        let kind = item.attr_or("itemtype", "");
        bits |= kind_bit(kind.trim().rsplit('/').next().unwrap_or_default());
    }
    let graph = document.select_single("meta[property='og:type']").attr_or("content", "");
    let graph = graph.trim().to_ascii_lowercase();
    if let Some(place) = OPEN_GRAPH.iter().position(|kind| graph.contains(kind)) {
        bits |= 1 << (KINDS.len() + place);
    }
    bits
}

/// The types named in a piece of JSON-LD without white space.
fn types(json: &str) -> u32 {
    let mut bits = 0;
    for after in json.split("\"@type\":").skip(1) {
        let value = &after[..after.find([',', '}', ']']).unwrap_or(after.len())];
        bits |= kind_bit(value.trim_matches(|c: char| !c.is_alphanumeric()));
    }
    bits
}

fn kind_bit(name: &str) -> u32 {
    KINDS.iter().position(|kinds| kinds.contains(&name)).map_or(0, |place| 1 << place)
}

/// The texts that the markup holds besides the visible ones: title, descriptions, JSON-LD; one a line.
pub(crate) fn said(document: &Document) -> String {
    let mut lines = document.select_single("head > title").text().to_string();
    for meta in document.select("meta[name='description'], meta[property^='og:']").iter() {
        lines.push('\n');
        lines.push_str(&meta.attr_or("content", ""));
    }
    for script in document.select("script[type='application/ld+json']").iter() {
        // Data nested too deeply is refused by the reader, and is no loss here.
        let mut values: Vec<Value> = serde_json::from_str(&script.text()).into_iter().collect();
        while let Some(value) = values.pop() {
            match value {
                Value::String(text) => {
                    lines.push('\n');
                    lines.push_str(&text);
                }
                Value::Array(list) => values.extend(list),
                Value::Object(fields) => values.extend(fields.into_iter().map(|(_, value)| value)),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_it_is_and_what_it_holds() {
        let document = Document::from(
            r#"<title>Mugs</title><meta property="og:type" content="product"><meta name=description content="All mugs">
            <script type="application/ld+json">{"@graph": [{"@type" : ["Product"], "name": "Blue mug"}]}</script><p>x"#,
        );
        assert_eq!(of(&document), 1 << 1 | 1 << (KINDS.len() + 1));
        let said = said(&document);
        for text in ["Mugs", "All mugs", "Blue mug"] {
            assert!(said.lines().any(|line| line == text), "{text} is not in {said}");
        }
        assert_eq!(of(&Document::from("<p>x")), 0);
    }
}
