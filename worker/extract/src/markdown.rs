//! The page as Markdown, by `html-to-markdown-rs`.
//!
//! The options were chosen by measurement; the test corpus pins their effect. **Not here:** choosing the
//! main content (`main_content`).

use dom_query::Document;
use html_to_markdown_rs::{ConversionOptions, PreprocessingOptions, convert};
use url::Url;

use crate::{ExtractError, Page, code, main_content, page, unescape};

/// Converts the page, or its main content.
pub(crate) fn of_page(page: &Page<'_>, main_only: bool) -> Result<String, ExtractError> {
    let document = page::parse(page.html)?;
    let described_image =
        document.select("body img[alt]").iter().any(|image| !image.attr_or("alt", "").trim().is_empty());
    if !described_image && !page::has_text(&document.html_root()) {
        return Err(ExtractError::Empty);
    }
    let base = page::base(&document, page.url);
    code::mark(&document);
    let document = if main_only { main_content::of(document, &base)? } else { document };
    of_document(&document, &base)
}

fn of_document(document: &Document, base: &Url) -> Result<String, ExtractError> {
    prepare(document);
    let conversion = convert(&document.html(), options(base)).map_err(|error| {
        ExtractError::Failed(format!("the page could not be written as Markdown: {error}"))
    })?;
    let markdown = conversion.content.unwrap_or_default();
    let markdown = markdown.trim();
    if markdown.is_empty() {
        Err(ExtractError::Empty)
    } else {
        Ok(format!("{}\n", unescape::needless(markdown)))
    }
}

/// Takes out of the tree what the converter would write badly.
fn prepare(document: &Document) {
    code::name(document);
    // Inside a code block a link's Markdown would be read as code.
    for link in document.select("pre a").nodes() {
        match link.first_child() {
            // Unwrapping takes the parent away and keeps all its children.
            Some(child) => child.unwrap_node(),
            None => link.remove_from_parent(),
        }
    }
    // Scripts hold text that looks like tags and ends the converter's reading early. The base is resolved
    // already; a relative one would be applied twice.
    document.select("script, style, template, noscript, base").remove();
}

fn options(base: &Url) -> ConversionOptions {
    ConversionOptions {
        extract_metadata: false,
        escape_asterisks: true,
        escape_underscores: true,
        escape_misc: true,
        // Its preprocessing drops navigation and forms, which belong to a whole page.
        preprocessing: PreprocessingOptions { enabled: false, ..PreprocessingOptions::default() },
        compact_tables: true,
        // Icons would become `data:` images.
        exclude_selectors: vec!["svg".to_owned()],
        base_url: Some(base.to_string()),
        ..ConversionOptions::default()
    }
}
