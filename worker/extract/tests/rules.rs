//! Every page of `tests/rules_corpus` gives the JSON that is written beside it.
//!
//! `NAME.html` is the page; `NAME.json` says what `kind` of page it is and lists cases: a `schema` (or a
//! `prompt`) and what must come out, `expected` exactly or the `error` with its texts.

use std::path::{Path, PathBuf};

use leafcutter_extract::{Content, ExtractError, Page, Wanted, extract};
use serde_json::Value;
use url::Url;

const PAGES_MIN: usize = 40;
/// Listings and articles among them.
const LISTINGS_AND_ARTICLES_MIN: usize = 20;

struct Sample {
    name: String,
    html: String,
    told: Value,
}

fn samples() -> Vec<Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules_corpus");
    let entries = std::fs::read_dir(folder).expect("the corpus is beside this test");
    let mut pages: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    pages.retain(|path| path.extension().is_some_and(|kind| kind == "html"));
    pages.sort();
    let read = |path: &PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let told = std::fs::read_to_string(path.with_extension("json")).unwrap_or_else(|_| panic!("{name}"));
        let told = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{name}: {error}"));
        Sample { name, html: std::fs::read_to_string(path).expect("a page"), told }
    };
    pages.iter().map(read).collect()
}

/// What is wrong with the outcome of a case, if anything.
fn complaint(html: &str, case: &Value) -> Option<String> {
    let url = Url::parse("https://site.example/section/page.html").expect("a constant");
    let wanted = Wanted::Json {
        schema: case.get("schema"),
        prompt: case["prompt"].as_str(),
        main_content: case["mainContent"] == true,
    };
    match (extract(&Page { html, url: &url }, &wanted), case["error"].as_array()) {
        (Ok(Content::Json(value)), None) if value == case["expected"] => None,
        (Err(ExtractError::SchemaMismatch(messages)), Some(texts)) => {
            let shown = messages.join("; ");
            let lost = texts.iter().filter_map(Value::as_str).find(|text| !shown.contains(text));
            lost.map(|text| format!("{text:?} is not in {shown}"))
        }
        (Ok(Content::Json(value)), _) => Some(format!("expected {}\n     got {value}", case["expected"])),
        (outcome, _) => Some(format!("unexpected outcome: {outcome:?}")),
    }
}

#[test]
fn every_page_gives_the_json_that_is_written_beside_it() {
    let samples = samples();
    let mut wrong = Vec::new();
    for Sample { name, html, told } in &samples {
        for case in told["cases"].as_array().unwrap_or_else(|| panic!("{name} has no cases")) {
            if let Some(complaint) = complaint(html, case) {
                wrong.push(format!("{name} ({}): {complaint}", case["about"]));
            }
        }
    }
    let is_list = |sample: &&Sample| sample.told["kind"] == "listing" || sample.told["kind"] == "article";
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(samples.len() >= PAGES_MIN, "only {} pages", samples.len());
    assert!(samples.iter().filter(is_list).count() >= LISTINGS_AND_ARTICLES_MIN);
}
