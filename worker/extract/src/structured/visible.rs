//! What the visible page suggests: headings, class names, prices and stock wording.
//!
//! These are hints; markup that was written for machines is believed first.

use dom_query::{Document, NodeRef};
use serde_json::Value;
use url::Url;

use super::entity::{Entity, Fact, words};
use super::wording::{ASIDE, BUY, FORMER_WORDS, MONEY, PRICE_WORDS, STOCK};
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

/// The whole page: its first heading outright, the rest as hints, and the lists of links and images.
pub(crate) fn page(document: &Document, base: &Url) -> Entity {
    let mut entity = Entity::default();
    let h1 = document.select("h1").iter().map(|h1| page::squeeze(&h1.text())).find(|text| !text.is_empty());
    entity.facts.extend(h1.map(|text| Fact::new("h1", text, true)));
    entity.hints = linked(&document.html_root());
    entity.hints.extend(hints(&document.html_root(), base));
    let time = document.select("time[datetime]").nodes().iter().find(|time| !is_aside(time)).copied();
    entity.hints.extend(time.map(|time| Fact::new("date", time.attr_or("datetime", "").to_string(), false)));
    let image = document.select("article img, main img, figure img").nodes().iter().find_map(|image| {
        let image = Some(image).filter(|image| !is_aside(image))?;
        ["data-src", "src"].iter().find_map(|key| page::absolute(base, &image.attr(key)?))
    });
    entity.hints.extend(image.map(|address| Fact::new("image", address, false)));
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
    let mut entity = Entity { hints: hints(node, base), ..Entity::default() };
    entity.hints.extend(linked(node));
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

/// What links say by their kind: who wrote it, what it is about, where to write or call.
fn linked(root: &NodeRef<'_>) -> Vec<Fact> {
    let mut lists: [(&str, Vec<String>); 3] =
        [("author", Vec::new()), ("category", Vec::new()), ("keywords", Vec::new())];
    let mut facts = Vec::new();
    let links = root.descendants_it().filter(|node| node.has_name("a"));
    for link in links.take(LISTED_MAX) {
        let href = link.attr_or("href", "").trim().to_string();
        let text = || page::short_text(&link, VALUE_CHARS_MAX).unwrap_or_default();
        if let Some(address) = href.strip_prefix("mailto:") {
            let address = address.split('?').next().unwrap_or_default();
            facts.push(Fact::new("email", page::squeeze(address), false));
        } else if let Some(number) = href.strip_prefix("tel:") {
            let shown = text();
            let number = if shown.chars().any(|c| c.is_ascii_digit()) { shown } else { number.to_owned() };
            facts.push(Fact::new("phone", number, true));
        }
        let rel = link.attr_or("rel", "").to_lowercase();
        let kinds: Vec<&str> = rel.split_whitespace().collect();
        let place = if kinds.contains(&"author") {
            0
        } else if kinds.contains(&"category") {
            1
        } else if kinds.contains(&"tag") {
            2
        } else {
            continue;
        };
        let text = text();
        if !text.is_empty() && !lists[place].1.contains(&text) {
            lists[place].1.push(text);
        }
    }
    let named = lists.into_iter().filter(|(_, texts)| !texts.is_empty());
    facts.extend(named.map(|(name, texts)| Fact::new(name, texts, true)));
    facts
}

fn is_aside(node: &NodeRef<'_>) -> bool {
    node.ancestors_it(None).any(|one| ["aside", "nav", "footer"].iter().any(|tag| one.has_name(tag)))
}

fn hints(root: &NodeRef<'_>, base: &Url) -> Vec<Fact> {
    let (mut named, mut worded, mut bought) = (Vec::new(), Vec::new(), None);
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
        if bought.is_none() && is_buy_button(node, &text) {
            bought = Some(Fact::new("availability", "InStock", false));
        }
        if node.element_children().is_empty() {
            worded.extend(by_wording(node, &text));
        }
        true
    });
    named.extend(worded);
    named.extend(bought);
    named
}

/// What the text of an innermost element is by its own wording.
fn by_wording(node: &NodeRef<'_>, text: &str) -> Option<Fact> {
    if let Some(found) = MONEY.find(text) {
        return if is_former(node) {
            Some(Fact::new("original price", found.as_str(), true))
        } else {
            (!ASIDE.is_match(text)).then(|| Fact::new("price", found.as_str(), true))
        };
    }
    STOCK.is_match(text).then(|| Fact::new("availability", text, true))
}

fn is_buy_button(node: &NodeRef<'_>, text: &str) -> bool {
    let button = ["button", "a", "input"].iter().any(|tag| node.has_name(tag));
    if !button || node.has_attr("disabled") {
        return false;
    }
    if node.has_name("input") { BUY.is_match(node.attr_or("value", "").trim()) } else { BUY.is_match(text) }
}

/// A struck-out price was charged before.
fn is_former(node: &NodeRef<'_>) -> bool {
    std::iter::once(*node).chain(node.ancestors_it(Some(2))).any(|one| is_struck(&one))
}

fn is_struck(node: &NodeRef<'_>) -> bool {
    ["del", "s", "strike"].iter().any(|tag| node.has_name(tag))
        || words(&node.attr_or("class", "")).iter().any(|word| FORMER_WORDS.contains(&word.as_str()))
}

/// The text without what was charged before.
fn current_text(node: &NodeRef<'_>) -> String {
    let mut text = String::new();
    page::walk(node, &mut |at, step| {
        if at.is_text() && step == Step::In {
            text.push_str(&at.text());
            text.push(' ');
        }
        at.id == node.id
            || (at.is_element() && !is_struck(at) && !at.has_name("script") && !at.has_name("style"))
    });
    page::squeeze(&text)
}

fn name_by_class(node: &NodeRef<'_>, text: &str, base: &Url, into: &mut Vec<Fact>) {
    let classes = node.attr_or("class", "").to_string();
    let names: Vec<&str> = classes.split_whitespace().take(CLASSES_MAX).collect();
    let ids: Vec<String> = ["id", "data-testid", "data-test", "data-field"]
        .iter()
        .filter_map(|key| Some(node.attr(key)?.to_string()))
        .collect();
    if names.is_empty() && ids.is_empty() {
        return;
    }
    let Some(value) = told(node, text, &names, base) else { return };
    for name in names.into_iter().chain(ids.iter().map(String::as_str)) {
        let parts = words(name);
        let Some(last) = parts.last().filter(|_| parts.len() <= 4) else { continue };
        if !parts.iter().any(|word| PRICE_WORDS.contains(&word.as_str())) {
            into.push(Fact::new(name, value.clone(), true));
            if parts.len() > 1 && (name.contains("__") || last != "name") {
                into.push(Fact::new(last, value.clone(), true));
            }
        } else if is_former(node) {
            into.push(Fact::new("original price", value.clone(), true));
        } else {
            let current = current_text(node);
            let shown = if current.is_empty() { text.to_owned() } else { current };
            if shown.contains(|c: char| c.is_ascii_digit()) {
                into.push(Fact::new(name, shown.as_str(), true));
                into.push(Fact::new("price", shown, true));
            }
        }
    }
}

/// What an element says: its text, the items of a list, else an address or a label in its attributes.
fn told(node: &NodeRef<'_>, text: &str, names: &[&str], base: &Url) -> Option<Value> {
    if node.has_name("ul") || node.has_name("ol") {
        let items = node.element_children();
        let items = items.iter().take(LISTED_MAX).filter_map(|item| page::short_text(item, VALUE_CHARS_MAX));
        let items: Vec<String> = items.filter(|item| !item.is_empty()).collect();
        return (!items.is_empty()).then(|| Value::from(items));
    }
    let attribute =
        |keys: &[&str]| keys.iter().find_map(|key| node.attr(key)).map(|told| page::squeeze(&told));
    let machine = if node.has_name("time") { attribute(&["datetime"]) } else { None };
    let readable = text.chars().any(char::is_alphanumeric).then(|| text.to_owned());
    let address = || {
        let inside = ["src", "href"].iter().find_map(|key| page::absolute(base, &node.attr(key)?));
        inside.filter(|_| text.is_empty())
    };
    let label = || attribute(&["content", "data-rating", "data-value", "aria-label", "title"]);
    let told = machine.or(readable).or_else(address).or_else(label);
    // <p class="star-rating Three">: the value is a class as well.
    let graded = names.len() == 2
        && !text.contains('★')
        && names[0].contains("rating")
        && !told.as_ref().is_some_and(|told| told.contains(char::is_numeric));
    let told = if graded { names.get(1).map(|grade| (*grade).to_owned()) } else { told };
    told.or_else(|| Some(text.to_owned())).filter(|told| !told.is_empty()).map(Value::from)
}
