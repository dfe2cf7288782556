//! `<meta>` of all kinds, and `<link rel=canonical>`.

use dom_query::Document;
use serde_json::{Map, Value};
use url::Url;

use crate::page;

/// Entries kept of each kind.
const ENTRIES_MAX: usize = 200;

/// Social and commerce properties under their full name; a repeated one becomes a list.
pub(crate) fn open_graph(document: &Document, base: &Url) -> Map<String, Value> {
    collect(document, base, |name| {
        let prefix = name.split(':').next().unwrap_or_default();
        name.contains(':')
            && matches!(prefix, "og" | "product" | "article" | "twitter" | "book" | "profile" | "video")
    })
}

/// Everything else that has a name.
pub(crate) fn named(document: &Document, base: &Url) -> Map<String, Value> {
    const TECHNICAL: &[&str] = &[
        "viewport",
        "robots",
        "googlebot",
        "generator",
        "theme-color",
        "referrer",
        "format-detection",
        "csrf-token",
        "msapplication-tilecolor",
        "msapplication-tileimage",
        "google-site-verification",
        "color-scheme",
    ];
    let mut entries = collect(document, base, |name| !name.contains(':') && !TECHNICAL.contains(&name));
    let canonical = document.select_single("link[rel='canonical']").attr("href");
    if let Some(address) = canonical.and_then(|href| page::absolute(base, &href)) {
        entries.insert("canonical".to_owned(), address.into());
    }
    entries
}

fn collect(document: &Document, base: &Url, wanted: impl Fn(&str) -> bool) -> Map<String, Value> {
    let mut entries: Map<String, Value> = Map::new();
    for meta in document.select("meta[content]").nodes() {
        let name = ["property", "name"].iter().find_map(|key| meta.attr(key)).unwrap_or_default();
        let name = name.trim().to_lowercase();
        let content = page::squeeze(&meta.attr_or("content", ""));
        if name.is_empty() || content.is_empty() || meta.has_attr("itemprop") || !wanted(&name) {
            continue;
        }
        let is_address = [":url", ":image", ":image:url", ":image:src", ":secure_url"]
            .iter()
            .any(|end| name.ends_with(end));
        let content = if is_address { page::absolute(base, &content).unwrap_or(content) } else { content };
        let full = entries.len() >= ENTRIES_MAX;
        match entries.get_mut(&name) {
            Some(Value::Array(list)) => list.push(content.into()),
            Some(one) if *one != content => *one = Value::Array(vec![one.take(), content.into()]),
            Some(_) => {}
            None if !full => {
                entries.insert(name, content.into());
            }
            None => {}
        }
    }
    entries
}
