//! Everything a page says about itself in a form a machine can read, one room per notation.
//!
//! `Found` is what the rules and the prompt choose from. **Not here:** schemas, matching of names.

pub(crate) mod entity;
mod json_ld;
mod label_value;
pub(crate) mod listing;
mod meta;
mod microdata;
mod rdfa;
pub(crate) mod tables;
mod visible;
mod wording;

use dom_query::Document;
use serde_json::{Map, Value};
use url::Url;

use crate::page;
use entity::Entity;
use listing::Listing;
use tables::Table;

/// Objects kept per notation; more are left out.
const OBJECTS_MAX: usize = 1_000;

/// What was found on one page.
pub(crate) struct Found {
    /// What relative addresses are resolved against.
    pub(crate) base: Url,
    /// The page's language as it says itself; empty when it does not.
    pub(crate) language: String,
    /// Whether the page's language writes decimals with a comma.
    pub(crate) decimal_comma: bool,
    /// The document's title.
    pub(crate) title: Option<String>,
    /// Typed objects of JSON-LD, `@graph` and `mainEntity` opened.
    pub(crate) json_ld: Vec<Value>,
    /// Top-level microdata items, in the shape of JSON-LD.
    pub(crate) microdata: Vec<Value>,
    /// Top-level RDFa items, in the shape of JSON-LD.
    pub(crate) rdfa: Vec<Value>,
    /// `og:`, `product:`, `article:`, `twitter:` properties by their full name.
    pub(crate) open_graph: Map<String, Value>,
    /// `<meta name>` by name, and the canonical address.
    pub(crate) meta: Map<String, Value>,
    /// Data tables with their head.
    pub(crate) tables: Vec<Table>,
    /// Labels with their values, in document order.
    pub(crate) pairs: Vec<(String, Value)>,
    /// What headings, classes and wording show.
    pub(crate) visible: Entity,
    /// Groups of like blocks.
    pub(crate) listings: Vec<Listing>,
}

impl Found {
    /// What the page says about things, in every notation, the most reliable first.
    pub(crate) fn things(&self) -> impl Iterator<Item = &Value> {
        self.json_ld.iter().chain(&self.microdata).chain(&self.rdfa)
    }
}

/// Reads all of it: markup about the page from `document`, visible sources from `content`.
pub(crate) fn read(document: &Document, content: &Document, base: Url) -> Found {
    let lang = document.select_single("html").attr_or("lang", "").trim().to_lowercase();
    let root = content.html_root();
    let tables = tables::read(content, &base);
    let mut pairs = tables::pairs(content);
    pairs.extend(label_value::read(&root));
    pairs.truncate(OBJECTS_MAX);
    Found {
        decimal_comma: decimal_comma(&lang),
        language: lang,
        title: page::title(document),
        json_ld: json_ld::read(document),
        microdata: microdata::read(&document.html_root(), &base),
        rdfa: rdfa::read(&document.html_root(), &base),
        open_graph: meta::open_graph(document, &base),
        meta: meta::named(document, &base),
        tables,
        pairs,
        visible: visible::page(content, &base),
        listings: listing::read(content, &base),
        base,
    }
}

fn decimal_comma(lang: &str) -> bool {
    const LANGUAGES: &[&str] = &[
        "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "fi", "nb", "nn", "no", "cs", "sk", "tr", "ru",
        "uk", "el", "hu", "ro", "bg", "hr", "sl", "id", "lt", "lv", "et", "ca",
    ];
    let primary = lang.split(['-', '_']).next().unwrap_or_default();
    LANGUAGES.contains(&primary) && !lang.ends_with("-ch") && !lang.ends_with("-mx")
}
