//! Every page of `tests/corpus` gives what is written beside it.
//!
//! `NAME.html` is the page, `NAME.json` a list of cases: `wanted` (schema, prompt, markdown) and what must come
//! out: `expected` exactly, `contains`/`lacks` texts, or the `error` with its texts.

use std::path::{Path, PathBuf};

use leafcutter_extract::{Content, ExtractError, Page, Wanted, extract};
use serde_json::Value;
use url::Url;

const CASES_MIN: usize = 20;

fn pages() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let entries = std::fs::read_dir(folder)
        .expect("the corpus is beside this test")
        .map(|entry| entry.expect("an entry").path());
    let mut pages: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|kind| kind == "html")).collect();
    pages.sort();
    pages
}

fn run(html: &str, url: &Url, case: &Value) -> Result<Content, ExtractError> {
    let main_content = case["mainContent"] == true;
    let wanted = if case["markdown"] == true {
        Wanted::Markdown { main_content }
    } else {
        Wanted::Json { schema: case.get("schema"), prompt: case["prompt"].as_str(), main_content }
    };
    extract(&Page { html, url }, &wanted)
}

fn texts<'c>(case: &'c Value, key: &str) -> Vec<&'c str> {
    case[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What is wrong with the outcome, if anything.
fn complaint(case: &Value, outcome: &Result<Content, ExtractError>) -> Option<String> {
    let shown = match outcome {
        Ok(Content::Markdown(text)) => text.clone(),
        Ok(Content::Json(value)) => value.to_string(),
        Err(error) => format!("{error:?}"),
    };
    if outcome.is_err() != case.get("error").is_some() {
        return Some(format!("unexpected outcome: {shown}"));
    }
    if let (Some(expected), Ok(Content::Json(value))) = (case.get("expected"), outcome)
        && expected != value
    {
        return Some(format!("expected {expected}\n     got {value}"));
    }
    let wrong = |text: &&str, wanted: bool| shown.contains(*text) != wanted;
    let lost = texts(case, "contains").into_iter().chain(texts(case, "error")).find(|text| wrong(text, true));
    let leaked = texts(case, "lacks").into_iter().find(|text| wrong(text, false));
    lost.map(|text| format!("{text:?} is not in\n{shown}"))
        .or(leaked.map(|text| format!("{text:?} is in\n{shown}")))
}

#[test]
fn every_page_of_the_corpus_gives_what_is_written_beside_it() {
    let url = Url::parse("https://shop.example/catalogue/page.html").unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for page in pages() {
        let html = std::fs::read_to_string(&page).unwrap();
        let cases = std::fs::read_to_string(page.with_extension("json")).unwrap();
        let cases: Vec<Value> = serde_json::from_str(&cases).unwrap();
        for case in cases {
            count += 1;
            if let Some(complaint) = complaint(&case, &run(&html, &url, &case)) {
                wrong.push(format!(
                    "{} ({}): {complaint}",
                    page.file_stem().unwrap().display(),
                    case["about"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(count >= CASES_MIN, "only {count} cases were found");
}
