//! Writes what the chooser of main content hears about every block of every `NAME.html` of a folder.
//!
//! `block_rows IN OUT`: for training. `OUT/NAME.jsonl` has one line per block, its text and its numbers, below
//! one line of their names.

use std::fmt::Write as _;
use std::path::Path;

use leafcutter_extract::{Page, block_rows};
use url::Url;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, from, to] = arguments.as_slice() else {
        return Err("usage: block_rows IN OUT".into());
    };
    std::fs::create_dir_all(to)?;
    let url = Url::parse("https://base.invalid/")?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "html") {
            continue;
        }
        let html = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        let (names, rows) = block_rows(&Page { html: &html, url: &url })?;
        let mut lines = format!("{}\n", serde_json::json!(names));
        for (text, numbers) in rows {
            writeln!(lines, "{}", serde_json::json!([text, numbers]))?;
        }
        let name = path.file_stem().unwrap_or_default();
        std::fs::write(Path::new(to).join(name).with_extension("jsonl"), lines)?;
    }
    Ok(())
}
