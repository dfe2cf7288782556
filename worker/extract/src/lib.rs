//! Turns one page's HTML into what the caller asked for: Markdown, or JSON in the shape of a schema.
//!
//! Pure and CPU-only. **Not allowed here:** I/O, async, clocks (but for the time limit of `sandbox`),
//! randomness, a network (also not for a remote `$ref`). The HTML is hostile: every parse goes through `depth` first and runs in `sandbox`.
//! Start reading at `markdown` for text and at `rules` for JSON.

mod blocks;
mod code;
mod depth;
mod documents;
mod frame;
mod lazy;
mod main_content;
mod markdown;
mod page;
mod prompt;
mod rules;
mod sandbox;
mod shadow;
mod structured;
mod trim;
mod unescape;

use serde_json::Value;
use thiserror::Error;
use url::Url;

pub use documents::{Document, DocumentKind, decode, extract_document};
pub use shadow::open_shadow_trees;

/// Largest HTML accepted, in bytes. A bigger page is refused with [`ExtractError::Failed`].
pub const HTML_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A fetched page.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The document as the browser or the server gave it, at most [`HTML_BYTES_MAX`] bytes.
    pub html: &'a str,
    /// Where it was finally found (after redirects). Relative addresses are resolved against it.
    pub url: &'a Url,
}

/// What to make of the page.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// CommonMark with tables.
    Markdown {
        /// Leave out navigation, footers and the like.
        main_content: bool,
    },
    /// JSON by the built-in rules.
    Json {
        /// The JSON Schema that the result satisfies. Without it, all structured data found.
        schema: Option<&'a Value>,
        /// Names the wanted fields when there is no schema; ignored when there is one.
        prompt: Option<&'a str>,
        /// Read visible sources (tables, labels, cards) from the main content only. What the page
        /// says in its markup about itself (JSON-LD, meta) is always read.
        main_content: bool,
    },
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Markdown, ends with one newline, links and images absolute.
    Markdown(String),
    /// A JSON value, valid against the schema when there was one.
    Json(Value),
}

/// Why nothing came out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExtractError {
    /// No visible text, or none of the wanted data. Rendering with a browser may bring content.
    #[error("the page has no content to extract; if a script renders it, use the default scrape mode")]
    Empty,
    /// A required field was not found, or the result breaks the schema. One message per field.
    #[error("the page does not fill the schema, make these fields optional or correct them: {}", .0.join("; "))]
    SchemaMismatch(Vec<String>),
    /// A document of a kind that is read, in a form that is not.
    #[error("{0}")]
    Unsupported(String),
    /// The page or the schema could not be processed at all.
    #[error("extraction failed: {0}")]
    Failed(String),
}

/// Extracts `wanted` from `page`. Blocks for the time of the work (CPU only): call it off the async threads.
///
/// # Errors
/// [`ExtractError`]. A panic inside a library is caught and becomes [`ExtractError::Failed`], and so does work
/// that takes longer than 30 s.
pub fn extract(page: &Page<'_>, wanted: &Wanted<'_>) -> Result<Content, ExtractError> {
    if page.html.len() > HTML_BYTES_MAX {
        return Err(ExtractError::Failed(format!(
            "the page has {} bytes of HTML, the limit is {HTML_BYTES_MAX}",
            page.html.len()
        )));
    }
    // The thread may outlive this call, so what it reads is its own.
    let (html, url) = (page.html.to_owned(), page.url.clone());
    match *wanted {
        Wanted::Markdown { main_content } => sandbox::run(move || {
            markdown::of_page(&Page { html: &html, url: &url }, main_content).map(Content::Markdown)
        }),
        Wanted::Json { schema, prompt, main_content } => {
            let (schema, prompt) = (schema.cloned(), prompt.map(str::to_owned));
            sandbox::run(move || {
                let page = Page { html: &html, url: &url };
                rules::of_page(&page, schema.as_ref(), prompt.as_deref(), main_content).map(Content::Json)
            })
        }
    }
}

/// The document's title, white space collapsed; `None` when it has none or the page is over
/// [`HTML_BYTES_MAX`].
pub fn title(html: &str) -> Option<String> {
    if html.len() > HTML_BYTES_MAX {
        return None;
    }
    let html = html.to_owned();
    sandbox::run(move || Ok(page::title(&page::parse(&html)?))).ok().flatten()
}

/// What the chooser of main content hears: the names of its numbers, and for every block of text of the page its
/// text and its numbers.
#[doc(hidden)]
pub type BlockRows = (Vec<String>, Vec<(String, Vec<f32>)>);

/// The [`BlockRows`] of a page, for training.
///
/// # Errors
/// [`ExtractError`], as [`extract`].
#[doc(hidden)]
pub fn block_rows(page: &Page<'_>) -> Result<BlockRows, ExtractError> {
    let (html, url) = (page.html.to_owned(), page.url.clone());
    sandbox::run(move || {
        let document = page::parse(&html)?;
        let base = page::base(&document, &url);
        Ok(main_content::rows(&document, &base))
    })
}
