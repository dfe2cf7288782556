//! Documents that are not HTML: each kind as Markdown, as JSON, and in the clothes of HTML for the rules.
//!
//! **Not here:** HTML, where documents come from, which media type is which kind of document of a service.

mod charset;
mod csv;
mod feed;
mod json;
mod pdf;
mod pdf_font;
mod pdf_text;
mod xml;

use serde_json::{Value, json};
use url::Url;

use crate::{Content, ExtractError, HTML_BYTES_MAX, Page, Wanted, rules, sandbox};
pub use charset::decode;

/// A kind of document that is read without being HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// JSON, also one value a line.
    Json,
    /// XML; feeds and sitemaps are understood.
    Xml,
    /// Values separated by commas.
    Csv,
    /// Values separated by tabs.
    Tsv,
    /// Any other text.
    Text,
    /// PDF with text in it.
    Pdf,
}

impl DocumentKind {
    /// The kind of a media type without parameters; `None` for HTML and for what is not read.
    #[must_use]
    pub fn of_mime(mime: &str) -> Option<Self> {
        Some(match mime {
            "application/pdf" | "application/x-pdf" => Self::Pdf,
            "text/csv" | "application/csv" => Self::Csv,
            "text/tab-separated-values" => Self::Tsv,
            "application/json" | "text/json" | "application/x-ndjson" | "application/jsonl" => Self::Json,
            "application/xml" | "text/xml" => Self::Xml,
            "image/svg+xml" | "text/html" | "application/xhtml+xml" => return None,
            "application/javascript"
            | "application/x-javascript"
            | "application/yaml"
            | "application/x-yaml"
            | "application/toml"
            | "application/sql"
            | "application/x-sh" => Self::Text,
            _ if mime.ends_with("+json") => Self::Json,
            _ if mime.ends_with("+xml") => Self::Xml,
            _ if mime.starts_with("text/") => Self::Text,
            _ => return None,
        })
    }

    /// The kind that the last part of a path names; for servers that say nothing about what they send.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
        Some(match extension.to_ascii_lowercase().as_str() {
            "pdf" => Self::Pdf,
            "csv" => Self::Csv,
            "tsv" | "tab" => Self::Tsv,
            "json" | "jsonl" | "ndjson" | "geojson" => Self::Json,
            "xml" | "rss" | "atom" => Self::Xml,
            "txt" | "md" | "markdown" | "rst" | "log" | "yaml" | "yml" | "toml" => Self::Text,
            _ => return None,
        })
    }
}

/// A fetched document that is not HTML.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// How to read it.
    pub kind: DocumentKind,
    /// As it was sent, at most [`HTML_BYTES_MAX`] bytes.
    pub bytes: &'a [u8],
    /// What the server said about its characters.
    pub charset: Option<&'a str>,
    /// Where it was finally found.
    pub url: &'a Url,
}

/// Extracts `wanted` from a document. Blocks for the time of the work (CPU only): call it off the async threads.
///
/// # Errors
/// As [`crate::extract`]; and [`ExtractError::Unsupported`] for a document of a kind that is read, in a form that
/// is not.
pub fn extract_document(document: &Document<'_>, wanted: &Wanted<'_>) -> Result<Content, ExtractError> {
    if document.bytes.len() > HTML_BYTES_MAX {
        return Err(ExtractError::Failed(format!(
            "the document has {} bytes, the limit is {HTML_BYTES_MAX}",
            document.bytes.len()
        )));
    }
    // The thread may outlive this call, so what it reads is its own.
    let (kind, bytes, url) = (document.kind, document.bytes.to_vec(), document.url.clone());
    let charset = document.charset.map(str::to_owned);
    let read = move || read(kind, &bytes, charset.as_deref(), &url);
    match *wanted {
        Wanted::Markdown { .. } => sandbox::run(move || read()?.markdown().map(Content::Markdown)),
        Wanted::Json { schema, prompt, main_content } => {
            let (schema, prompt, url) = (schema.cloned(), prompt.map(str::to_owned), document.url.clone());
            sandbox::run(move || {
                let read = read()?;
                if schema.is_none() && prompt.as_deref().is_none_or(|prompt| prompt.trim().is_empty()) {
                    return read.json().map(Content::Json);
                }
                let html = read.html();
                let page = Page { html: &html, url: &url };
                rules::of_page(&page, schema.as_ref(), prompt.as_deref(), main_content).map(Content::Json)
            })
        }
    }
}

/// A document that has been understood.
enum Read {
    Json(json::Json),
    Feed(feed::Feed),
    Xml(xml::Xml),
    Table(csv::Table),
    Text(String),
    Pdf(pdf::Pdf),
}

fn read(kind: DocumentKind, bytes: &[u8], charset: Option<&str>, url: &Url) -> Result<Read, ExtractError> {
    if kind == DocumentKind::Pdf {
        return pdf::read(bytes).map(Read::Pdf);
    }
    let text = decode(bytes, charset);
    if text.trim().is_empty() {
        return Err(ExtractError::Empty);
    }
    Ok(match kind {
        DocumentKind::Json => json::read(&text).map_or(Read::Text(text), Read::Json),
        DocumentKind::Xml => match feed::read(&text, url) {
            Some(feed) => Read::Feed(feed),
            None => Read::Xml(xml::Xml(text)),
        },
        DocumentKind::Csv => Read::Table(csv::read(text, b',')),
        DocumentKind::Tsv => Read::Table(csv::read(text, b'\t')),
        DocumentKind::Text | DocumentKind::Pdf => Read::Text(text),
    })
}

impl Read {
    fn markdown(&self) -> Result<String, ExtractError> {
        Ok(match self {
            Self::Json(json) => fenced("json", json.text()),
            Self::Feed(feed) => feed.markdown(),
            Self::Xml(xml) => fenced("xml", &xml.0),
            Self::Table(table) => table.markdown(),
            Self::Text(text) => format!("{}\n", text.trim_end()),
            Self::Pdf(pdf) => pdf.markdown(),
        })
    }

    fn json(&self) -> Result<Value, ExtractError> {
        Ok(match self {
            Self::Json(json) => json.object(),
            Self::Feed(feed) => feed.json(),
            Self::Xml(xml) => xml.json(),
            Self::Table(table) => table.json(),
            Self::Text(text) => json!({ "text": text }),
            Self::Pdf(pdf) => pdf.json(),
        })
    }

    /// In the clothes of HTML, so that the rules can fill a schema from it.
    fn html(&self) -> String {
        match self {
            Self::Json(json) => json.html(),
            Self::Feed(feed) => feed.html(),
            Self::Xml(xml) => preformatted(&xml.0),
            Self::Table(table) => table.html(),
            Self::Text(text) => preformatted(text),
            Self::Pdf(pdf) => pdf.html(),
        }
    }
}

/// A code block whose fence is longer than any in it.
fn fenced(language: &str, text: &str) -> String {
    let longest = text.lines().map(|line| line.trim_start().bytes().take_while(|b| *b == b'`').count()).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

fn preformatted(text: &str) -> String {
    format!("<html><body><pre>{}</pre></body></html>", escaped(text))
}

/// Text as it has to stand in HTML, attributes included.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// Text in one line of Markdown that says what it says.
fn in_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        for letter in word.chars() {
            if matches!(letter, '\\' | '*' | '_' | '`' | '[' | ']' | '<' | '|') {
                out.push('\\');
            }
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_those_inside() {
        assert_eq!(fenced("json", "{}\n"), "```json\n{}\n```\n");
        assert!(fenced("xml", "a\n````\n").starts_with("`````xml\n"));
    }
}
