//! A result by a language model: what of a document it is given, and what its answer or failure means for the item.
//! How it is asked is `leafcutter-model`'s.

use crate::{
    browser::failed,
    content::{Body, Document},
};
use bytes::Bytes;
use leafcutter_dispatch::FailedPage;
use leafcutter_domain::{ErrorCode, ModelTokens, ScrapeOptions};
use leafcutter_extract::{
    Content, DocumentKind, ExtractError, Page, Wanted, decode, extract, extract_document,
};
use leafcutter_model::{Model, ModelError, PageText, Question, Tally};
use std::sync::Arc;

/// A slot's access to the model, with the count of its present item.
#[derive(Default)]
pub(crate) struct ModelReader {
    model: Option<Arc<Model>>,
    tally: Tally,
}

impl ModelReader {
    pub(crate) fn new(model: Option<Arc<Model>>) -> Self {
        Self { model, tally: Tally::default() }
    }

    /// Begins the count of an item.
    pub(crate) fn begin_item(&self) {
        self.tally.reset();
    }

    /// What the present item has used so far.
    pub(crate) fn tokens(&self) -> ModelTokens {
        self.tally.tokens()
    }

    /// Whether items with these options are read by the model.
    pub(crate) fn reads(&self, options: &ScrapeOptions) -> bool {
        self.model.is_some() && options.asks_model()
    }

    /// The result, as JSON.
    pub(crate) async fn result(
        &self,
        document: Document,
        options: &ScrapeOptions,
    ) -> Result<Bytes, FailedPage> {
        let Some(model) = &self.model else { return Err(failed(ErrorCode::Internal, "there is no model")) };
        let (main_content, room) = (options.extract_content_only, model.page_bytes_max());
        let page = tokio::task::spawn_blocking(move || page_text(document, main_content, room)).await;
        let page = page.map_err(|_| failed(ErrorCode::ExtractionFailed, "the extraction broke off"))?;
        let page = page.map_err(|error| crate::content::of(&error))?;
        let question = Question { options, page: &page };
        let value = model.extract(question, &self.tally).await.map_err(|error| of(&error))?;
        serde_json::to_vec(&value)
            .map(Bytes::from)
            .map_err(|_| failed(ErrorCode::ExtractionFailed, "the result cannot be written as JSON"))
    }
}

/// The page as text. Its main content only, when that was asked for or when all of it is too long for the model.
fn page_text(document: Document, main_content: bool, room: usize) -> Result<PageText, ExtractError> {
    let url = document.final_url.to_string();
    let html = match document.body {
        Body::Html(html) => html,
        Body::Other { kind, bytes, charset } => {
            let charset = charset.as_deref();
            let text = match kind {
                DocumentKind::Pdf => {
                    let other = leafcutter_extract::Document {
                        kind,
                        bytes: &bytes,
                        charset,
                        url: &document.final_url,
                    };
                    match extract_document(&other, &Wanted::Markdown { main_content })? {
                        Content::Markdown(text) => text,
                        Content::Json(_) => String::new(),
                    }
                }
                _ => decode(&bytes, charset),
            };
            let is_empty = text.trim().is_empty();
            return if is_empty { Err(ExtractError::Empty) } else { Ok(PageText { url, text, data: None }) };
        }
    };
    let page = Page { html: &html, url: &document.final_url };
    let markdown = |main_content| match extract(&page, &Wanted::Markdown { main_content }) {
        Ok(Content::Markdown(text)) => Ok(text),
        Ok(Content::Json(_)) => Ok(String::new()),
        Err(error) => Err(error),
    };
    let mut text = markdown(main_content);
    if !main_content && text.as_ref().is_ok_and(|text| text.len() > room) {
        text = markdown(true).or(text);
    }
    let data = match extract(&page, &Wanted::Json { schema: None, prompt: None, main_content: true }) {
        Ok(Content::Json(value)) => Some(value.to_string()),
        Ok(Content::Markdown(_)) | Err(_) => None,
    };
    match (text, data) {
        (Ok(text), data) => Ok(PageText { url, text, data }),
        (Err(ExtractError::Empty), Some(data)) => Ok(PageText { url, text: String::new(), data: Some(data) }),
        (Err(error), _) => Err(error),
    }
}

/// An endpoint that is not well is no fault of the page: such an item may be tried again.
fn of(error: &ModelError) -> FailedPage {
    let code = match error {
        ModelError::Unavailable(_) => ErrorCode::Internal,
        ModelError::Refused(_) | ModelError::NoAnswer(_) | ModelError::BadSchema(_) => {
            ErrorCode::ExtractionFailed
        }
        ModelError::SchemaMismatch(_) => ErrorCode::SchemaMismatch,
    };
    failed(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    fn document(body: Body) -> Document {
        let final_url = Url::parse("https://shop.test/leaf").unwrap();
        Document { final_url, http_status: 200, body }
    }

    fn other(kind: DocumentKind, text: &'static str) -> Document {
        document(Body::Other { kind, bytes: Bytes::from_static(text.as_bytes()), charset: None })
    }

    #[test]
    fn a_page_is_given_as_its_text_and_what_it_says_about_itself() {
        let html = "<html><head><script type=\"application/ld+json\">{\"@type\":\"Product\",\"sku\":\"L-1\"}</script>\
                    </head><body><h1>Leaf</h1><p>Fresh from the tree.</p></body></html>";
        let page = page_text(document(Body::Html(html.to_owned())), false, 10_000).unwrap();
        assert!(page.text.contains("# Leaf") && page.url == "https://shop.test/leaf", "{page:?}");
        assert!(page.data.unwrap().contains("L-1"));
    }

    #[test]
    fn other_documents_are_given_as_they_are() {
        let page = page_text(other(DocumentKind::Json, "{\"a\": 1}"), false, 10_000).unwrap();
        assert_eq!((page.text.as_str(), page.data), ("{\"a\": 1}", None));
        assert_eq!(
            page_text(other(DocumentKind::Text, " \n"), false, 10_000).unwrap_err(),
            ExtractError::Empty
        );
    }

    #[test]
    fn only_an_endpoint_that_is_not_well_is_worth_another_try() {
        let code = |error| of(&error).code;
        assert!(code(ModelError::Unavailable("answered 503".to_owned())).retryable());
        assert_eq!(code(ModelError::NoAnswer("said nothing")), ErrorCode::ExtractionFailed);
        assert_eq!(code(ModelError::SchemaMismatch(vec![])), ErrorCode::SchemaMismatch);
    }
}
