//! From a document to the bytes of a result: which kinds of documents are read, and what each becomes. How HTML is
//! understood is `leafcutter-extract`'s; where documents come from is `browser`'s and `fast`'s.

use crate::{browser::failed, by_model::ModelReader};
use bytes::Bytes;
use leafcutter_dispatch::{Assignment, FailedPage};
use leafcutter_domain::{ErrorCode, OutputFormat, ScrapeOptions, batch::Extractor};
use leafcutter_extract::{Content, ExtractError, Page, Wanted, extract};
use url::Url;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// HTML, as it stood after its scripts had run (in a browser).
    Html,
    /// JSON, as it was sent.
    Json,
    /// Any other text, as it was sent.
    Text,
}

impl Kind {
    /// The kind of a media type without parameters; `None` for what is not read.
    pub(crate) fn of(mime: &str) -> Option<Self> {
        let mime = mime.trim().to_ascii_lowercase();
        match mime.as_str() {
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            "application/json" => Some(Self::Json),
            "application/xml" => Some(Self::Text),
            "image/svg+xml" => None,
            _ if mime.ends_with("+json") => Some(Self::Json),
            _ if mime.ends_with("+xml") || mime.starts_with("text/") => Some(Self::Text),
            _ => None,
        }
    }
}

/// What a page turned out to be.
#[derive(Debug)]
pub(crate) struct Document {
    /// Where the page led.
    pub(crate) final_url: Url,
    /// Its HTTP status.
    pub(crate) http_status: u16,
    /// How `text` is to be read.
    pub(crate) kind: Kind,
    /// The content.
    pub(crate) text: String,
}

/// Makes the result that the assignment asks for, by the model where it reads such, else off the async threads.
pub(crate) async fn result(
    document: Document,
    assignment: &Assignment,
    model: &ModelReader,
) -> Result<(Bytes, Extractor), FailedPage> {
    let (bytes, extractor) = if model.reads(&assignment.options) {
        (model.result(document, &assignment.options).await?, Extractor::Model)
    } else {
        let options = assignment.options.clone();
        let made = tokio::task::spawn_blocking(move || make(&document, &options)).await;
        made.map_err(|_| failed(ErrorCode::ExtractionFailed, "the extraction broke off"))??
    };
    if bytes.len() as u64 > assignment.result_bytes_max {
        let message =
            format!("the result has {} bytes, {} are kept", bytes.len(), assignment.result_bytes_max);
        return Err(failed(ErrorCode::TooLarge, message));
    }
    Ok((bytes, extractor))
}

fn make(document: &Document, options: &ScrapeOptions) -> Result<(Bytes, Extractor), FailedPage> {
    match options.output {
        OutputFormat::Markdown if document.kind != Kind::Html => {
            if document.text.trim().is_empty() {
                return Err(of(&ExtractError::Empty));
            }
            Ok((Bytes::from(document.text.clone()), Extractor::None))
        }
        OutputFormat::Markdown => {
            let wanted = Wanted::Markdown { main_content: options.extract_content_only };
            Ok((extracted(&document.text, document, &wanted)?, Extractor::None))
        }
        OutputFormat::Json => {
            let wanted = Wanted::Json {
                schema: options.schema.as_ref(),
                prompt: options.prompt.as_deref(),
                main_content: options.extract_content_only,
            };
            let html = as_html(document);
            Ok((extracted(html.as_deref().unwrap_or(&document.text), document, &wanted)?, Extractor::Rules))
        }
    }
}

fn extracted(html: &str, document: &Document, wanted: &Wanted<'_>) -> Result<Bytes, FailedPage> {
    match extract(&Page { html, url: &document.final_url }, wanted).map_err(|error| of(&error))? {
        Content::Markdown(text) => Ok(Bytes::from(text)),
        Content::Json(value) => serde_json::to_vec(&value)
            .map(Bytes::from)
            .map_err(|_| failed(ErrorCode::ExtractionFailed, "the result cannot be written as JSON")),
    }
}

/// Other kinds in the clothes of HTML, for the rules: JSON as the structured data of an otherwise empty page.
fn as_html(document: &Document) -> Option<String> {
    match document.kind {
        Kind::Html => None,
        Kind::Json => {
            let data = document.text.replace("</", "<\\/");
            Some(format!(
                "<html><head><script type=\"application/ld+json\">{data}</script></head><body></body></html>"
            ))
        }
        Kind::Text => {
            let text = document.text.replace('&', "&amp;").replace('<', "&lt;");
            Some(format!("<html><body><pre>{text}</pre></body></html>"))
        }
    }
}

pub(crate) fn of(error: &ExtractError) -> FailedPage {
    let code = match error {
        ExtractError::Empty => ErrorCode::EmptyContent,
        ExtractError::SchemaMismatch(_) => ErrorCode::SchemaMismatch,
        ExtractError::Unsupported(_) => ErrorCode::UnsupportedContent,
        ExtractError::Failed(_) => ErrorCode::ExtractionFailed,
    };
    failed(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_documents_are_told_apart() {
        for (mime, kind) in [
            ("text/html", Some(Kind::Html)),
            ("Application/XHTML+XML", Some(Kind::Html)),
            ("application/ld+json", Some(Kind::Json)),
            ("application/rss+xml", Some(Kind::Text)),
            ("text/plain", Some(Kind::Text)),
            ("application/pdf", None),
            ("image/svg+xml", None),
            ("image/png", None),
            ("", None),
        ] {
            assert_eq!(Kind::of(mime), kind, "{mime}");
        }
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        let url = Url::parse("https://a.test/robots.txt").unwrap();
        let document =
            Document { final_url: url, http_status: 200, kind: Kind::Text, text: "# *a*\n".to_owned() };
        let (bytes, extractor) = make(&document, &ScrapeOptions::default()).unwrap();
        assert_eq!((bytes, extractor), (Bytes::from_static(b"# *a*\n"), Extractor::None));
    }
}
