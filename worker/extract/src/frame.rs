//! Takes the frame of a page away: navigation, banners, dialogs, forms, advice to share or to subscribe.
//!
//! A front page, a catalogue or a product has no single dense block of prose, so a finder of articles keeps a
//! random part of it. Such pages are read better the other way round: everything that does not call itself
//! frame, by its element, its role or a word in its class or id, is content. A part that holds most of the
//! page's words is never frame, whatever it is called. **Not here:** when to read a page this way
//! (`main_content`).

use dom_query::{Document, NodeId, NodeRef};

use crate::page::{self, Step};

/// A part with more than this share of the page's words is not frame, unless its element says so.
const FRAME_SHARE_MAX: f64 = 0.4;
/// Content marked as such is believed when it holds at least this share of what is left of the page.
const MAIN_SHARE_MIN: f64 = 0.3;

/// A text run of so many words outside links reads like a sentence.
const RUN_WORDS_MIN: usize = 8;
/// So many words in sentences are content, whatever the part is called.
const PROSE_WORDS_MIN: usize = 40;

/// Elements that are frame by definition.
const ELEMENTS: &[&str] = &[
    "nav", "footer", "dialog", "select", "option", "datalist", "button", "input", "textarea", "audio",
    "video", "canvas", "map",
];
const ROLES: &[&str] = &[
    "navigation",
    "banner",
    "contentinfo",
    "dialog",
    "alertdialog",
    "alert",
    "search",
    "menu",
    "menubar",
    "toolbar",
    "tablist",
    "complementary",
    "tooltip",
];
/// Words of a class or an id that name frame by themselves.
const WORDS: &[&str] = &[
    "nav",
    "navbar",
    "navigation",
    "menu",
    "submenu",
    "megamenu",
    "breadcrumb",
    "breadcrumbs",
    "footer",
    "cookie",
    "cookies",
    "consent",
    "gdpr",
    "ccpa",
    "onetrust",
    "newsletter",
    "subscribe",
    "signup",
    "login",
    "share",
    "sharing",
    "social",
    "sharethis",
    "addthis",
    "promo",
    "popup",
    "modal",
    "overlay",
    "lightbox",
    "drawer",
    "offcanvas",
    "advert",
    "adverts",
    "advertisement",
    "ads",
    "sponsored",
    "cart",
    "minicart",
    "basket",
    "wishlist",
    "skip",
    "search",
    "searchbox",
    "filter",
    "filters",
    "facet",
    "facets",
    "sort",
    "sortby",
    "pagination",
    "pager",
    "toolbar",
    "sidebar",
    "toast",
    "tooltip",
    "announcement",
    "masthead",
    "topbar",
    "dropdown",
    "hidden",
    "hide",
    "visuallyhidden",
    "sronly",
    "copyright",
];
/// Notices of consent are prose and frame all the same.
const CONSENT: &[&str] = &["cookie", "consent", "gdpr", "onetrust"];

/// Removes the frame from the document.
pub(crate) fn remove(document: &Document) {
    document.select("script, style, template, noscript").remove();
    let Some(body) = document.body() else { return };
    let words = page::count_words(&body, &|_| true);
    let total = words.get(&body.id).copied().unwrap_or(0);
    let mut frame = Vec::new();
    page::walk(&body, &mut |node, step| {
        if step == Step::Out || node.id == body.id || !node.is_element() {
            return true;
        }
        let share = words.get(&node.id).copied().unwrap_or(0) as f64 / total.max(1) as f64;
        let hidden = page::is_styled_away(node) && share <= FRAME_SHARE_MAX && !has_prose(node);
        let found = hidden || is_frame(node, share);
        if found {
            frame.push(*node);
        }
        !found
    });
    for node in frame {
        node.remove_from_parent();
    }
    keep_main(document, &body);
}

/// Cuts what stands outside the marked main content, when that is most of what is left.
fn keep_main(document: &Document, body: &NodeRef<'_>) {
    let words = page::count_words(body, &|_| true);
    let of = |node: &NodeRef<'_>| words.get(&node.id).copied().unwrap_or(0);
    let marked = document.select("main, [role=main], #main, #content, #main-content");
    let Some(main) = marked.nodes().iter().max_by_key(|node| of(node)).copied() else { return };
    if (of(&main) as f64) < of(body) as f64 * MAIN_SHARE_MIN {
        return;
    }
    let above: Vec<NodeId> = main.ancestors_it(None).map(|node| node.id).collect();
    let mut outside = Vec::new();
    page::walk(body, &mut |node, step| {
        if step == Step::Out || node.id == main.id {
            return false;
        }
        let inside = above.contains(&node.id);
        if !inside && !node.has_name("h1") {
            outside.push(*node);
        }
        inside
    });
    for node in outside {
        node.remove_from_parent();
    }
}

fn is_frame(node: &NodeRef<'_>, share: f64) -> bool {
    if ELEMENTS.iter().any(|name| node.has_name(name)) {
        return true;
    }
    if share > FRAME_SHARE_MAX || node.has_name("body") || node.has_name("main") || node.has_name("h1") {
        return false;
    }
    let role = node.attr_or("role", "");
    if ROLES.contains(&&*role.trim().to_ascii_lowercase()) {
        return true;
    }
    if (node.has_name("header") || node.has_name("aside")) && !inside_content(node) {
        return true;
    }
    (names_frame(&node.attr_or("id", "")) || names_frame(&node.attr_or("class", ""))) && !has_prose(node)
}

/// Whether more than a few words stand in sentences: a name alone does not condemn them.
fn has_prose(node: &NodeRef<'_>) -> bool {
    let names = format!("{} {}", node.attr_or("id", ""), node.attr_or("class", "")).to_ascii_lowercase();
    if CONSENT.iter().any(|word| names.contains(word)) {
        return false;
    }
    let mut prose = 0;
    page::walk(node, &mut |at, step| {
        if step == Step::Out || at.has_name("a") {
            return false;
        }
        if at.is_text() {
            let words = at.text().split_whitespace().count();
            if words >= RUN_WORDS_MIN {
                prose += words;
            }
        }
        true
    });
    prose >= PROSE_WORDS_MIN
}

fn inside_content(node: &NodeRef<'_>) -> bool {
    node.ancestors_it(None).any(|above| above.has_name("main") || above.has_name("article"))
}

/// Whether one of the words that the names consist of names frame.
fn names_frame(names: &str) -> bool {
    let mut words: Vec<String> = Vec::new();
    for name in names.split(|c: char| !c.is_ascii_alphanumeric()).filter(|name| !name.is_empty()) {
        let mut word = String::new();
        for c in name.chars() {
            if c.is_ascii_uppercase() && word.ends_with(|last: char| last.is_ascii_lowercase()) {
                words.push(std::mem::take(&mut word));
            }
            word.push(c);
        }
        words.push(word);
    }
    words.iter().any(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()))
}
