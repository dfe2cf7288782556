//! Converts every `NAME.html` of a folder into `NAME.md` (or, with `json`, into `NAME.json`).
//!
//! `folder_to_markdown IN OUT page|main|json [SCHEMA]`: for measuring the extraction on a corpus. Links are
//! made absolute against `https://base.invalid/`, which is then taken off again.

use std::io::Write;
use std::path::{Path, PathBuf};

use leafcutter_extract::{Content, ExtractError, Page, Wanted, extract};
use url::Url;

const BASE: &str = "https://base.invalid/";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, from, to, mode, rest @ ..] = arguments.as_slice() else {
        return Err("usage: folder_to_markdown IN OUT page|main|json [SCHEMA]".into());
    };
    let schema = rest.first().map(std::fs::read_to_string).transpose()?;
    let schema: Option<serde_json::Value> = schema.as_deref().map(serde_json::from_str).transpose()?;
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "html") {
            convert_file(&path, Path::new(to), mode, schema.as_ref())?;
        }
    }
    Ok(())
}

fn convert_file(
    path: &Path,
    to: &Path,
    mode: &str,
    schema: Option<&serde_json::Value>,
) -> Result<(), Box<dyn std::error::Error>> {
    let html = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
    let url = Url::parse(BASE)?;
    let wanted = match mode {
        "json" => Wanted::Json { schema, prompt: None, main_content: false },
        _ => Wanted::Markdown { main_content: mode == "main" },
    };
    let target = to.join(PathBuf::from(path.file_stem().unwrap_or_default()));
    match extract(&Page { html: &html, url: &url }, &wanted) {
        Ok(Content::Markdown(text)) => {
            std::fs::write(target.with_extension("md"), text.replace(BASE, "/").replace("](//", "](/"))?;
        }
        Ok(Content::Json(value)) => std::fs::write(target.with_extension("json"), value.to_string())?,
        Err(ExtractError::Empty) => {}
        Err(error) => writeln!(std::io::stderr(), "{}: {error}", path.display())?,
    }
    Ok(())
}
