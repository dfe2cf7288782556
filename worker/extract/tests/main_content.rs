//! The main content of own pages of seven kinds is what a reader would mark.
//!
//! `main_corpus/NAME.html` is the page, `NAME.txt` the words that belong to its content. The measure is that of
//! public benchmarks: F1 of the words of each page, each counted as often as it stands there.

use std::collections::HashMap;
use std::path::Path;

use leafcutter_extract::{Content, Page, Wanted, extract};
use url::Url;

const KINDS: &[&str] = &["article", "documentation", "service", "forum", "collection", "listing", "product"];
const MEAN_MIN: f64 = 0.93;
const PAGE_MIN: f64 = 0.8;

fn read(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/main_corpus");
    std::fs::read_to_string(folder.join(name)).expect("the corpus is beside this test")
}

fn markdown(html: &str) -> String {
    let url = Url::parse("https://site.example/page").expect("a constant");
    match extract(&Page { html, url: &url }, &Wanted::Markdown { main_content: true }) {
        Ok(Content::Markdown(text)) => text,
        other => panic!("no Markdown: {other:?}"),
    }
}

/// Link targets and images are not text of the page.
fn reading_text(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some((before, after)) = rest.split_once("](") {
        // An image has no words of its own: take its description back.
        let open = before.rfind("![").filter(|open| !before[*open..].contains(']'));
        text.push_str(open.map_or(before, |open| &before[..open]));
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    text + rest
}

fn bag(text: &str) -> HashMap<String, usize> {
    let mut bag = HashMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *bag.entry(word.to_lowercase()).or_default() += 1;
    }
    bag
}

fn f1(one: &HashMap<String, usize>, other: &HashMap<String, usize>) -> f64 {
    let common: usize = one.iter().map(|(word, n)| (*n).min(other.get(word).copied().unwrap_or(0))).sum();
    let all: usize = one.values().chain(other.values()).sum();
    2.0 * common as f64 / all as f64
}

#[test]
fn every_kind_of_page_is_cut_down_to_its_content() {
    let score = |kind: &&'static str| {
        let found = reading_text(&markdown(&read(&format!("{kind}.html"))));
        (f1(&bag(&found), &bag(&read(&format!("{kind}.txt")))), *kind, found)
    };
    let scores: Vec<_> = KINDS.iter().map(score).collect();
    for (score, kind, found) in &scores {
        assert!(*score >= PAGE_MIN, "{kind} has only {score:.3}:\n{found}");
    }
    let mean = scores.iter().map(|(score, ..)| score).sum::<f64>() / scores.len() as f64;
    assert!(mean >= MEAN_MIN, "the mean is {mean:.3}");
}

#[test]
fn headings_lists_tables_code_and_links_keep_their_form() {
    let documentation = markdown(&read("documentation.html"));
    for form in
        ["## A first file", "## All settings", "| port | 7070 |", "```toml\nport = 8080", "- A file with"]
    {
        assert!(documentation.contains(form), "{form} is not in\n{documentation}");
    }
    let listing = markdown(&read("listing.html"));
    let link = "## [Council buys the old station](https://site.example/n/1)";
    assert!(listing.contains(link), "{link} is not in\n{listing}");
}

#[test]
fn notices_of_cookies_and_footers_are_in_no_content() {
    for kind in KINDS {
        let found = markdown(&read(&format!("{kind}.html")));
        for text in ["We use cookies", "All rights reserved", "Privacy policy", "window.track"] {
            assert!(!found.contains(text), "{text} is in {kind}:\n{found}");
        }
    }
}
