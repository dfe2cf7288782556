//! What the visible page suggests: headings, class names, prices and stock wording.
//!
//! These are hints; markup that was written for machines is believed first.

use std::sync::LazyLock;

use dom_query::{Document, NodeRef};
use regex::Regex;
use url::Url;

use super::entity::{Entity, Fact, words};
use crate::page::{self, Step};

/// Hints kept for one element; more are left out.
const HINTS_MAX: usize = 1_500;
/// A text longer than this is no field.
const VALUE_CHARS_MAX: usize = 300;
/// A description on a card is no longer than this.
const DESCRIPTION_CHARS_MAX: usize = 2_000;
/// A class attribute with more names than this styles, it does not name.
const CLASSES_MAX: usize = 12;
/// Links, images and headings listed for the whole page.
const LISTED_MAX: usize = 500;

static MONEY: LazyLock<Regex> = LazyLock::new(|| {
    let sign = r"(?:[$€£¥₹₽₩]|\b(?:USD|EUR|GBP|CHF|JPY|CAD|AUD|SEK|NOK|DKK|PLN|CZK|INR|kr|zł)\b)";
    let number = r"\d[\d.,'’\u{a0}\u{202f} ]*";
    Regex::new(&format!(r"{sign}\s*{number}|{number}\s*{sign}"))
        .expect("the pattern is a constant and compiles")
});
static STOCK: LazyLock<Regex> = LazyLock::new(|| {
    let wording = "(?i)^(?:(?:currently )?(?:in|out of) stock|sold out|(?:currently )?unavailable|auf lager|sofort lieferbar|\
        nicht (?:verfügbar|lieferbar|auf lager)|ausverkauft|en stock|rupture de stock|épuisé|agotado|disponible|esaurito|\
        disponibile|uitverkocht|op voorraad)\\b";
    Regex::new(wording).expect("the pattern is a constant and compiles")
});

/// The whole page: its first heading outright, the rest as hints, and the lists of links and images.
pub(crate) fn page(document: &Document, base: &Url) -> Entity {
    let mut entity = Entity::default();
    let h1 = document.select("h1").iter().map(|h1| page::squeeze(&h1.text())).find(|text| !text.is_empty());
    entity.facts.extend(h1.map(|text| Fact::new("h1", text, true)));
    entity.hints = hints(&document.html_root(), base);
    for (name, selector, attribute) in [("links", "a[href]", "href"), ("images", "img[src]", "src")] {
        let all = document.select(selector);
        let mut addresses: Vec<String> = Vec::new();
        for node in all.nodes().iter().take(LISTED_MAX) {
            let address = page::absolute(base, &node.attr_or(attribute, ""));
            addresses.extend(address.filter(|address| !addresses.contains(address)));
        }
        if !addresses.is_empty() {
            entity.hints.push(Fact::new(name, addresses, false));
        }
    }
    let headings: Vec<String> = document
        .select("h1, h2, h3")
        .nodes()
        .iter()
        .take(LISTED_MAX)
        .filter_map(|node| page::short_text(node, VALUE_CHARS_MAX))
        .collect();
    if !headings.is_empty() {
        entity.hints.push(Fact::new("headings", headings, true));
    }
    entity
}

/// One block of a listing: its heading, link, image and what its classes name.
pub(crate) fn card(node: &NodeRef<'_>, base: &Url) -> Entity {
    let mut entity = Entity { facts: Vec::new(), hints: hints(node, base) };
    let mut first = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            entity.hints.push(Fact::new(name, value, true));
        }
    };
    let all: Vec<NodeRef<'_>> =
        std::iter::once(*node).chain(node.descendants_it().filter(NodeRef::is_element)).collect();
    let find = |names: &[&str]| all.iter().find(|one| names.iter().any(|name| one.has_name(name)));
    first("heading", find(&["h1", "h2", "h3", "h4", "h5", "h6"]).map(full_text));
    let link =
        all.iter().find(|one| one.has_name("a") && page::absolute(base, &one.attr_or("href", "")).is_some());
    first("url", link.and_then(|link| page::absolute(base, &link.attr_or("href", ""))));
    let text_link = all.iter().find(|one| one.has_name("a") && page::has_text(one));
    first("linktext", text_link.map(full_text));
    let image = find(&["img"]);
    first(
        "image",
        image.and_then(|image| {
            ["data-src", "src"].iter().find_map(|key| page::absolute(base, &image.attr(key)?))
        }),
    );
    first("imagealt", image.map(|image| page::squeeze(&image.attr_or("alt", ""))));
    first(
        "date",
        find(&["time"])
            .map(|time| time.attr("datetime").map_or_else(|| page::text(time), |at| at.to_string())),
    );
    first("description", find(&["p"]).and_then(|text| page::short_text(text, DESCRIPTION_CHARS_MAX)));
    entity
}

/// A heading's text, or the full one that its link carries as title when the visible one is cut ("…").
fn full_text(node: &NodeRef<'_>) -> String {
    let shown = page::short_text(node, VALUE_CHARS_MAX).unwrap_or_default();
    if !shown.ends_with('…') && !shown.ends_with("...") {
        return shown;
    }
    let mut titled = std::iter::once(*node).chain(node.descendants_it());
    titled
        .find_map(|one| one.attr("title").filter(|title| title.len() >= shown.len()))
        .map_or(shown, |title| page::squeeze(&title))
}

fn hints(root: &NodeRef<'_>, base: &Url) -> Vec<Fact> {
    let (mut named, mut worded) = (Vec::new(), Vec::new());
    page::walk(root, &mut |node, step| {
        if step == Step::Out || !node.is_element() || named.len() >= HINTS_MAX {
            return step == Step::In && !node.is_element();
        }
        if ["script", "style", "template", "head", "svg", "noscript", "select"]
            .iter()
            .any(|tag| node.has_name(tag))
        {
            return false;
        }
        let Some(text) = page::short_text(node, VALUE_CHARS_MAX) else { return true };
        name_by_class(node, &text, base, &mut named);
        let leaf = node.element_children().is_empty();
        if let Some(found) = MONEY.find(&text).filter(|_| leaf && !is_former(node)) {
            worded.push(Fact::new("price", found.as_str(), true));
        } else if leaf && STOCK.is_match(&text) {
            worded.push(Fact::new("availability", text, true));
        }
        true
    });
    named.extend(worded);
    named
}

/// A struck-out price was charged before.
fn is_former(node: &NodeRef<'_>) -> bool {
    std::iter::once(*node).chain(node.ancestors_it(Some(2))).any(|one| {
        let class = words(&one.attr_or("class", ""));
        let former = [
            "old", "was", "former", "original", "regular", "rrp", "msrp", "uvp", "before", "strike",
            "crossed",
        ];
        ["del", "s", "strike"].iter().any(|tag| one.has_name(tag))
            || class.iter().any(|word| former.contains(&word.as_str()))
    })
}

fn name_by_class(node: &NodeRef<'_>, text: &str, base: &Url, into: &mut Vec<Fact>) {
    let classes = node.attr_or("class", "").to_string();
    let names: Vec<&str> = classes.split_whitespace().take(CLASSES_MAX).collect();
    let ids: Vec<String> = ["id", "data-testid", "data-test", "data-field"]
        .iter()
        .filter_map(|key| Some(node.attr(key)?.to_string()))
        .collect();
    let value = if !text.is_empty() {
        text.to_owned()
    } else if let Some(address) =
        ["src", "href"].iter().find_map(|key| page::absolute(base, &node.attr(key)?))
    {
        address
    } else if let Some(label) =
        ["content", "data-rating", "aria-label", "title"].iter().find_map(|key| node.attr(key))
    {
        page::squeeze(&label)
    } else {
        // <p class="star-rating Three">: the value is a class as well.
        names.get(1).copied().unwrap_or_default().to_owned()
    };
    let value = if value.len() > 1
        && names.len() == 2
        && names[0].contains("rating")
        && !value.contains(|c: char| c.is_numeric())
    {
        names[1].to_owned()
    } else {
        value
    };
    if value.is_empty() {
        return;
    }
    for name in names.into_iter().chain(ids.iter().map(String::as_str)) {
        let parts = words(name);
        let Some(last) = parts.last().filter(|_| parts.len() <= 4) else { continue };
        let price = parts.iter().any(|word| word == "price");
        if price && is_former(node) {
            into.push(Fact::new("original price", value.clone(), true));
        } else if !price || value.contains(|c: char| c.is_ascii_digit()) {
            into.push(Fact::new(name, value.clone(), true));
            if parts.len() > 1 && (name.contains("__") || price || last != "name") {
                into.push(Fact::new(if price { "price" } else { last }, value.clone(), true));
            }
        }
    }
}
