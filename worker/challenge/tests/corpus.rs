//! Every page of the corpus is judged as its first line says. The pages are our own, after the manner of real ones.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use leafcutter_challenge::{Challenge, Evidence, Verdict, judge};
use std::{fs, path::Path};

struct Page {
    name: String,
    status: u16,
    headers: Vec<(String, String)>,
    /// What is expected: the last part of the first line; nothing for innocent pages.
    expected: Option<String>,
    html: String,
}

impl Page {
    fn judged(&self) -> Option<Challenge> {
        judge(&Evidence { status: self.status, headers: &self.headers, html: &self.html })
    }
}

fn corpus(folder: &str) -> Vec<Page> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| page(&file.display().to_string(), &fs::read_to_string(&file).unwrap())).collect()
}

fn page(name: &str, text: &str) -> Page {
    let (first, html) = text.split_once('\n').unwrap();
    let mut parts = first.trim_start_matches("<!--").trim_end_matches("-->").split(" | ").map(str::trim);
    let status = parts.next().unwrap().parse().unwrap();
    let (headers, expected): (Vec<_>, Vec<_>) = parts.partition(|part| part.contains(": "));
    let header = |text: &str| text.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    Page {
        name: name.to_owned(),
        status,
        headers: headers.into_iter().filter_map(header).collect(),
        expected: expected.first().map(ToString::to_string),
        html: html.to_owned(),
    }
}

fn words(challenge: &Challenge) -> String {
    let mut words = match challenge.verdict {
        Verdict::Blocked => "blocked".to_owned(),
        Verdict::Captcha => "captcha".to_owned(),
    };
    if challenge.settles {
        words.push_str(" settles");
    }
    if let Some(key) = challenge.widget.as_ref().and_then(|widget| widget.site_key.as_ref()) {
        words.push(' ');
        words.push_str(key);
    }
    words
}

fn wrong(folder: &str) -> Vec<String> {
    let pages = corpus(folder);
    assert!(pages.len() >= 12, "the corpus has to be there");
    let judged = pages.iter().map(|page| (page, page.judged()));
    let wrong = judged.filter(|(page, found)| found.as_ref().map(words) != page.expected);
    wrong.map(|(page, found)| format!("{} expected {:?}: {found:?}", page.name, page.expected)).collect()
}

#[test]
fn every_challenge_is_seen() {
    assert!(wrong("challenges").is_empty(), "{:#?}", wrong("challenges"));
}

#[test]
fn no_innocent_page_is_taken_for_a_challenge() {
    assert!(wrong("innocent").is_empty(), "{:#?}", wrong("innocent"));
}

#[test]
fn a_challenge_stays_one_when_its_page_is_larger_than_those_that_are_always_looked_at() {
    let padding = format!("<style>{}</style>", "a{} ".repeat(5_000));
    for mut page in corpus("challenges") {
        page.html.push_str(&padding);
        assert_eq!(page.judged().as_ref().map(words), page.expected, "{}", page.name);
    }
}

#[test]
fn a_challenge_within_a_real_page_is_no_challenge() {
    let article = "<p>The ants leave the nest at dusk and follow a trail that is kept clean.</p>".repeat(60);
    for mut page in corpus("challenges") {
        // What the vendor says in a header needs no words, nor does a status that only one site uses.
        let told = page.headers.iter().any(|(name, _)| {
            ["cf-mitigated", "x-amzn-waf-action", "x-vercel-mitigated"].contains(&name.as_str())
        });
        page.html = format!("{article}{}", page.html);
        assert_eq!(page.judged().is_some(), told, "{}", page.name);
    }
}
