//! From a document to the bytes of a result: which kinds of documents are read, and what each becomes. How HTML is
//! understood is `leafcutter-extract`'s; where documents come from is `browser`'s and `fast`'s.

use crate::{browser::failed, by_model::ModelReader};
use bytes::Bytes;
use leafcutter_dispatch::{Assignment, FailedPage};
use leafcutter_domain::{ErrorCode, OutputFormat, ScrapeOptions, batch::Extractor};
use leafcutter_extract::{Content, DocumentKind, ExtractError, Page, Wanted, extract, extract_document};
use url::Url;

/// How a document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// HTML, as it stood after its scripts had run (in a browser).
    Html,
    /// Anything else that is read, as it was sent.
    Other(DocumentKind),
}

impl Kind {
    /// The kind of a media type without parameters, or of an address when the type says nothing; `None` for what is
    /// not read.
    pub(crate) fn of(mime: &str, url: &str) -> Option<Self> {
        let mime = mime.trim().to_ascii_lowercase();
        match mime.as_str() {
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            "application/octet-stream" | "binary/octet-stream" | "" => {
                let url = Url::parse(url).ok()?;
                DocumentKind::of_path(url.path()).map(Self::Other)
            }
            _ => DocumentKind::of_mime(&mime).map(Self::Other),
        }
    }

    /// Whether a browser shows it, so that it can be had from there.
    pub(crate) fn is_shown(self) -> bool {
        !matches!(self, Self::Other(DocumentKind::Pdf))
    }
}

/// A page of a kind that is not read.
pub(crate) fn unsupported(mime: &str) -> FailedPage {
    let advice = match mime.split('/').next().unwrap_or_default() {
        "image" => "name the page that shows the picture",
        "audio" | "video" => "name the page that describes it",
        _ => "name a page, or a PDF, JSON, XML, CSV or text document",
    };
    let mime = if mime.is_empty() { "of no named kind" } else { mime };
    failed(ErrorCode::UnsupportedContent, format!("the page is {mime}, which is not read; {advice}"))
}

/// What a page turned out to be.
#[derive(Debug)]
pub(crate) struct Document {
    /// Where the page led.
    pub(crate) final_url: Url,
    /// Its HTTP status.
    pub(crate) http_status: u16,
    /// The content.
    pub(crate) body: Body,
}

/// The content of a page.
#[derive(Debug)]
pub(crate) enum Body {
    /// HTML.
    Html(String),
    /// Anything else.
    Other {
        /// How it is read.
        kind: DocumentKind,
        /// As it was sent.
        bytes: Bytes,
        /// What the server said about its characters.
        charset: Option<String>,
    },
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
    let main_content = options.extract_content_only;
    let (wanted, extractor) = match options.output {
        OutputFormat::Markdown => (Wanted::Markdown { main_content }, Extractor::None),
        OutputFormat::Json => {
            let (schema, prompt) = (options.schema.as_ref(), options.prompt.as_deref());
            (Wanted::Json { schema, prompt, main_content }, Extractor::Rules)
        }
    };
    let url = &document.final_url;
    let content = match &document.body {
        Body::Html(html) => extract(&Page { html, url }, &wanted),
        Body::Other { kind, bytes, charset } => {
            let other = leafcutter_extract::Document { kind: *kind, bytes, charset: charset.as_deref(), url };
            extract_document(&other, &wanted)
        }
    };
    let bytes = match content.map_err(|error| of(&error))? {
        Content::Markdown(text) => Bytes::from(text),
        Content::Json(value) => serde_json::to_vec(&value)
            .map(Bytes::from)
            .map_err(|_| failed(ErrorCode::ExtractionFailed, "the result cannot be written as JSON"))?,
    };
    Ok((bytes, extractor))
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
        let other = |kind| Some(Kind::Other(kind));
        for (mime, path, kind) in [
            ("text/html", "", Some(Kind::Html)),
            ("Application/XHTML+XML", "", Some(Kind::Html)),
            ("application/ld+json", "", other(DocumentKind::Json)),
            ("application/rss+xml", "", other(DocumentKind::Xml)),
            ("text/plain", "a.csv", other(DocumentKind::Text)),
            ("application/pdf", "", other(DocumentKind::Pdf)),
            ("application/octet-stream", "a/Report.PDF?x=.html", other(DocumentKind::Pdf)),
            ("application/octet-stream", "setup.exe", None),
            ("image/svg+xml", "", None),
            ("image/png", "a.csv", None),
            ("", "", None),
        ] {
            assert_eq!(Kind::of(mime, &format!("https://a.test/{path}")), kind, "{mime} {path}");
        }
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        let url = Url::parse("https://a.test/robots.txt").unwrap();
        let body =
            Body::Other { kind: DocumentKind::Text, bytes: Bytes::from_static(b"# *a*\n"), charset: None };
        let document = Document { final_url: url, http_status: 200, body };
        let (bytes, extractor) = make(&document, &ScrapeOptions::default()).unwrap();
        assert_eq!((bytes, extractor), (Bytes::from_static(b"# *a*\n"), Extractor::None));
    }
}
